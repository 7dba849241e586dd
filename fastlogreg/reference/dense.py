"""Whole passes over a dense X, in NumPy.

The same names and signatures as `fastlogreg.kernels.dense`, whose docstring says what
the arguments are.  Rows are taken in chunks that stay in the cache, so that no
temporary is as large as X and float32 rows are computed with in float64.  A small table
is one chunk, and the time of a pass over it is that of its NumPy calls: they are few,
and work in place.  ``n_threads`` is not used: NumPy's BLAS has its own threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastlogreg.reference.pointwise import loss_pull, loss_pull_curvature, sigmoid, signs

__all__ = ["decision", "loss_gradient", "loss_gradient_hessian", "probability"]

_CHUNK_CELLS = 65_536  # 512 KiB of float64 stay in L2
_CHUNK_LEAST = 256
# Above, a symmetric product and a square root take less than a general product.
_GEMM_CELLS = 32_768


def loss_gradient(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses ``(n_outputs,)`` and gradients ``(d + 1, n_outputs)``, summed over rows."""
    losses = np.zeros(coef.shape[1])
    gradients = np.zeros(coef.shape)
    weighted = _is_weighted(weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            sign = signs(codes[rows, None])
            loss, pull = loss_pull(_margins(chunk, coef, sign))
            if weighted:
                weight = _row_weights(codes, weights, class_weights, rows)
                loss *= weight
                pull *= weight
            _add_loss_gradient(chunk, sign, loss, pull, losses, gradients)
    return losses, gradients


def loss_gradient_hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return also the Hessians of the summed losses, ``(n_outputs, d + 1, d + 1)``."""
    d, n_outputs = X.shape[1], coef.shape[1]
    losses = np.zeros(n_outputs)
    gradients = np.zeros(coef.shape)
    hessians = np.zeros((n_outputs, d + 1, d + 1))
    weighted = _is_weighted(weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            sign = signs(codes[rows, None])
            loss, pull, curvature = loss_pull_curvature(_margins(chunk, coef, sign))
            if weighted:
                weight = _row_weights(codes, weights, class_weights, rows)
                loss *= weight
                pull *= weight
                curvature *= weight
            _add_loss_gradient(chunk, sign, loss, pull, losses, gradients)
            for o in range(n_outputs):
                _add_hessian(chunk, curvature[:, o, None], hessians[o])
    return losses, gradients, hessians


def decision(X: np.ndarray, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    out = np.empty((X.shape[0], coef.shape[1]), dtype=_result_type(X))
    finite = True
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            out[rows] = chunk @ coef[:-1] + coef[-1]
            finite = finite and bool(np.isfinite(out[rows]).all())
    return out, finite


def probability(X: np.ndarray, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite."""
    out = np.empty((X.shape[0], 2), dtype=_result_type(X))
    finite = True
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in _chunks(X):
            z = (chunk @ coef[:-1] + coef[-1])[:, 0]
            finite = finite and bool(np.isfinite(z).all())
            out[rows, 0], out[rows, 1] = sigmoid(-z), sigmoid(z)
    return out, finite


def _result_type(X: np.ndarray) -> np.dtype[Any]:
    return X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)


def _chunks(X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    n, d = X.shape
    step = max(_CHUNK_CELLS // max(d, 1), _CHUNK_LEAST)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, X[rows].astype(np.float64, copy=False)


def _is_weighted(weights: np.ndarray | None, class_weights: np.ndarray) -> bool:
    """Return whether any row may count other than 1."""
    return weights is not None or any(weight != 1.0 for weight in class_weights.tolist())


def _row_weights(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray, rows: slice
) -> np.ndarray:
    """Return class weight times sample weight of a chunk, ``(rows, 1)``."""
    weight: np.ndarray = class_weights.take(codes[rows])
    if weights is not None:
        weight *= weights[rows]
    return weight[:, None]


def _margins(chunk: np.ndarray, coef: np.ndarray, sign: np.ndarray) -> np.ndarray:
    margin: np.ndarray = chunk @ coef[:-1]
    margin += coef[-1]
    margin *= sign
    return margin


def _add_loss_gradient(
    chunk: np.ndarray,
    sign: np.ndarray,
    loss: np.ndarray,
    pull: np.ndarray,
    losses: np.ndarray,
    gradients: np.ndarray,
) -> None:
    """Add the weighted losses and pulls of a chunk; pull becomes minus the residual."""
    losses += loss.sum(axis=0)
    pull *= sign
    gradients[:-1] -= chunk.T @ pull
    gradients[-1] -= pull.sum(axis=0)


def _add_hessian(chunk: np.ndarray, curvature: np.ndarray, hessian: np.ndarray) -> None:
    """Add the weighted Gram matrix of ``[chunk, 1]``."""
    if chunk.size <= _GEMM_CELLS:
        hessian[:-1, :-1] += (chunk * curvature).T @ chunk
    else:
        scaled = chunk * np.sqrt(curvature)
        hessian[:-1, :-1] += scaled.T @ scaled
    border = (chunk.T @ curvature)[:, 0]
    hessian[:-1, -1] += border
    hessian[-1, :-1] += border
    hessian[-1, -1] += curvature.sum()
