"""Many small symmetric matrices at once.

Arithmetic on columns of all of them together is several times as fast as a call of LAPACK for each.
"""

from typing import Final

import numpy as np

from riskmath.arrays import FloatArray

SINGULAR: Final = 1e-12
"""A pivot below this part of its diagonal entry is rounding: what stands there depends on the others."""


def inverses(matrices: FloatArray) -> FloatArray:
    """Inverses of symmetric positive definite matrices, by sweeping every pivot.

    Shapes: (J, J, N), matrix by matrix along the last axis; result the same. J may be 0.
    NaN: all of a matrix that is not positive definite, or has NaN in it.
    Accuracy: as elimination without a choice of pivots, which positive definite matrices do not need.
    Source: Goodnight, A tutorial on the SWEEP operator, 1979.
    """
    swept = matrices.copy()
    sound = np.ones(matrices.shape[2], dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for index in range(len(matrices)):
            sound &= swept[index, index] > SINGULAR * matrices[index, index]
            inverse_pivot = 1.0 / swept[index, index]
            column = swept[:, index].copy()
            row = column * inverse_pivot
            swept -= column[:, None] * row[None]
            swept[:, index] = row
            swept[index] = row
            swept[index, index] = -inverse_pivot
    swept[:, :, ~sound] = np.nan
    return np.negative(swept)


def images(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Each matrix times its vector.

    Shapes: matrices (J, J, N) or, one for all, (J, J, 1); vectors (J, N) or (J, 1); result (J, N).
    """
    if matrices.shape[2] == 1:
        return np.asarray(matrices[:, :, 0] @ vectors)
    return np.asarray(np.einsum("ijn,jn->in", matrices, np.broadcast_to(vectors, matrices.shape[1:])))


def diagonals(matrices: FloatArray) -> FloatArray:
    """The diagonal of each matrix: (J, J, N) gives (J, N)."""
    index = range(len(matrices))
    return np.asarray(matrices[index, index])
