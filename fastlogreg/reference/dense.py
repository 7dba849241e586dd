"""Whole passes over a dense X, in NumPy.

The same names and signatures as `fastlogreg.kernels.dense`, whose docstring says what
the arguments are.  Rows are taken in chunks that stay in the cache, so that no
temporary is as large as X and float32 rows are computed with in float64.
``n_threads`` is not used: NumPy's BLAS has its own threads.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fastlogreg.reference.pointwise import curvature, loss_pull, signed

__all__ = ["decision", "hessian", "loss_gradient"]

_CHUNK_CELLS = 65_536  # 512 KiB of float64 stay in L2
_CHUNK_LEAST = 256


def loss_gradient(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses ``(n_outputs,)`` and gradients ``(d + 1, n_outputs)``, summed over rows."""
    d = X.shape[1]
    losses = np.zeros(coef.shape[1])
    gradient = np.zeros(coef.shape)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            code = codes[rows, None]
            weight = _row_weights(codes[rows], weights, class_weights, rows)
            loss, pull = loss_pull(signed(chunk @ coef[:d] + coef[d], code))
            residual = np.where(code == 1, -pull, pull) * weight
            losses += (weight * loss).sum(axis=0)
            gradient[:d] += chunk.T @ residual
            gradient[d] += residual.sum(axis=0)
    return losses, gradient


def hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> np.ndarray:
    """Return the Hessians of the summed loss, ``(n_outputs, d + 1, d + 1)``."""
    d = X.shape[1]
    n_outputs = coef.shape[1]
    total = np.zeros((n_outputs, d + 1, d + 1))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            weight = _row_weights(codes[rows], weights, class_weights, rows)
            root = np.sqrt(weight * curvature(chunk @ coef[:d] + coef[d]))
            scaled = np.empty((len(chunk), d + 1))
            for o in range(n_outputs):
                np.multiply(chunk, root[:, o, None], out=scaled[:, :d])
                scaled[:, d] = root[:, o]
                total[o] += scaled.T @ scaled
    return total


def decision(
    X: np.ndarray,
    coef: np.ndarray,
    n_threads: int,
) -> np.ndarray:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, in the type of X."""
    d = X.shape[1]
    out = np.empty((X.shape[0], coef.shape[1]), dtype=X.dtype)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            out[rows] = chunk @ coef[:d] + coef[d]
    return out


def _chunks(X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    n, d = X.shape
    step = max(_CHUNK_CELLS // max(d, 1), _CHUNK_LEAST)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, X[rows].astype(np.float64, copy=False)


def _row_weights(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray, rows: slice
) -> np.ndarray:
    """Return class weight times sample weight of a chunk, ``(rows, 1)``."""
    weight: np.ndarray = class_weights[codes]
    if weights is not None:
        weight = weight * weights[rows]
    return weight[:, None]
