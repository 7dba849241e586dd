"""Whole passes over a sparse X, in NumPy and SciPy.

The same names and signatures as `fastlogreg.kernels.sparse`, whose docstring says what the
arguments are.  SciPy's products read X once for the decisions and once for the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array

from fastlogreg.reference import dense
from fastlogreg.reference.coordinate import descend_coordinates
from fastlogreg.reference.pointwise import (
    curvature,
    loss_pull,
    sigmoid,
    signs,
    softmax_loss_residual,
    softmax_probabilities,
    softmax_product,
)

__all__ = [
    "decision",
    "descend_coordinates",
    "hessian_product",
    "loss_gradient",
    "loss_gradient_hessian",
    "probability",
    "square_sums",
]

_DENSE_CELLS = 1_048_576  # of rows made dense at a time


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
    matrix = _matrix(X)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decisions(matrix, coef)
        weight = _row_weights(codes, weights, class_weights)
        if softmax:
            losses, pull, _ = softmax_loss_residual(z, codes)
        else:
            sign = signs(codes[:, None])
            losses, pull = loss_pull(z * sign)
            pull *= -sign
        pull *= weight
        return (losses * weight).sum(axis=0), _add_up(matrix, pull)


def loss_gradient_hessian(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `loss_gradient` does, and Hessians ``(n_outputs, d + 1, d + 1)``.

    X is by row; some rows at a time are made dense.
    """
    matrix = _matrix(X)
    step = max(_DENSE_CELLS // (X.n_columns + 1), 1)
    found: list[np.ndarray] = []
    for row in range(0, max(X.n_rows, 1), step):
        part = slice(row, min(row + step, X.n_rows))
        some = None if weights is None else weights[part]
        sums = dense.loss_gradient_hessian(
            matrix[part].toarray(), coef, codes[part], some, class_weights, n_threads, softmax
        )
        found = [a + b for a, b in zip(found, sums, strict=True)] if found else list(sums)
    losses, gradients, hessians = found
    return losses, gradients, hessians


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
    matrix = _matrix(X)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z, along = _decisions(matrix, coef), _decisions(matrix, direction)
        pull = softmax_product(z, along) if softmax else curvature(z) * along
        pull *= _row_weights(codes, weights, class_weights)
        return _add_up(matrix, pull)


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    squares = _matrix(X).copy()
    squares.sum_duplicates()
    squares.data = squares.data.astype(np.float64) ** 2
    return _add_up(squares, row_weights.astype(np.float64))


def decision(X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decisions(_matrix(X), coef)
        return z.astype(X.data.dtype), bool(np.isfinite(z).all())


def probability(
    X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z = _decisions(_matrix(X), coef)
        finite = bool(np.isfinite(z).all())
        if softmax:
            return softmax_probabilities(z).astype(X.data.dtype), finite
        pair = np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)
        return pair.astype(X.data.dtype), finite


def _matrix(X: Any) -> Any:
    of_kind: Any = csr_array if X.by_row else csc_array
    return of_kind((X.data, X.indices, X.indptr), shape=(X.n_rows, X.n_columns))


def _decisions(matrix: Any, coef: np.ndarray) -> np.ndarray:
    return np.asarray(matrix @ coef[:-1] + coef[-1], dtype=np.float64)


def _row_weights(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray
) -> np.ndarray:
    """Return class weight times sample weight, ``(n_rows, 1)``."""
    weight = class_weights[codes]
    return np.asarray((weight if weights is None else weight * weights)[:, None])


def _add_up(matrix: Any, pull: np.ndarray) -> np.ndarray:
    """Return ``sum_i [x_i, 1] pull_i``, ``(d + 1, n_outputs)``."""
    return np.concatenate([matrix.T @ pull, pull.sum(axis=0)[None]])
