"""Groups of positions that move together (methodology, section 7)."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmath.arrays import FloatArray, columns, matrices
from riskmath.covariance import TOLERANCE

THRESHOLD: Final = 0.7
SMALLEST: Final = 2
RESIDUAL_CUT: Final = 0.25
"""Average residual correlation below which groups are not joined."""
NONE: Final = -1
"""The number of what is in no cluster."""


def components(matrix: ArrayLike, *, threshold: float = THRESHOLD, smallest: int = SMALLEST) -> NDArray[np.int64]:
    """Clusters of columns that are linked by a chain of large correlations.

    Formula: connected components of the graph with an edge where |rho| >= threshold.
    Shapes: matrix (N, N), result (N,): numbers from 0 in the order of the largest cluster first, among equals the one
        with the earliest column; -1 in a group smaller than `smallest`.
    NaN: no edge. Errors: ValueError for infinity, a matrix that is not square, a threshold outside (0, 1].
    Source: methodology, section 7, the documented default.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}: must be above 0 and at most 1")
    rho = _square(matrix)
    linked = np.abs(np.nan_to_num(rho)) >= threshold
    label = np.full(len(rho), NONE)
    for column in range(len(rho)):
        if label[column] == NONE:
            reached = np.zeros(len(rho), dtype=bool)
            reached[column] = True
            front = reached
            while front.any():
                front = linked[front].any(axis=0) & ~reached
                reached |= front
            label[reached] = column
    return _numbered(label, smallest)


def average_linkage(matrix: ArrayLike, *, cut: float = RESIDUAL_CUT, smallest: int = SMALLEST) -> NDArray[np.int64]:
    """Clusters whose members correlate with each other on average.

    Formula: the two groups with the highest average correlation between their members are joined, as long as that is
        `cut` or more. Meant for correlations of `market_residuals` over 252 sessions.
    Shapes, result and smallest: as `components`.
    NaN: a column without any correlation is in no cluster; other gaps count as correlation 0.
    Errors: ValueError for infinity, a matrix that is not square, a cut outside [-1, 1].
    Source: Sokal and Michener, A statistical method for evaluating systematic relationships, 1958; methodology,
        section 7: stabler from quarter to quarter than components of raw correlations.
    """
    if not -1.0 <= cut <= 1.0:
        raise ValueError(f"cut is {cut}: must be from -1 to 1")
    rho = np.nan_to_num(_square(matrix))
    label = np.arange(len(rho))
    if len(rho) < 2:
        return _numbered(label, smallest)
    # half a second to import: only for who asks for it
    from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]  # scipy has no types

    distance = 1.0 - rho[np.triu_indices(len(rho), 1)]
    tree = linkage(np.maximum(distance, 0.0), method="average")
    return _numbered(fcluster(tree, 1.0 - cut + TOLERANCE, criterion="distance"), smallest)


def concentration(labels: ArrayLike, exposure: ArrayLike) -> float | None:
    """Share of gross exposure that lies in clusters, 0 to 1; None where the gross is 0.

    Formula: sum |e| in clusters / sum |e|. Shapes: both (N,). NaN: a missing exposure is left out of both sums.
    Errors: ValueError for infinity or different lengths.
    """
    label, size = columns(labels=labels, exposure=exposure)
    gross = np.nan_to_num(np.abs(size))
    total = float(gross.sum())
    return float(gross[label != NONE].sum()) / total if total > 0.0 else None


def _square(matrix: ArrayLike) -> FloatArray:
    (rho,) = matrices(matrix=matrix)
    if rho.shape[0] != rho.shape[1]:
        raise ValueError(f"matrix has shape {rho.shape}: must be square")
    return rho


def _numbered(label: NDArray[np.int64], smallest: int) -> NDArray[np.int64]:
    """Labels from 0, large clusters first, small ones -1."""
    values, first, place, size = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -size))
    number = np.full(len(values), NONE)
    large = order[size[order] >= smallest]
    number[large] = np.arange(len(large))
    return number[place]
