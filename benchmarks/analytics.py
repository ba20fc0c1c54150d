"""Risk analytics on one core, each beside what one would write instead, in the same run."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray

from benchmarks.measurement import Case, Measurement
from benchmarks.timing import exponent, median_seconds
from riskmath.aggregation import aggregate, one_group_each
from riskmath.correlation import correlations
from riskmath.covariance import DECAY, ewma_covariance
from riskmath.factor_model import market_plus_styles
from riskmath.tail_risk import tail_risk

Array = NDArray[np.float64]

YEAR = 252
FACTORS = 7
PEER_FITS = 200
PEER_BOOKS = 300
TAGS = 500


def factor_regression(arguments: list[str]) -> Measurement:
    """Joint regressions of a year on the market and six styles, with errors, t and R2; peer: a statsmodels loop."""
    repeats = _repeats("factor_regression", arguments)
    sizes = (1_000, 10_000, 40_000)
    factors = np.random.default_rng(1).normal(0.0, 0.01, (YEAR, FACTORS))
    peer = PEER_FITS / median_seconds(lambda: _by_statsmodels(factors, _returns(factors, PEER_FITS)), repeats)
    fit = partial(market_plus_styles, market=factors[:, 0], styles=factors[:, 1:])
    cases, growth = [], {}
    for name, gaps in (("complete", 0.0), ("with gaps", 0.02)):
        rates, growth[name] = _rates(
            sizes, lambda size, gaps=gaps: partial(fit, _returns(factors, size, gaps)), repeats
        )
        cases += _cases(name, sizes, rates, "fits/s", {"statsmodels": peer})
    return _measurement("factor_regression", f"regressions of {YEAR} sessions on {FACTORS} factors", cases, growth)


def correlation(arguments: list[str]) -> Measurement:
    """Correlations of 90 sessions; peer: pandas."""
    repeats = _repeats("correlation", arguments)
    sizes = (125, 250, 500)
    cases, growth = [], {}
    for name, gaps in (("complete", 0.0), ("with gaps", 0.02)):
        frame = pd.DataFrame(_moves(90, sizes[-1], gaps))
        peer = 1.0 / median_seconds(partial(frame.corr, min_periods=30), repeats)
        rates, growth[name] = _matrices(
            sizes, lambda size, gaps=gaps: partial(correlations, _moves(90, size, gaps), repair=False), repeats
        )
        cases += _cases(name, sizes, rates, "matrices/s", {"pandas": peer}, last_only=True)
    return _measurement("correlation", "correlations of 90 sessions, without repair", cases, growth)


def ewma(arguments: list[str]) -> Measurement:
    """Exponentially weighted covariance of a year; peer: a loop over the sessions."""
    repeats = _repeats("ewma", arguments)
    sizes = (125, 250, 500)
    moves = _moves(YEAR, sizes[-1], 0.0)
    peer = 1.0 / median_seconds(lambda: _by_recursion(moves), repeats)
    rates, growth = _matrices(sizes, lambda size: partial(ewma_covariance, _moves(YEAR, size, 0.0)), repeats)
    cases = _cases("EWMA", sizes, rates, "matrices/s", {"loop": peer}, last_only=True)
    return _measurement("ewma", f"weighted covariance of {YEAR} sessions", cases, {"EWMA": growth})


def tail(arguments: list[str]) -> Measurement:
    """Value at risk and expected shortfall of books of 50 instruments over a year; peer: pandas, book by book."""
    repeats = _repeats("tail", arguments)
    sizes = (1_000, 10_000, 40_000)
    moves = _moves(YEAR, 50, 0.0)
    frame = pd.DataFrame(moves)
    sample = _weights(PEER_BOOKS)
    peer = PEER_BOOKS / median_seconds(lambda: [_by_pandas(frame, book) for book in sample.T], repeats)
    rates, growth = _rates(sizes, lambda size: partial(_tails, moves, _weights(size)), repeats)
    cases = _cases("books", sizes, rates, "books/s", {"pandas": peer})
    return _measurement("tail", "value at risk and expected shortfall of 50 instruments", cases, {"books": growth})


def aggregation(arguments: list[str]) -> Measurement:
    """Sums of five measures by 500 tags; peer: pandas."""
    repeats = _repeats("aggregation", arguments)
    sizes = (10_000, 100_000, 1_000_000)
    random = np.random.default_rng(5)
    measures, tag = random.normal(0.0, 1e5, (sizes[-1], 5)), random.integers(0, TAGS, sizes[-1])
    frame = pd.DataFrame(measures)
    peer = sizes[-1] / median_seconds(lambda: frame.groupby(tag).sum(), repeats)

    def sums(size: int) -> Callable[[], object]:
        return partial(aggregate, measures[:size], one_group_each(tag[:size], size=TAGS))

    rates, growth = _rates(sizes, sums, repeats)
    cases = _cases("positions", sizes, rates, "positions/s", {"pandas": peer})
    return _measurement(
        "aggregation", f"five measures by {TAGS} tags, groups made before", cases, {"positions": growth}
    )


def _by_statsmodels(factors: Array, returns: Array) -> list[object]:
    design = sm.add_constant(factors)
    return [(fit.params, fit.bse, fit.tvalues, fit.rsquared) for fit in (sm.OLS(y, design).fit() for y in returns.T)]


def _by_recursion(moves: Array) -> Array:
    covariance = np.outer(moves[0], moves[0])
    for row in moves[1:]:
        covariance = DECAY * covariance + (1.0 - DECAY) * np.outer(row, row)
    return covariance


def _by_pandas(frame: pd.DataFrame, book: Array) -> tuple[float, float]:
    outcome = (frame * book).sum(axis=1)
    edge = outcome.quantile(0.05)
    return -edge, -outcome[outcome <= edge].mean()


def _tails(moves: Array, books: Array) -> object:
    return tail_risk(moves @ books)


def _returns(factors: Array, number: int, gaps: float = 0.0) -> Array:
    random = np.random.default_rng(number)
    found = factors @ random.normal(0.3, 0.5, (FACTORS, number)) + random.normal(0.0, 0.015, (YEAR, number))
    found[random.random(found.shape) < gaps] = np.nan
    return found


def _moves(sessions: int, number: int, gaps: float) -> Array:
    random = np.random.default_rng(number)
    found = random.normal(0.0, 0.01, (sessions, number)) + random.normal(0.0, 0.01, (sessions, 1))
    found[random.random(found.shape) < gaps] = np.nan
    return found


def _weights(books: int) -> Array:
    return np.random.default_rng(books).normal(0.02, 0.05, (50, books))


def _repeats(name: str, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
    parser.add_argument("--repeats", type=int, default=7, help="samples of which the median is taken (default: 7)")
    return int(parser.parse_args(arguments).repeats)


def _rates(
    sizes: Sequence[int], prepared: Callable[[int], Callable[[], object]], repeats: int
) -> tuple[list[float], float]:
    """Pieces a second at each size, and the power of the size that the time grows with."""
    seconds = [median_seconds(prepared(size), repeats, max(1, sizes[1] // size)) for size in sizes]
    return [size / spent for size, spent in zip(sizes, seconds, strict=True)], exponent(sizes, seconds)


def _matrices(
    sizes: Sequence[int], prepared: Callable[[int], Callable[[], object]], repeats: int
) -> tuple[list[float], float]:
    """The same of matrices of each size: it is one of them that is counted."""
    rates, growth = _rates(sizes, prepared, repeats)
    return [rate / size for size, rate in zip(sizes, rates, strict=True)], growth


def _cases(
    name: str,
    sizes: Sequence[int],
    rates: Sequence[float],
    unit: str,
    peers: Mapping[str, float],
    *,
    last_only: bool = False,
) -> list[Case]:
    """A case for each size and each peer; the peer is compared where it did the same work."""
    found = []
    for size, rate in zip(sizes, rates, strict=True):
        compared = (
            {} if last_only and size != sizes[-1] else {f"times {peer}": rate / own for peer, own in peers.items()}
        )
        found.append(Case(f"{name}, {size:,}", {unit: rate, **compared}))
    return found + [Case(f"{peer}, {name}", {unit: own}) for peer, own in peers.items()]


def _measurement(name: str, subject: str, cases: Sequence[Case], growth: Mapping[str, float]) -> Measurement:
    powers = ", ".join(f"{case}: time grows with size^{power:.2f}" for case, power in growth.items())
    return Measurement(name, f"{subject}, one core, {powers}", cases)
