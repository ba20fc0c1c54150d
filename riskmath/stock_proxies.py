"""The factor model `stock_proxies`: what a stock does beside funds and peers that are its own (methodology, section 3).

Where `market_plus_styles` measures all instruments with the same factors, here each has funds of its own for market,
momentum, value and industry, and peers in its subindustry. Months in place of sessions: a peer abroad closes at another
hour, and a month does not mind.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.regression import least_squares

PROXIES: Final = ("market", "momentum", "value", "industry", "subindustry")
"""The order of the proxies, in which one gives way to those before it."""
RESIDUAL: Final = frozenset({"industry", "subindustry"})
"""Those of which only what they do beside the market counts."""
MONTHS: Final = 24
"""Months below which a stock has no fit, and a proxy is not in it."""
DEPENDENT: Final = 1e-8
"""What is left of a proxy beside the others is none of its own below this part of its deviation."""


@dataclass(frozen=True, slots=True, eq=False)
class ProxyFit:
    """The regression of one stock on its proxies, in the order of `PROXIES`. Of one month.

    observations: months in it. left_out: (5,), why a proxy is not in it, empty where it is: `no_history` without a
        month in common with the stock, `insufficient_history` with too few beside the proxies before it,
        `depends_on_other_proxies` where it adds nothing to them.
    alpha: return a month beyond the proxies'. coefficients, errors, t: (5,), NaN for those left out.
    market_beta, market_beta_error: cov(r, m) / var(m) over the same months, as if there were no other proxy.
    r2: explained part of the variance. residual_volatility: with n less the parameters.
    Without a fit everything is NaN but `observations`, the months in common with the market, and `left_out`.
    """

    observations: int
    left_out: tuple[str, ...]
    alpha: float
    coefficients: FloatArray
    errors: FloatArray
    t: FloatArray
    market_beta: float
    market_beta_error: float
    r2: float
    residual_volatility: float


def proxy_fit(returns: ArrayLike, proxies: ArrayLike, *, minimum: int = MONTHS) -> ProxyFit:
    """Ordinary least squares of a stock on its proxies, in the months in which it and all of them are known.

    Formula: r = alpha + b_1 market + b_2 momentum + b_3 value + b_4 u + b_5 v + eps, u and v what industry and peers do
        beside the market: f - delta m, delta = cov(f, m) / var(m) over the months of the fit. So what they have in
        common with the market is in b_1. Proxies enter in their order: one with fewer than `minimum` months in common
        with those before it is left out, and one that is made of those before it.
    Shapes: returns (T,), proxies (T, 5) as `PROXIES`; of peers the median, see `median_of_peers`.
    Units: simple returns of months, decimals. minimum: months; always more than the parameters by two.
    NaN: missing; a proxy that there is none of is a column of it. There is no fit without a market that moves.
    Errors: ValueError for infinity, different lengths, a number of proxies other than five.
    Source: methodology, section 3; standard errors as `least_squares`.
    """
    (r,) = columns(returns=returns)
    f, _ = matrices(proxies=proxies, returns=r[:, None])
    if f.shape[1] != len(PROXIES):
        raise ValueError(f"proxies has {f.shape[1]} columns: must be {len(PROXIES)}")
    left_out, months = _common_months(r, f, max(minimum, len(PROXIES) + 3))
    design, chosen = _design(f[months], left_out)
    if left_out[0]:
        return _no_fit(int((~np.isnan(r + f[:, 0])).sum()), left_out)
    fit = least_squares(r[months][:, None], design)
    alone = least_squares(r[months][:, None], design[:, :1])
    return ProxyFit(
        observations=int(months.sum()),
        left_out=tuple(left_out),
        alpha=float(fit.alpha[0]),
        coefficients=_spread(fit.coefficients[0], chosen),
        errors=_spread(fit.errors[0], chosen),
        t=_spread(fit.t[0], chosen),
        market_beta=float(alone.coefficients[0, 0]),
        market_beta_error=float(alone.errors[0, 0]),
        r2=float(fit.r2[0]),
        residual_volatility=float(fit.residual_volatility[0]),
    )


def median_of_peers(returns: ArrayLike) -> FloatArray:
    """What the peers of a stock returned: the median, which one of them does not move.

    Formula: the median over the peers that are known, NaN where these are fewer than half.
    Shapes: returns (T, P), result (T,); NaN where P is 0. NaN: missing. Errors: ValueError for infinity.
    """
    (r,) = matrices(returns=returns)
    median = np.full(len(r), np.nan)
    known = (~np.isnan(r)).sum(axis=1)
    enough = (known > 0) & (2 * known >= r.shape[1])
    if enough.any():
        median[enough] = np.nanmedian(r[enough], axis=1)
    return median


def _common_months(r: FloatArray, f: FloatArray, minimum: int) -> tuple[list[str], BoolArray]:
    """Why proxies are left out for want of months, and the months that the stock and the others share."""
    months: BoolArray = ~np.isnan(r)
    left_out = []
    for known in (~np.isnan(f)).T:
        shared = months & known
        if shared.sum() >= minimum:
            months = shared
        left_out.append("" if months is shared else "insufficient_history" if shared.any() else "no_history")
    return left_out, months


def _design(f: FloatArray, left_out: list[str]) -> tuple[FloatArray, list[int]]:
    """The regressors, and which proxies they are; those that are made of others are left out, and named so."""
    kept: list[FloatArray] = []
    chosen: list[int] = []
    if left_out[0]:
        return np.empty((len(f), 0)), chosen
    market = f[:, 0] - f[:, 0].mean()
    for place, name in enumerate(PROXIES):
        if left_out[place]:
            continue
        column = f[:, place]
        if name in RESIDUAL:
            column = column - (market @ column) / (market @ market) * f[:, 0]
        if _adds_nothing(column, f[:, place], kept):
            left_out[place] = "depends_on_other_proxies"
            if place == 0:
                break
        else:
            kept.append(column)
            chosen.append(place)
    return np.array(kept).reshape(len(kept), len(f)).T, chosen


def _adds_nothing(column: FloatArray, raw: FloatArray, kept: list[FloatArray]) -> bool:
    """Whether a regressor is a mixture of a constant and the others, but for what rounding left of it."""
    others = np.column_stack([np.ones(len(column)), *kept])
    rest = column - others @ np.linalg.lstsq(others, column, rcond=None)[0]
    return bool(np.abs(rest).max() <= DEPENDENT * np.abs(raw).max())


def _spread(values: FloatArray, chosen: list[int]) -> FloatArray:
    result = np.full(len(PROXIES), np.nan)
    result[chosen] = values
    return result


def _no_fit(observations: int, left_out: list[str]) -> ProxyFit:
    nothing = np.full(len(PROXIES), np.nan)
    nan = float("nan")
    return ProxyFit(observations, tuple(left_out), nan, nothing, nothing, nothing, nan, nan, nan, nan)
