"""How the larger underlyings of a book have moved together: what the three answers about correlation begin with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from riskmath.arrays import BoolArray, FloatArray
from riskmath.correlation import Correlations, average_correlation, correlations, with_sides
from riskmath.returns import log_returns
from services.risk.domain.analysis import Lookback
from services.risk.domain.assessed import Assessed
from services.risk.domain.inputs import Inputs
from services.risk.domain.underlyings import Underlyings, closes_of, net_by_underlying

MIN_VALUE: Final = 10_000.0
"""An underlying with less exposure, in base currency, is small."""
MIN_WEIGHT: Final = 0.01
"""So is one with a smaller part of the gross exposure."""
MOST_SYMBOLS: Final = 1_000
"""Of more underlyings the matrix of all pairs is not taken apart: its eigenvectors cost the cube of their number."""
FilterMode = Literal["both", "either", "value_only", "weight_only"]
PASSES: Mapping[FilterMode, Callable[[BoolArray, BoolArray], BoolArray]] = MappingProxyType(
    {
        "both": lambda value, weight: value & weight,
        "either": lambda value, weight: value | weight,
        "value_only": lambda value, _: value,
        "weight_only": lambda _, weight: weight,
    }
)


@dataclass(frozen=True, slots=True)
class Window:
    """Which history, and of which underlyings."""

    lookback_days: int
    min_overlap: int
    filter_mode: FilterMode


@dataclass(frozen=True, slots=True)
class IncludedSymbol:
    """An underlying that the answer is about."""

    symbol: str
    net_exposure: float
    weight: float
    """Part of the gross exposure of all that are included, a decimal."""


@dataclass(frozen=True, slots=True)
class LeftOutSymbol:
    """An underlying that it is not about, and why."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Comovement:
    """The underlyings that correlations are known of, and the correlations."""

    underlyings: Underlyings
    returns: FloatArray
    """(T, N), logarithmic, of the sessions asked for; NaN where one is missing."""
    correlations: Correlations
    """(N, N), of the instruments; nothing in it is missing."""
    left_out: tuple[LeftOutSymbol, ...]
    lookback: Lookback
    warnings: tuple[str, ...]

    @property
    def as_held(self) -> FloatArray:
        """(N, N), correlations of the exposures: with a short, the sign is turned."""
        return with_sides(self.correlations.matrix, self.underlyings.exposure)

    @property
    def average(self) -> float | None:
        """Mean correlation of all pairs of exposures. None: there is no pair."""
        return average_correlation(self.as_held)

    @property
    def weights(self) -> FloatArray:
        """(N,), parts of the gross exposure, decimals."""
        size = np.abs(self.underlyings.exposure)
        return np.asarray(size / size.sum())

    def included(self) -> tuple[IncludedSymbol, ...]:
        """Give the underlyings, the largest first."""
        exposures = self.underlyings.exposure.tolist()
        return tuple(map(IncludedSymbol, self.underlyings.symbols, exposures, self.weights.tolist()))


def comovement(inputs: Inputs, assessed: Assessed, window: Window, max_symbols: int | None = None) -> Comovement | None:
    """Correlate the larger underlyings of a book, at most so many of them. None: fewer than two have a history."""
    everything = net_by_underlying(inputs.book.held, assessed)
    chosen, left_out = _larger(everything, window.filter_mode, max_symbols)
    if len(chosen) < 2:
        return None
    returns = log_returns(closes_of(chosen, inputs.history))
    found = correlations(returns, min_overlap=window.min_overlap)
    kept = np.flatnonzero(found.covered).tolist()
    if len(kept) < 2:
        return None
    left_out += [
        LeftOutSymbol(symbol, "insufficient_overlap")
        for symbol, covered in zip(chosen.symbols, found.covered, strict=True)
        if not covered
    ]
    square = np.ix_(kept, kept)
    among = Correlations(
        matrix=found.matrix[square],
        covered=found.covered[kept],
        observations=found.observations[square],
        window=found.window,
        distance=found.distance,
    )
    dates = inputs.history.session_dates[1:] if inputs.history else ()
    return Comovement(
        underlyings=chosen.only(kept),
        returns=returns[:, kept],
        correlations=among,
        left_out=tuple(left_out),
        lookback=_lookback(dates, returns[:, kept], among, window),
        warnings=_warnings(among),
    )


def too_many(inputs: Inputs, assessed: Assessed, window: Window) -> bool:
    """Whether more underlyings are not small than all of which can be looked at together."""
    chosen, _ = _larger(net_by_underlying(inputs.book.held, assessed), window.filter_mode, None)
    return len(chosen) > MOST_SYMBOLS


def _larger(
    everything: Underlyings, mode: FilterMode, max_symbols: int | None
) -> tuple[Underlyings, list[LeftOutSymbol]]:
    """Give the underlyings that are not small, and why the others are left out."""
    size = np.abs(everything.exposure)
    passing = PASSES[mode](size >= MIN_VALUE, (size >= MIN_WEIGHT * size.sum()) & (size > 0.0))
    large = np.flatnonzero(passing).tolist()
    left_out = [LeftOutSymbol(everything.symbols[place], "below_threshold") for place in np.flatnonzero(~passing)]
    beyond = large[max_symbols:] if max_symbols else []
    left_out += [LeftOutSymbol(everything.symbols[place], "beyond_max_symbols") for place in beyond]
    return everything.only(large[:max_symbols]), left_out


def _lookback(dates: tuple[date, ...], returns: FloatArray, among: Correlations, window: Window) -> Lookback:
    known = ~np.isnan(returns)
    used = np.flatnonzero(known.all(axis=1) if among.window == "common" else known.any(axis=1))
    return Lookback(
        lookback_days=window.lookback_days,
        observations=int(among.observations.min()),
        start_date=dates[int(used[0])],
        end_date=dates[int(used[-1])],
    )


def _warnings(among: Correlations) -> tuple[str, ...]:
    if among.window == "common":
        return ()
    sessions = int(among.observations.min())
    told = [f"histories differ: each correlation is of the sessions that its two symbols share, {sessions} or more"]
    if among.distance > 0.0:
        told.append(
            "the correlations did not fit together and were replaced by the nearest that do "
            f"(Frobenius distance {among.distance:.4g})"
        )
    return tuple(told)
