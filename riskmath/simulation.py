"""Joint returns of instruments that may come next: from the past, from the past at today's volatility, from a model.

Scenarios are (S, N), simple returns. Positions that are linear take exposure x return; options are valued again
by `option_curves` (methodology, section 8).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing
from riskmath.covariance import DECAY, ewma_covariance, ewma_volatility, ewma_weighted

FILTERED_SESSIONS: Final = 500
DRAWS: Final = 10_000
CELLS_AT_ONCE: Final = 2_000_000
"""Scenarios times instruments that are made together."""


def filtered_returns(returns: ArrayLike, book: ArrayLike, *, decay: float = DECAY) -> FloatArray:
    """Past returns as they would have been at today's volatility of the book.

    Formula: r_i(t) sigma_B(T + 1) / sigma_B(t), sigma_B the `ewma_volatility` of the book's delta-linear return, known
        before session t; not below -1.
    Shapes: returns (T, N), book (T,), result (T, N). Units: simple returns.
    NaN: a missing return stays missing; a session without the book's return leaves its volatility as it was.
    Errors: ValueError for infinity, different lengths. A book that never moves leaves the returns as they are.
    Source: Barone-Adesi, Giannopoulos and Vosper, VaR without correlations for portfolios of derivative securities,
        1999: one scale for all instruments of a date keeps their joint move.
    """
    (own,) = columns(book=book)
    r, line = matrices(returns=returns, book=own[:, None])
    volatility = ewma_volatility(line, decay)[:, 0]
    before = volatility[:-1]
    moves = before > 0.0
    scale = np.where(moves, volatility[-1] / np.where(moves, before, 1.0), 1.0)
    return np.asarray(np.maximum(r * scale[:, None], -1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Scenarios:
    """Joint returns that may come next, made where they are wanted: 10,000 of 5,000 instruments would take 400 MB.

    count: S. made: gives some of them, (n,) places, as rows (n, N).
    """

    count: int
    made: Callable[[NDArray[np.int64]], FloatArray]

    def blocks(self, instruments: int) -> Iterator[FloatArray]:
        """All scenarios of so many instruments, one after another, as many at a time as 16 MB hold."""
        size = max(1, CELLS_AT_ONCE // max(instruments, 1))
        for first in range(0, self.count, size):
            yield self.made(np.arange(first, min(first + size, self.count)))

    def all(self) -> FloatArray:
        """All of them at once, (S, N)."""
        return self.made(np.arange(self.count))


def bootstrap_returns(scenarios: ArrayLike, horizon: int, *, draws: int = DRAWS, seed: int = 0) -> Scenarios:
    """Returns of longer stretches, drawn from those of sessions.

    Formula: prod (1 + r) - 1 over `horizon` sessions drawn with replacement, the same for all instruments.
    Shapes: scenarios (S, N), result (draws, N); for a horizon of 1 the scenarios themselves.
    Units: simple returns; horizon in sessions. The same seed gives the same draws, on every machine.
    NaN: a draw with a missing session is missing. Errors: ValueError for infinity, no scenarios, a horizon or draws
        below 1.
    Source: methodology, section 8. What is drawn one by one has no memory: clusters of volatility are not in it.
    """
    (r,) = matrices(scenarios=scenarios)
    if horizon < 1 or draws < 1 or not len(r):
        raise ValueError(f"horizon is {horizon}, draws {draws}, scenarios {len(r)}: each must be at least 1")
    if horizon == 1:
        return Scenarios(len(r), lambda places: r[places])
    chosen = np.random.default_rng(seed).integers(0, len(r), (horizon, draws))
    growth = 1.0 + r

    def made(places: NDArray[np.int64]) -> FloatArray:
        total = growth[chosen[0, places]]
        for session in chosen[1:, places]:
            total *= growth[session]
        return np.asarray(total - 1.0)

    return Scenarios(draws, made)


def normal_returns(root: ArrayLike, *, horizon: float = 1.0, draws: int = DRAWS, seed: int = 0) -> Scenarios:
    """Returns drawn from a normal distribution with mean 0: Monte Carlo.

    Formula: Z R sqrt(h), with R'R the covariance; half of the draws, and their mirror images; not below -1.
    Shapes: root (K, N), of one session; result (draws, N), rounded up to an even number.
    Units: simple returns; horizon in sessions. The same seed gives the same draws.
    NaN: not accepted. Errors: ValueError for NaN, infinity, a horizon not above 0, draws below 1.
    Source: Glasserman, Monte Carlo Methods in Financial Engineering, 2003, sections 2.3 and 4.2.
    """
    (factor,) = matrices(root=root)
    refuse_missing(root=factor)
    if not 0.0 < horizon < np.inf or draws < 1:
        raise ValueError(f"horizon is {horizon}, draws {draws}: must be above 0")
    size = -(-draws // 2)
    half = np.random.default_rng(seed).standard_normal((size, len(factor)))
    scaled = factor * np.sqrt(horizon)

    def made(places: NDArray[np.int64]) -> FloatArray:
        sign = np.where(places < size, 1.0, -1.0)
        return np.asarray(np.maximum(half[places % size] @ scaled * sign[:, None], -1.0))

    return Scenarios(2 * size, made)


def covariance_root(returns: ArrayLike, decay: float = DECAY) -> FloatArray:
    """A matrix whose product with itself is the `ewma_covariance` of returns: what draws of them are made with.

    Formula: D V' with C = V D^2 V', the eigenvectors of C; of more instruments than sessions the weighted returns
        themselves, sqrt(w) r, whose covariance would take longer to take apart.
    Shapes: returns (T, N), result (N, N) or (T, N), the one with fewer rows. Units, NaN, errors: `ewma_covariance`.
    """
    (r,) = matrices(returns=returns)
    if r.shape[1] > len(r):
        return ewma_weighted(r, decay)
    values, vectors = np.linalg.eigh(ewma_covariance(r, decay))
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T)
