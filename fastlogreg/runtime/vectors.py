"""Products of vectors, and of a matrix and a vector, that leave the BLAS's threads asleep.

A BLAS wakes its threads for a product of more than some 10,000 numbers, and they go on
spinning for many milliseconds after it: beside them a pass takes half as long again.  To
share so little work among threads gains nothing either.
"""

from __future__ import annotations

import numpy as np

__all__ = ["inner", "times"]

_ALONE = 8_192  # numbers that a BLAS multiplies on one thread


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """Return the sum of the products of two arrays of one shape."""
    if a.size <= _ALONE:
        return float(np.vdot(a, b))
    return float(np.einsum("i,i->", a.ravel(), b.ravel()))


def times(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the product of a matrix and a vector."""
    if matrix.size <= _ALONE:
        return np.asarray(matrix @ vector)
    return np.asarray(np.einsum("ij,j->i", matrix, vector))
