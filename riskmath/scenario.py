"""From shocks as people say them to moves of the model's factors (methodology, section 5).

People shock funds: "the market falls 45 %, quality rises 20 %". Such a pair may be impossible, because the quality
fund is mostly the market: its residual would have to move by twenty deviations. So shocks are put into the basis of the
factor model, cut there to what a year has room for, and said back.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import BoolArray, FloatArray, columns, matrices
from riskmath.covariance import two_speed_covariance
from riskmath.factor_basis import factor_basis
from riskmath.returns import SESSIONS_A_YEAR

WINDOW: Final = 252
CLIP: Final = 3.0
"""A residual style moves by no more than as many of its annual deviations."""
DIAGONAL: Final = 0.1
"""How much of the covariance of the named styles is replaced by its diagonal before it is inverted."""
MONTH: Final = 21.0
IMPLAUSIBLE: Final = 10.0
"""Distance, in deviations of a month, beyond which the stated styles are called implausible."""


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioModel:
    """What must be known of the factors to translate a scenario.

    delta: (K,), market beta of each style fund. legs: (K, J), see `style_legs`.
    residual_volatility: (K,), annual, of each style beside the market over its longest history.
    covariance: (1 + J, 1 + J), of the market and the residual styles, of one session; the F of the variance.
    raw_covariance: (1 + K, 1 + K), of the raw returns of market and funds, of one session.
    """

    delta: FloatArray
    legs: FloatArray
    residual_volatility: FloatArray
    covariance: FloatArray
    raw_covariance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FactorShocks:
    """A scenario as moves of the basis: the market, and J residual styles.

    direct, correlated: (1 + J,): unnamed ones at 0, and at what is to be expected of them.
    applied: (1 + K,), raw returns of market and funds that the correlated moves leave of the named ones; NaN unnamed.
    clipped: (K,), true where a stated style was cut.
    distance: of the stated styles given the market, in deviations of a month; None when no style is named.
    """

    direct: FloatArray
    correlated: FloatArray
    applied: FloatArray
    clipped: BoolArray
    distance: float | None

    @property
    def implausible(self) -> bool:
        """Whether the stated styles are too far from anything that happens."""
        return self.distance is not None and self.distance > IMPLAUSIBLE


def scenario_model(
    market: ArrayLike,
    styles: ArrayLike,
    *,
    value: int | None = None,
    growth: int | None = None,
    window: int = WINDOW,
) -> ScenarioModel:
    """Measures the factors from their history.

    Formula: delta over the last `window` sessions, as in the regression; residual volatility of f_k - d_k m, d_k over
        all sessions of the fund, with n - 2, x sqrt(252); covariances by `two_speed_covariance`.
    Shapes: market (T,), styles (T, K), the longest history; K may be 0. Units: simple returns.
    NaN: a fund before it existed. A session with any missing counts for that fund's volatility alone.
    Errors: as `factor_basis` on the window; ValueError for a fund known on fewer than 3 sessions.
    Source: methodology, sections 3 to 5.
    """
    (m,) = columns(market=market)
    moves, f = matrices(market=m[:, None], styles=styles)
    basis = factor_basis(m[-window:], f[-window:], value=value, growth=growth)
    residual = f @ basis.legs - np.multiply.outer(m, basis.spread_delta)
    return ScenarioModel(
        delta=basis.delta,
        legs=basis.legs,
        residual_volatility=np.array([_residual_volatility(m, fund) for fund in f.T]),
        covariance=two_speed_covariance(np.hstack([moves, residual])),
        raw_covariance=two_speed_covariance(np.hstack([moves, f])),
    )


def translate(
    model: ScenarioModel,
    market: float | None,
    styles: ArrayLike,
    *,
    hold_market: bool = False,
    as_stated: bool = False,
) -> FactorShocks:
    """Puts the shocks of a scenario into the basis of the factor model.

    Formula: e_k = clip(s_k - delta_k m, +-3 sigma_k); Growth less Value for the two, an unnamed one of them 0.
        Correlated, unnamed styles: E[u | s] = S_us (0.9 S_ss + 0.1 diag S_ss)^-1 s, S the style block of the
        covariance and s the named e. An unnamed market: direct 0; correlated the same conditional mean on raw returns
        given the raw shocks, or 0 with `hold_market` or without any style. distance = sqrt(s' S_ss^-1 s / 21), s
        before clipping.
    Shapes: styles (K,). Units: simple returns of market and funds; None and NaN where the scenario says nothing.
    as_stated: do not clip.
    Errors: ValueError for infinity, a wrong length, or a move at or below -100 %.
    Source: Kupiec, Stress testing in a value at risk framework, 1998; methodology, section 5.
    """
    (stated,) = columns(styles=styles)
    if stated.size != model.delta.size:
        raise ValueError(f"styles has {stated.size} rows: must have {model.delta.size}")
    unnamed = market is None or np.isnan(market)
    held = 0.0 if market is None or unnamed else market
    for name, moves in (("market", np.array([held])), ("styles", stated)):
        _refuse_ruin(name, moves)
    expected = _market_given(model, stated) if unnamed and not hold_market else held
    limit = np.inf if as_stated else CLIP * model.residual_volatility
    excess = stated - model.delta * expected
    cut = np.clip(excess, -limit, limit)
    direct = np.clip(stated - model.delta * held, -limit, limit)
    named = np.abs(model.legs).T @ ~np.isnan(stated) > 0.0
    by_style = model.covariance[1:, 1:]
    known = _regressors(model, cut)[named]
    correlated = np.empty(named.size)
    correlated[named] = known
    correlated[~named] = _expected(by_style, named, known)
    return FactorShocks(
        direct=np.concatenate([[held], _regressors(model, direct)]),
        correlated=np.concatenate([[expected], correlated]),
        applied=np.concatenate([[expected], cut + model.delta * expected]),
        clipped=np.abs(excess) > limit,
        distance=_distance(by_style[np.ix_(named, named)], _regressors(model, excess)[named]),
    )


def _regressors(model: ScenarioModel, styles: FloatArray) -> FloatArray:
    """Moves of the J regressors from those of K styles, an unnamed one 0."""
    return np.asarray(np.where(np.isnan(styles), 0.0, styles) @ model.legs)


def _expected(covariance: FloatArray, named: BoolArray, known: FloatArray) -> FloatArray:
    """Conditional mean of the unnamed given the named."""
    among = covariance[np.ix_(named, named)]
    regular = (1.0 - DIAGONAL) * among + DIAGONAL * np.diag(np.diag(among))
    return np.asarray(covariance[np.ix_(~named, named)] @ np.linalg.solve(regular, known))


def _market_given(model: ScenarioModel, stated: FloatArray) -> float:
    named = np.concatenate([[False], ~np.isnan(stated)])
    if not named.any():
        return 0.0
    return max(float(_expected(model.raw_covariance, named, stated[named[1:]])[0]), -1.0)


def _distance(covariance: FloatArray, moves: FloatArray) -> float | None:
    if not moves.size:
        return None
    return float(np.sqrt(moves @ np.linalg.solve(covariance, moves) / MONTH))


def _residual_volatility(market: FloatArray, fund: FloatArray) -> float:
    known = ~np.isnan(market + fund)
    if known.sum() < 3:
        raise ValueError(f"a style is known on {known.sum()} sessions: must be at least 3")
    m, f = market[known] - market[known].mean(), fund[known] - fund[known].mean()
    left = f - m * (m @ f) / (m @ m)
    return float(np.sqrt(left @ left / (known.sum() - 2.0) * SESSIONS_A_YEAR))


def _refuse_ruin(name: str, moves: FloatArray) -> None:
    for row, move in enumerate(moves.tolist()):
        if move <= -1.0 or np.isinf(move):
            raise ValueError(f"{name}[{row}] is {move}: must be a return above -1")
