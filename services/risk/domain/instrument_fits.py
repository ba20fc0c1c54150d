"""Fits of single instruments: each a row of numbers, the same to the last bit whatever it is computed beside.

Products of matrices are rounded differently in different shapes. So instruments are fitted in blocks of one width,
those with gaps apart, and a block that is not full is filled up with what it has. Then a fit that was stored and one
that is computed again are one, and a row can be kept under a digest of all that it is made of.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from riskmath.arrays import FloatArray
from riskmath.factor_model import MINIMUM, FactorFits, market_plus_styles
from riskmath.returns import simple_returns
from services.risk.domain.factor_returns import FactorReturns, factor_returns
from services.risk.domain.inputs import Inputs
from services.risk.domain.result_id import MODEL_VERSION, this_platform

WINDOW: Final = 252
"""Sessions that are regressed on."""
BLOCK: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What the instruments of a book are fitted on, and the key of each fit."""

    keys: tuple[str, ...]
    """(N,)"""
    returns: FloatArray
    """(T, N)"""
    factors: FactorReturns

    def fit(self, keys: Sequence[str]) -> dict[str, FloatArray]:
        """Fit those that are named. Empty: their numbers leave float64, which the analysis that needs them will say."""
        column_of = {key: column for column, key in enumerate(self.keys)}
        try:
            with np.errstate(over="raise"):
                rows = fit_rows(self.returns[:, [column_of[key] for key in keys]], self.factors)
        except FloatingPointError:
            return {}
        return dict(zip(keys, rows, strict=True))


def windows_of(inputs: Inputs) -> Windows | None:
    """Give the windows of everything that a book follows and that has a fit. None: there is nothing to fit."""
    history = inputs.history
    if history is None:
        return None
    factors = factor_returns(inputs.factors, history.session_dates[-WINDOW - 1 :], MINIMUM)
    if factors is None:
        return None
    closes = history.columns(inputs.book.followed_ids())[-WINDOW - 1 :]
    try:
        returns = simple_returns(np.where(closes > 0.0, closes, np.nan))
    except FloatingPointError:  # which the analysis will say
        return None
    fitted = returns[:, (~np.isnan(returns)).sum(axis=0) >= MINIMUM]
    return Windows(tuple(fit_keys(fitted, factors)), fitted, factors) if fitted.size else None


def fits_of(returns: FloatArray, factors: FactorReturns, known: Mapping[str, FloatArray] | None = None) -> FactorFits:
    """Give the fits of instruments, returns (T, N), on the factors over the same sessions; `known` by their keys."""
    rows = np.full((returns.shape[1], sum(_widths(factors).values())), np.nan)
    keys = list(fit_keys(returns, factors)) if known else []
    there = np.array([key in known for key in keys], dtype=bool) if known else np.zeros(len(rows), dtype=bool)
    for place in np.flatnonzero(there):
        assert known is not None, "what is there is known"
        rows[place] = known[keys[place]]
    rows[~there] = fit_rows(returns[:, ~there], factors)
    return _as_fits(rows, factors)


def fit_rows(returns: FloatArray, factors: FactorReturns) -> FloatArray:
    """Fit instruments: a row each, (N, W), all fields of `FactorFits` one after the other."""
    rows = np.empty((returns.shape[1], sum(_widths(factors).values())))
    gaps = np.isnan(returns).any(axis=0)
    for chosen in (np.flatnonzero(~gaps), np.flatnonzero(gaps)):
        for start in range(0, chosen.size, BLOCK):
            block = chosen[start : start + BLOCK]
            filled = np.ascontiguousarray(returns[:, np.resize(block, BLOCK)])
            fits = market_plus_styles(
                filled, factors.market, factors.styles, value=factors.value, growth=factors.growth
            )
            rows[block] = np.column_stack([getattr(fits, name) for name in _widths(factors)])[: block.size]
    return rows


def fit_keys(returns: FloatArray, factors: FactorReturns) -> Iterator[str]:
    """Give a SHA-256, in hex, of all that each fit is made of: both windows, the formulas, the machine."""
    shared = hashlib.sha256("\n".join([MODEL_VERSION, this_platform(), *factors.names]).encode())
    shared.update(_bytes(factors.returns))
    for column in returns.T:
        own = shared.copy()
        own.update(_bytes(column))
        yield own.hexdigest()


def _widths(factors: FactorReturns) -> dict[str, int]:
    """How many numbers each field of `FactorFits` has."""
    wide = dict.fromkeys(("gamma", "delta"), len(factors.regressors) - 1)
    wide |= dict.fromkeys(("coefficients", "errors", "t"), len(factors.names))
    return {field.name: wide.get(field.name, 1) for field in fields(FactorFits)}


def _as_fits(rows: FloatArray, factors: FactorReturns) -> FactorFits:
    columns: dict[str, Any] = {}
    start = 0
    for name, width in _widths(factors).items():
        part = np.ascontiguousarray(rows[:, start : start + width])
        columns[name] = part if name in ("gamma", "delta", "coefficients", "errors", "t") else part[:, 0]
        start += width
    return FactorFits(**columns | {"observations": columns["observations"].astype(np.int64)})


def _bytes(numbers: FloatArray) -> bytes:
    """The numbers, with one bit pattern for every NaN."""
    return np.ascontiguousarray(np.where(np.isnan(numbers), np.nan, numbers), dtype="<f8").tobytes()
