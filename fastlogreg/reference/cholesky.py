"""The Cholesky factor of a matrix, and systems with it, by LAPACK.

The same names and signatures as in `fastlogreg.kernels.cholesky`.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

__all__ = ["factor_cholesky", "reciprocal_condition", "solve_cholesky"]


def factor_cholesky(matrix: np.ndarray) -> bool:
    """Put the lower factor in place of the lower triangle, and return whether there is one."""
    # In LAPACK's order of columns, the lower triangle is the upper one of the transpose.
    _, failed = lapack.dpotrf(matrix.T, lower=0, clean=0, overwrite_a=1)
    return not failed and bool(matrix[-1, -1] > 0.0)  # NaN fails nothing, and reaches there


def solve_cholesky(factor: np.ndarray, right: np.ndarray) -> None:
    """Solve ``L L' x = right`` in place, ``(p,)``; what lies above the diagonal is not read."""
    right[...] = lapack.dpotrs(factor.T, right, lower=0)[0]


def reciprocal_condition(factor: np.ndarray, norm: float) -> float:
    """Return an estimate of 1 over the condition number of a matrix of that 1-norm."""
    estimate, _ = lapack.dpocon(factor.T, norm, uplo="U")
    return float(estimate)
