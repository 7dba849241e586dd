"""Whole passes over a sparse X, on scipy's products.

The same names and signatures as `fastlogreg.kernels.sparse`, whose docstring says what the
arguments are.  Decisions of all rows are made at once: they take n_outputs numbers a row.
float32 values are converted by each product.  ``n_threads`` is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlogreg.reference.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.reference.chunks import is_weighted, row_weights
from fastlogreg.reference.coordinate import descend_coordinates
from fastlogreg.reference.pointwise import (
    curvature,
    loss_pull_curvature,
    sigmoid,
    signs,
    softmax_loss_residual,
    softmax_probabilities,
    softmax_product,
)

__all__ = [
    "decision",
    "descend_coordinates",
    "factor_cholesky",
    "hessian_product",
    "loss_gradient",
    "loss_gradient_decided",
    "loss_gradient_hessian",
    "loss_gradient_keeping",
    "probability",
    "product_at",
    "reciprocal_condition",
    "solve_cholesky",
    "square_sums",
    "take_columns",
]


def loss_gradient(
    X: Any,
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
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decided(X, coef)
        losses, pull, _ = _linked(z, codes, weights, class_weights, softmax)
        return losses.sum(axis=0), _sums(X, pull)


def loss_gradient_decided(
    X: Any,
    decided: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `loss_gradient` does of one output whose decisions ``(n,)`` are known; CSR only.

    They are float64, and no coefficients are gathered.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        losses, pull, _ = _linked(decided[:, None], codes, weights, class_weights, False)
        return losses.sum(axis=0), _sums(X, pull)


def loss_gradient_keeping(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `loss_gradient` does of a softmax model, and what `product_at` keeps; CSR only.

    That is the shares p of the rows, ``(n, n_outputs)``.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decided(X, coef)
        losses, pull, shares = _linked(z, codes, weights, class_weights, True)
        return losses.sum(axis=0), _sums(X, pull), shares


def loss_gradient_hessian(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `loss_gradient` does, and Hessians ``(n_outputs, d + 1, d + 1)``; CSR only.

    That of a softmax model is ``(1, p, p)`` with ``p = n_outputs (d + 1)``, class by
    class: row ``k (d + 1) + j`` is that of ``coef[j, k]``.
    """
    side, k = coef.shape
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decided(X, coef)
        losses, pull, bend = _linked(z, codes, weights, class_weights, softmax)
        result = losses.sum(axis=0), _sums(X, pull)
        if not softmax:
            return *result, np.stack([_gram(X, bend[:, o]) for o in range(k)])
        weight = row_weights(codes, weights, class_weights, slice(None))[:, 0]
        hessian = np.zeros((k, side, k, side))
        for a in range(k):
            for b in range(a + 1, k):
                gram = _gram(X, weight * bend[:, a] * bend[:, b])
                hessian[a, :, b], hessian[b, :, a] = -gram, -gram
                hessian[a, :, a] += gram
                hessian[b, :, b] += gram
    return *result, hessian.reshape(1, k * side, k * side)


def hessian_product(
    X: Any,
    coef: np.ndarray,
    direction: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> np.ndarray:
    """Return the Hessians of the summed losses at coef times direction, ``(d + 1, n_outputs)``."""
    return product_at(X, coef, codes, weights, class_weights, n_threads, softmax)(direction)


def product_at(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
    kept: np.ndarray | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from a direction to what `hessian_product` returns.

    Its first call keeps the curvature of the rows, ``(n, n_outputs)`` float64, and those
    after it do not decide coef again.  It is known before where it was *kept* by
    `loss_gradient_keeping`.
    """
    bend = [] if kept is None else [kept]

    def product(direction: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            if not bend:
                z = _decided(X, coef)
                bend.append(softmax_probabilities(z) if softmax else curvature(z))
            along = _decided(X, direction)
            pull = softmax_product(bend[0], along) if softmax else bend[0] * along
            if is_weighted(weights, class_weights):
                pull *= row_weights(codes, weights, class_weights, slice(None))
            return _sums(X, pull)

    return product


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    whole = X.astype(np.float64, copy=True)
    whole.sum_duplicates()
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        whole.data **= 2
        return _sums(whole, row_weights.astype(np.float64, copy=False))


def decision(X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        out = _decided(X, coef).astype(X.dtype, copy=False)
    return out, bool(np.isfinite(out).all())


def probability(
    X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decided(X, coef)
        if softmax:
            out = softmax_probabilities(z)
        else:
            out = np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)
        return out.astype(X.dtype, copy=False), bool(np.isfinite(z).all())


def take_columns(X: Any, columns: np.ndarray, n_threads: int) -> Any:
    """Return some columns of X, each once, in the order given and by rows; CSR only."""
    return X[:, columns]


def _decided(X: Any, coef: np.ndarray) -> np.ndarray:
    """Return decisions in float64, ``(n, n_outputs)``."""
    return np.asarray(X @ coef[:-1] + coef[-1])


def _linked(
    z: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    softmax: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return losses and derivatives of all rows, and curvatures, of softmax probabilities.

    *z* are the decisions, ``(n, n_outputs)``.
    """
    if softmax:
        losses, pull, bend = softmax_loss_residual(z, codes)
    else:
        sign = signs(codes)[:, None]
        losses, pull, bend = loss_pull_curvature(z * sign)
        pull *= -sign
    if is_weighted(weights, class_weights):
        weight = row_weights(codes, weights, class_weights, slice(None))
        losses *= weight
        pull *= weight
        if not softmax:
            bend *= weight
    return losses, pull, bend


def _sums(X: Any, pull: np.ndarray) -> np.ndarray:
    """Return ``sum_i [x_i, 1] pull_i``, ``(d + 1, n_outputs)``."""
    return np.concatenate([X.T @ pull, pull.sum(axis=0)[None]])


def _gram(X: Any, bend: np.ndarray) -> np.ndarray:
    """Return the Gram matrix of ``[x_i, 1]`` with the weights bend, ``(d + 1, d + 1)``."""
    d = X.shape[1]
    out = np.empty((d + 1, d + 1))
    scaled = X.T.multiply(bend[None, :]).tocsr()
    out[:d, :d] = (scaled @ X).toarray()
    out[:d, d] = out[d, :d] = X.T @ bend
    out[d, d] = bend.sum()
    return out
