"""Joint returns of instruments that may come next: from the past, from the past at today's volatility, from a model.

Each function gives scenarios (S, N), simple returns. Positions that are linear take exposure x return; options are
valued again by `option_revaluation.scenario_prices` (methodology, section 8).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmath.arrays import FloatArray, columns, matrices, refuse_missing
from riskmath.covariance import DECAY, TOLERANCE, ewma_volatility

FILTERED_SESSIONS: Final = 500
DRAWS: Final = 10_000


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


def bootstrap_returns(scenarios: ArrayLike, horizon: int, *, draws: int = DRAWS, seed: int = 0) -> FloatArray:
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
        return r
    chosen = np.random.default_rng(seed).integers(0, len(r), (horizon, draws))
    growth = 1.0 + r
    total = growth[chosen[0]]
    for session in chosen[1:]:
        total *= growth[session]
    return np.asarray(total - 1.0)


def normal_returns(covariance: ArrayLike, *, horizon: float = 1.0, draws: int = DRAWS, seed: int = 0) -> FloatArray:
    """Returns drawn from a normal distribution with mean 0: Monte Carlo.

    Formula: Z D V' sqrt(h), C = V D^2 V'; half of the draws, and their mirror images; not below -1.
    Shapes: covariance (N, N), of one session; result (draws, N), rounded up to an even number.
    Units: simple returns; horizon in sessions. The same seed gives the same draws.
    NaN: not accepted. Errors: ValueError for NaN, infinity, a covariance that is not square or not positive
        semidefinite, a horizon not above 0, draws below 1.
    Source: Glasserman, Monte Carlo Methods in Financial Engineering, 2003, sections 2.3 and 4.2.
    """
    (c,) = matrices(covariance=covariance)
    refuse_missing(covariance=c)
    if c.shape[0] != c.shape[1]:
        raise ValueError(f"covariance has shape {c.shape}: must be square")
    if not 0.0 < horizon < np.inf or draws < 1:
        raise ValueError(f"horizon is {horizon}, draws {draws}: must be above 0")
    values, vectors = np.linalg.eigh(c)
    if values.size and values[0] < -TOLERANCE * max(values[-1], 0.0):
        raise ValueError(f"covariance has the eigenvalue {values[0]}: must be positive semidefinite")
    half = np.random.default_rng(seed).standard_normal((-(-draws // 2), len(c)))
    moves = half * np.sqrt(np.maximum(values, 0.0) * horizon) @ vectors.T
    return np.asarray(np.maximum(np.vstack([moves, -moves]), -1.0))
