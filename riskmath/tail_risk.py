"""Value at risk and expected shortfall of profit and loss that is simulated, observed or modelled (section 8).

Both are losses, positive. Simulated results are taken as they are, every one with the same probability; how they come
about is the subject of `simulation`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri  # type: ignore[import-untyped]  # scipy comes without types

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class TailRisk:
    """Value at risk and expected shortfall, positive losses in the unit of the results. (P,), one for each book."""

    value_at_risk: FloatArray
    expected_shortfall: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TailParts:
    """The tail of one book and what each of N positions has in it.

    component_shortfall: (N,), mean loss of the position in the tail; sums to expected_shortfall.
    component_var: (N,), the same scaled by value at risk / expected shortfall; sums to value_at_risk. None where the
        expected shortfall is 0.
    """

    value_at_risk: float
    expected_shortfall: float
    component_shortfall: FloatArray
    component_var: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class ModelledTail:
    """The tail by a formula, of one book and its N positions; both components sum exactly.

    valid: whether the formula still rises with the confidence there (Cornish-Fisher fails for a wild shape).
    """

    value_at_risk: float
    expected_shortfall: float
    component_var: FloatArray
    component_shortfall: FloatArray
    valid: bool


def tail_risk(pnl: ArrayLike, confidence: float = CONFIDENCE) -> TailRisk:
    """Value at risk and expected shortfall of many books from their simulated results.

    Formula: k = S (1 - c), rounded at 1e-9; losses in falling order L_1, L_2, ...: VaR = L_(floor k + 1),
        ES = (L_1 + ... + L_(floor k) + (k - floor k) L_(floor k + 1)) / k.
    Shapes: pnl (S, P), S scenarios of P books; results (P,). S (1 - c) is at least 1.
    Units: any money or return, a loss is negative; results positive for a loss. confidence between 0 and 1.
    NaN: a book with a missing scenario has no result.
    Errors: ValueError for infinity, a confidence outside (0, 1), fewer scenarios than the tail needs.
    Source: Acerbi and Tasche, On the coherence of expected shortfall, 2002; methodology, section 8.
    """
    (outcome,) = matrices(pnl=pnl)
    k, whole = _tail_size(len(outcome), confidence)
    # the worst first: books in rows, so that each is sorted where it lies
    worst = np.partition(np.ascontiguousarray(outcome.T), whole, axis=1)[:, : whole + 1]
    edge = worst[:, whole]
    missing = np.isnan(outcome.sum(axis=0))
    shortfall = -(worst[:, :whole].sum(axis=1) + (k - whole) * edge) / k
    return TailRisk(
        value_at_risk=np.where(missing, np.nan, -edge),
        expected_shortfall=np.where(missing, np.nan, np.maximum(shortfall, -edge)),
    )


def tail_parts(pnl: ArrayLike, confidence: float = CONFIDENCE) -> TailParts:
    """Tail of one book, divided among its positions.

    Formula: the scenarios of the tail by the book's result, weighted as in `tail_risk`; component ES = weighted mean
        loss of the position; component VaR = component ES x VaR / ES.
    Shapes: pnl (S, N), S scenarios of N positions. Units and source: as `tail_risk`.
    NaN: not accepted. Errors: as `tail_risk`, and for NaN.
    """
    (outcome,) = matrices(pnl=pnl)
    refuse_missing(pnl=outcome)
    return tail_parts_of(outcome.sum(axis=1), lambda worst: outcome[worst], confidence)


def tail_parts_of(
    total: ArrayLike, positions: Callable[[NDArray[np.int64]], FloatArray], confidence: float = CONFIDENCE
) -> TailParts:
    """The same, of results of the book, (S,), where those of its positions are wanted in the tail alone.

    positions gives them for the scenarios of the tail, (n,) places, as (n, N).
    """
    (results,) = columns(total=total)
    refuse_missing(total=results)
    k, whole = _tail_size(len(results), confidence)
    worst = np.argsort(results, kind="stable")[: whole + 1]
    weight = np.ones(whole + 1)
    weight[whole] = k - whole
    parts = -(weight @ positions(worst)) / k
    shortfall, at_risk = float(parts.sum()), float(-results[worst[whole]])
    return TailParts(
        value_at_risk=at_risk,
        expected_shortfall=shortfall,
        component_shortfall=parts,
        component_var=parts * (at_risk / shortfall) if shortfall != 0.0 else None,
    )


def parametric_tail(
    exposure: ArrayLike, covariance: ArrayLike, *, confidence: float = CONFIDENCE, horizon: float = 1.0
) -> ModelledTail:
    """Tail of a book whose returns are normal with mean 0.

    Formula: s = sqrt(x'Cx h); VaR = z s, ES = s n(z) / (1 - c), z the c-quantile of the normal distribution; component
        i by Euler, x_i (Cx)_i / x'Cx of either.
    Shapes: exposure (N,), covariance (N, N), of one session. Units: exposure in money or weights, and so the result;
        horizon in sessions.
    NaN: not accepted. Errors: ValueError for NaN, infinity, different lengths, a confidence not in (0, 1), a horizon
        not above 0.
    Source: RiskMetrics 1996; Tasche, Risk contributions and performance measurement, 1999.
    """
    _confident(confidence)
    (x,) = columns(exposure=exposure)
    c, _ = matrices(covariance=covariance, exposure=x[:, None])
    refuse_missing(exposure=x, covariance=c)
    image = c @ x
    variance = float(x @ image)
    z, root = float(ndtri(confidence)), _root_of_time(horizon)
    deviation = math.sqrt(max(variance, 0.0)) * root
    share = x * image / variance if variance > 0.0 else np.zeros(x.size)
    at_risk, shortfall = z * deviation, _density(z) / (1.0 - confidence) * deviation
    return ModelledTail(
        value_at_risk=at_risk,
        expected_shortfall=shortfall,
        component_var=share * at_risk,
        component_shortfall=share * shortfall,
        valid=True,
    )


def cornish_fisher_tail(pnl: ArrayLike, *, confidence: float = CONFIDENCE, horizon: float = 1.0) -> ModelledTail:
    """Tail of a book from the mean, deviation, skewness and kurtosis of its results.

    Formula: with a = z(1 - c), S skewness and K excess kurtosis of the book (S / sqrt h and K / h over h sessions),
        VaR = -m h - s sqrt(h) [a + (a^2 - 1) S/6 + (a^3 - 3a) K/24 - (2a^3 - 5a) S^2/36];
        ES = -m h + s sqrt(h) n(a)/(1 - c) [1 + a S/6 + (a^2 - 1) K/24 - (2a^2 - 1) S^2/36], its integral over the tail.
        Components by Euler, from the co-moments of the positions with the book.
    Shapes: pnl (S, N), results of N positions; moments divide by S. Units: as `tail_risk`; horizon in sessions.
    NaN: not accepted. valid is false where the expansion does not rise over the whole tail.
    Errors: ValueError for NaN, infinity, fewer than 4 results, a confidence not in (0, 1), a horizon not above 0.
    Source: Cornish and Fisher 1938; Zangari 1996; Boudt, Peterson and Croux, Estimation and decomposition of downside
        risk for portfolios with non-normal returns, 2008; Maillard, A user's guide to the Cornish-Fisher expansion,
        2012.
    """
    _confident(confidence)
    root = _root_of_time(horizon)
    (outcome,) = matrices(pnl=pnl)
    refuse_missing(pnl=outcome)
    if len(outcome) < 4:
        raise ValueError(f"pnl has {len(outcome)} rows: must have at least 4")
    mean = outcome.mean(axis=0)
    centred = outcome - mean
    book = centred.sum(axis=1)
    deviation = float(np.sqrt(np.square(book).mean()))
    unit = book / deviation if deviation > 0.0 else book
    skew, excess = float((unit**3).mean()), float((unit**4).mean()) - 3.0 if deviation > 0.0 else 0.0
    # derivatives by the size of each position, times that size: of the deviation, the skewness and the kurtosis
    by_deviation = unit @ centred / len(book)
    scale = 1.0 / deviation if deviation > 0.0 else 0.0
    by_skew = 3.0 * scale * (unit**2 @ centred / len(book) - skew * by_deviation)
    by_excess = 4.0 * scale * (unit**3 @ centred / len(book) - (excess + 3.0) * by_deviation)
    skew, by_skew = skew / root, by_skew / root
    excess, by_excess = excess / horizon, by_excess / horizon
    a = float(ndtri(1.0 - confidence))
    parts = []
    for at_tail in (_quantile(a), _tail_mean(a, confidence)):
        plain, of_skew, of_excess, of_square = at_tail
        size = plain + of_skew * skew + of_excess * excess + of_square * skew**2
        change = (of_skew + 2.0 * of_square * skew) * by_skew + of_excess * by_excess
        parts.append(-mean * horizon + root * (size * by_deviation + deviation * change))
    return ModelledTail(
        value_at_risk=float(parts[0].sum()),
        expected_shortfall=float(parts[1].sum()),
        component_var=parts[0],
        component_shortfall=parts[1],
        valid=_rises(skew, excess, a),
    )


def _quantile(a: float) -> tuple[float, float, float, float]:
    """Terms of -quantile: of 1, skewness, kurtosis, skewness squared."""
    return -a, -(a**2 - 1.0) / 6.0, -(a**3 - 3.0 * a) / 24.0, (2.0 * a**3 - 5.0 * a) / 36.0


def _tail_mean(a: float, confidence: float) -> tuple[float, float, float, float]:
    """The same of their mean over the tail, by integrals of z^k n(z)."""
    weight = _density(a) / (1.0 - confidence)
    return weight, weight * a / 6.0, weight * (a**2 - 1.0) / 24.0, -weight * (2.0 * a**2 - 1.0) / 36.0


def _rises(skew: float, excess: float, a: float) -> bool:
    """Whether the expansion's quantile falls all the way out from a."""
    z = np.linspace(min(a, 0.0) - 4.0, a, 400)
    slope = 1.0 + z * skew / 3.0 + (z**2 - 1.0) * excess / 8.0 - (6.0 * z**2 - 5.0) * skew**2 / 36.0
    return bool((slope > 0.0).all())


def _tail_size(scenarios: int, confidence: float) -> tuple[float, int]:
    _confident(confidence)
    k = round(scenarios * (1.0 - confidence), 9)
    if k < 1.0:
        raise ValueError(f"pnl has {scenarios} rows: at a confidence of {confidence} the tail has less than one")
    return k, min(math.floor(k), scenarios - 1)


def _confident(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}: must be between 0 and 1")


def _root_of_time(horizon: float) -> float:
    if not 0.0 < horizon < math.inf:
        raise ValueError(f"horizon is {horizon}: must be above 0")
    return math.sqrt(horizon)


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
