"""The Schur complement of a diagonal block, by SciPy's BLAS.

The same names and signatures as in `fastlogreg.kernels.elimination`.  NumPy brings a BLAS of
its own, and the threads of one spin for a while after a product, in the way of the other's;
LAPACK, which factors the complement, is SciPy's.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas

__all__ = ["schur_complement"]


def schur_complement(
    scale: np.ndarray, of_core: np.ndarray, border: np.ndarray, core: np.ndarray, n_threads: int
) -> np.ndarray:
    """Return ``c (A - B' s^2 B) c``, symmetric, for scales s of the rows of B and c of A."""
    scaled = border * scale[:, None]
    scaled *= of_core
    complement = core * of_core
    complement *= of_core[:, None]
    lower = blas.dsyrk(-1.0, scaled.T, 1.0, complement.T, lower=1)
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)
