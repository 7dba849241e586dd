"""Loss, gradient and Hessian of a softmax model over a dense X, in NumPy.

With ``p_ik = exp(z_ik) / sum_l exp(z_il)`` and ``z_i = x_i W + b``, the loss of a row is
``-log p_iy`` of its class ``y``.  The Hessian has a block for each pair of classes, of
which only those of two different ones are summed::

    G_kl = sum_i s_i p_ik p_il [x_i, 1][x_i, 1]^T
    H_kl = -G_kl  for k != l,     H_kk = sum over l != k of G_kl

since ``p_k (1 - p_k)`` is the sum of ``p_k p_l``, all of one sign, over the other classes.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.reference.chunks import add_rows, chunks, is_weighted, row_weights
from fastlogreg.reference.pointwise import softmax_loss_residual

__all__ = ["loss_gradient", "loss_gradient_hessian"]


def loss_gradient(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss ``(1,)`` and the gradient ``(d + 1, n_classes)``, summed over rows."""
    loss = np.zeros(1)
    gradient = np.zeros(coef.shape)
    for rows, chunk in chunks(X, coef.shape[1]):
        weight = _weight(codes, weights, class_weights, rows)
        _add_loss_gradient(chunk, coef, codes[rows], weight, loss, gradient)
    return loss, gradient


def loss_gradient_hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return also the Hessian, ``(1, p, p)`` with ``p = n_classes (d + 1)``, class by class."""
    width, n_classes = coef.shape
    loss = np.zeros(1)
    gradient = np.zeros(coef.shape)
    hessian = np.zeros((n_classes, width, n_classes, width))
    for rows, chunk in chunks(X, width * n_classes // 2):
        weight = _weight(codes, weights, class_weights, rows)
        p = _add_loss_gradient(chunk, coef, codes[rows], weight, loss, gradient)
        bordered = np.concatenate([chunk, np.ones((len(chunk), 1))], axis=1)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            for k in range(n_classes - 1):
                share = p[:, k, None] * p[:, k + 1 :]
                if weight is not None:
                    share *= weight
                scaled = (share[:, :, None] * bordered[:, None, :]).reshape(len(chunk), -1)
                hessian[k, :, k + 1 :, :] -= (bordered.T @ scaled).reshape(width, -1, width)
    _complete(hessian)
    p_total = n_classes * width
    return loss, gradient, hessian.reshape(1, p_total, p_total)


def _weight(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray, rows: slice
) -> np.ndarray | None:
    if not is_weighted(weights, class_weights):
        return None
    return row_weights(codes, weights, class_weights, rows)


def _add_loss_gradient(
    chunk: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weight: np.ndarray | None,
    loss: np.ndarray,
    gradient: np.ndarray,
) -> np.ndarray:
    """Add the weighted loss and gradient of a chunk; return its probabilities."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        losses, residual, p = softmax_loss_residual(chunk @ coef[:-1] + coef[-1], codes)
        if weight is not None:
            losses *= weight
            residual *= weight
        loss += losses.sum()
        add_rows(chunk, residual, gradient)
    return p


def _complete(hessian: np.ndarray) -> None:
    """Fill the lower blocks and those on the diagonal from the upper ones, symmetric."""
    n_classes = len(hessian)
    for k in range(n_classes):
        for other in range(k):
            hessian[k, :, other] = hessian[other, :, k].T
        own = -hessian[k].sum(axis=1)
        hessian[k, :, k] = 0.5 * (own + own.T)
