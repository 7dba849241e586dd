"""Whole passes over a dense X, in NumPy.

The same names and signatures as `fastlogreg.kernels.dense`, whose docstring says what
the arguments are.  Rows are taken in chunks that stay in the cache, so that no
temporary is as large as X and float32 rows are computed with in float64.  A small table
is one chunk, and the time of a pass over it is that of its NumPy calls: they are few,
and work in place.  ``n_threads`` is not used: NumPy's BLAS has its own threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.reference import dense_softmax
from fastlogreg.reference.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.reference.chunks import add_rows, chunks, is_weighted, row_weights
from fastlogreg.reference.coordinate import descend_coordinates
from fastlogreg.reference.pointwise import (
    curvature,
    loss_pull,
    loss_pull_curvature,
    sigmoid,
    signs,
    softmax_probabilities,
    softmax_product,
)

__all__ = [
    "decision",
    "descend_coordinates",
    "factor_cholesky",
    "hessian_product",
    "loss_gradient",
    "loss_gradient_hessian",
    "probability",
    "reciprocal_condition",
    "solve_cholesky",
    "square_sums",
]


def loss_gradient(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses ``(n_outputs,)`` and gradients ``(d + 1, n_outputs)``, summed over rows.

    A softmax model, whose classes the outputs are, has one loss.
    """
    if softmax:
        return dense_softmax.loss_gradient(X, coef, codes, weights, class_weights)
    losses = np.zeros(coef.shape[1])
    gradients = np.zeros(coef.shape)
    weighted = is_weighted(weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, coef.shape[1]):
            sign = signs(codes[rows, None])
            loss, pull = loss_pull(_margins(chunk, coef, sign))
            if weighted:
                weight = row_weights(codes, weights, class_weights, rows)
                loss *= weight
                pull *= weight
            losses += loss.sum(axis=0)
            pull *= -sign
            add_rows(chunk, pull, gradients)
    return losses, gradients


def loss_gradient_hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return also the Hessians of the summed losses, ``(n_outputs, d + 1, d + 1)``.

    That of a softmax model is ``(1, p, p)`` with ``p = n_outputs (d + 1)``, class by
    class: row ``k (d + 1) + j`` is that of ``coef[j, k]``.
    """
    if softmax:
        return dense_softmax.loss_gradient_hessian(X, coef, codes, weights, class_weights)
    d, n_outputs = X.shape[1], coef.shape[1]
    losses = np.zeros(n_outputs)
    gradients = np.zeros(coef.shape)
    hessians = np.zeros((n_outputs, d + 1, d + 1))
    weighted = is_weighted(weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, coef.shape[1]):
            sign = signs(codes[rows, None])
            loss, pull, bend = loss_pull_curvature(_margins(chunk, coef, sign))
            if weighted:
                weight = row_weights(codes, weights, class_weights, rows)
                loss *= weight
                pull *= weight
                bend *= weight
            losses += loss.sum(axis=0)
            pull *= -sign
            add_rows(chunk, pull, gradients)
            for o in range(n_outputs):
                _add_hessian(chunk, bend[:, o, None], hessians[o])
    return losses, gradients, hessians


def hessian_product(
    X: np.ndarray,
    coef: np.ndarray,
    direction: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> np.ndarray:
    """Return the Hessians of the summed losses at coef times direction, ``(d + 1, n_outputs)``."""
    k = coef.shape[1]
    both = np.concatenate([coef, direction], axis=1)
    product = np.zeros(coef.shape)
    weighted = is_weighted(weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, 2 * k):
            decided = chunk @ both[:-1] + both[-1]
            z, along = decided[:, :k], decided[:, k:]
            if softmax:
                pull = softmax_product(softmax_probabilities(z), along)
            else:
                pull = curvature(z)
                pull *= along
            if weighted:
                pull *= row_weights(codes, weights, class_weights, rows)
            add_rows(chunk, pull, product)
    return product


def square_sums(X: np.ndarray, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    out = np.zeros((X.shape[1] + 1, row_weights.shape[1]))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, row_weights.shape[1]):
            add_rows(np.square(chunk), row_weights[rows], out)
    return out


def decision(X: np.ndarray, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    out = np.empty((X.shape[0], coef.shape[1]), dtype=_result_type(X))
    finite = True
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, coef.shape[1]):
            out[rows] = chunk @ coef[:-1] + coef[-1]
            finite = finite and bool(np.isfinite(out[rows]).all())
    return out, finite


def probability(
    X: np.ndarray, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``.
    """
    out = np.empty((X.shape[0], coef.shape[1] if softmax else 2), dtype=_result_type(X))
    finite = True
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, chunk in chunks(X, coef.shape[1]):
            z = chunk @ coef[:-1] + coef[-1]
            finite = finite and bool(np.isfinite(z).all())
            if softmax:
                out[rows] = softmax_probabilities(z)
            else:
                out[rows, 0], out[rows, 1] = sigmoid(-z[:, 0]), sigmoid(z[:, 0])
    return out, finite


def _result_type(X: np.ndarray) -> np.dtype[Any]:
    return X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)


def _margins(chunk: np.ndarray, coef: np.ndarray, sign: np.ndarray) -> np.ndarray:
    margin: np.ndarray = chunk @ coef[:-1]
    margin += coef[-1]
    margin *= sign
    return margin


def _add_hessian(chunk: np.ndarray, bend: np.ndarray, hessian: np.ndarray) -> None:
    """Add the weighted Gram matrix of ``[chunk, 1]``."""
    scaled = chunk * np.sqrt(bend)
    hessian[:-1, :-1] += scaled.T @ scaled  # NumPy sees a symmetric product, of half the work
    border = (chunk.T @ bend)[:, 0]
    hessian[:-1, -1] += border
    hessian[-1, :-1] += border
    hessian[-1, -1] += bend.sum()
