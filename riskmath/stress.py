"""Profit and loss of positions under moves of factors, rates, currencies and single instruments (section 5).

Each instrument's return is linear in the factors, and never below -100 %: what a share cannot lose is taken back, and
said. Options are not linear; `option_revaluation` values them again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns, matrices, refuse_infinity


@dataclass(frozen=True, slots=True, eq=False)
class StressReturns:
    """Returns of N instruments under one scenario, in parts that add to the whole; of C scenarios, (C, ...) of each.

    by_factor: (N, 1 + J), market and residual styles. by_rate: (N,). own: (N,), stated for the instrument itself.
    by_currency: (N,), the cross term included. floor_adjustment: (N,), what the floor at -100 % takes back, at least 0.
    total: (N,), at least -1.
    """

    by_factor: FloatArray
    by_rate: FloatArray
    own: FloatArray
    by_currency: FloatArray
    floor_adjustment: FloatArray
    total: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StressResult:
    """Profit and loss of N positions, in base currency; the parts, as in `StressReturns`, add to `pnl`."""

    by_factor: FloatArray
    by_rate: FloatArray
    own: FloatArray
    by_currency: FloatArray
    floor_adjustment: FloatArray
    pnl: FloatArray


def stress_returns(
    market_beta: ArrayLike,
    gamma: ArrayLike,
    shocks: ArrayLike,
    *,
    rate_beta: ArrayLike | None = None,
    yield_change: ArrayLike = 0.0,
    own: ArrayLike | None = None,
    fx: ArrayLike | None = None,
) -> StressReturns:
    """Returns of instruments under a scenario, or under several at once.

    Formula: r = beta m + sum gamma_j e_j + rate_beta dy, or the instrument's own shock in place of it; never below -1;
        then (1 + r)(1 + r_fx) - 1.
    Shapes: market_beta (N,), gamma (N, J), rate_beta (N,). One scenario: shocks (1 + J,) as `FactorShocks.direct` or
        `.correlated`, yield_change a number, own and fx (N,). C of them: shocks (C, 1 + J), yield_change a number or
        (C,), own and fx (C, N). None: no rate beta, no own shock, no currency moves.
    Units: decimals; rate_beta the return per 1.00 of yield, yield_change in decimals (0.01 = 100 bp).
    NaN: in `own`, no shock of its own. In a beta, unknown: the row is NaN, unless it has its own shock, or what it
        would be multiplied with does not move.
    Errors: ValueError for infinity, different shapes, an own or currency move below -1; FloatingPointError when a
        return is beyond float64.
    Source: methodology, section 5.
    """
    (beta,) = columns(market_beta=market_beta)
    style, _ = matrices(gamma=gamma, market_beta=beta[:, None])
    rate = np.full(beta.size, np.nan) if rate_beta is None else columns(rate_beta=rate_beta, market_beta=beta)[0]
    moves, change = np.asarray(shocks, dtype=np.float64), np.asarray(yield_change, dtype=np.float64)
    if moves.shape[-1:] != (1 + style.shape[1],) or not (np.isfinite(moves).all() and np.isfinite(change).all()):
        raise ValueError(f"shocks is {moves.tolist()}: must be 1 + {style.shape[1]} known moves")
    shape = (*moves.shape[:-1], beta.size)
    stated, currency = _moves("own", own, shape, np.nan), _moves("fx", fx, shape, 0.0)
    has_own = ~np.isnan(stated)
    with np.errstate(over="raise"):
        factors = _times(np.column_stack([beta, style]), moves[..., None, :])
        by_factor = np.where(has_own[..., None], 0.0, factors)
        by_rate = np.where(has_own, 0.0, _times(rate, change[..., None]))
        plain = by_factor.sum(axis=-1) + by_rate + np.where(has_own, stated, 0.0)
        floor = np.maximum(-1.0 - plain, 0.0)
        by_currency = (1.0 + plain + floor) * currency
    return StressReturns(
        by_factor=by_factor,
        by_rate=by_rate,
        own=np.where(has_own, stated, 0.0),
        by_currency=by_currency,
        floor_adjustment=floor,
        total=np.maximum(plain, -1.0) + by_currency,
    )


def stress_pnl(exposure: ArrayLike, returns: StressReturns) -> StressResult:
    """Profit and loss of positions that are linear in their instruments.

    Formula: exposure x return, part by part.
    Shapes: exposure (N,), signed, in base currency. NaN: a missing exposure or return is a missing result.
    Errors: ValueError for infinity or different lengths; FloatingPointError when a product is beyond float64.
    """
    (size,) = columns(exposure=exposure)
    if size.size != returns.total.size:
        raise ValueError(f"exposure has {size.size} rows, returns has {returns.total.size}: must be as many")
    with np.errstate(over="raise"):
        return StressResult(
            by_factor=size[:, None] * returns.by_factor,
            by_rate=size * returns.by_rate,
            own=size * returns.own,
            by_currency=size * returns.by_currency,
            floor_adjustment=size * returns.floor_adjustment,
            pnl=size * returns.total,
        )


def _times(betas: FloatArray, moves: FloatArray) -> FloatArray:
    """beta x move, 0 where nothing moves, whatever the beta."""
    return np.asarray(np.where(moves == 0.0, 0.0, betas * moves))


def _moves(name: str, values: ArrayLike | None, shape: tuple[int, ...], absent: float) -> FloatArray:
    if values is None:
        return np.full(shape, absent)
    found = np.asarray(values, dtype=np.float64)
    if found.shape != shape:
        raise ValueError(f"{name} has shape {found.shape}: must be {shape}")
    refuse_infinity(name, found)
    if (found < -1.0).any():
        place = np.argwhere(found < -1.0)[0].tolist()
        raise ValueError(f"{name}{place} is {found[*place]}: must be at least -1")
    return found
