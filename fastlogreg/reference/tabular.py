"""Whole passes over a mixed table, in NumPy and SciPy.

The same names and signatures as `fastlogreg.kernels.tabular`; ``X`` is a
`fastlogreg.design.tabular.MixedColumns`, whose docstring says what slots are.  Categories
are gathered and counted column by column; for Hessians the table becomes a sparse matrix
with a column a slot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array, hstack

from fastlogreg.reference.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.reference.coordinate import descend_coordinates
from fastlogreg.reference.elimination import schur_complement
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
    "factor_cholesky",
    "hessian_product",
    "loss_gradient",
    "loss_gradient_hessian",
    "probability",
    "reciprocal_condition",
    "schur_complement",
    "solve_cholesky",
    "square_sums",
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
    losses, pull, _ = _linked(X, coef, codes, weights, class_weights, softmax)
    return losses, _add_up(X, pull)


def loss_gradient_hessian(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return what `loss_gradient` does, and Hessians ``(n_outputs, d + 1, d + 1)``.

    That of one output, where there is a category, is in the parts of a
    `fastlogreg.design.BlockSums`.
    """
    losses, pull, z = _linked(X, coef, codes, weights, class_weights, softmax)
    gradient = _add_up(X, pull)
    table = _one_hot(X)
    weight = _row_weights(codes, weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if softmax:
            return losses, gradient, _softmax_hessian(table, softmax_probabilities(z), weight)
        bends = curvature(z) * weight
    if coef.shape[1] == 1 and len(X.levels):
        return losses, gradient, _blocks(X, table, bends)
    dense = [_gram(table, table, bend) for bend in bends.T]
    return losses, gradient, np.stack(dense)


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
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        z, along = _decisions(X, coef), _decisions(X, direction)
        pull = softmax_product(softmax_probabilities(z), along) if softmax else curvature(z) * along
        pull *= _row_weights(codes, weights, class_weights)
    return _add_up(X, pull)


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    return _add_up(X, row_weights.astype(np.float64), power=2)


def decision(X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    z = _decisions(X, coef)
    with np.errstate(over="ignore"):
        return z.astype(X.dtype), bool(np.isfinite(z).all())


def probability(
    X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``.
    """
    z = _decisions(X, coef)
    finite = bool(np.isfinite(z).all())
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if softmax:
            return softmax_probabilities(z).astype(X.dtype), finite
        pair = np.concatenate([sigmoid(-z), sigmoid(z)], axis=1)
        return pair.astype(X.dtype), finite


def _linked(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    softmax: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the losses, the weighted derivatives of each row's, and the decisions."""
    z = _decisions(X, coef)
    weight = _row_weights(codes, weights, class_weights)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if softmax:
            losses, pull, _ = softmax_loss_residual(z, codes)
        else:
            sign = signs(codes[:, None])
            losses, pull = loss_pull(z * sign)
            pull *= -sign
        pull *= weight
        return (losses * weight).sum(axis=0), pull, z


def _decisions(X: Any, coef: np.ndarray) -> np.ndarray:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, float64."""
    packed = np.zeros((X.n_slots, coef.shape[1]))
    packed[X.slots] = coef
    z = np.tile(packed[-1], (X.n_rows, 1))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for column, slot in zip(X.numbers, X.number_slots, strict=True):
            z += np.multiply.outer(column.astype(np.float64), packed[slot])
        for level, slot in zip(X.levels, X.level_slots, strict=True):
            z += packed[level.astype(np.intp) + (slot + 1)]
    return z


def _add_up(X: Any, pull: np.ndarray, power: int = 1) -> np.ndarray:
    """Return ``sum_i [x_i^power, 1] pull_i``, ``(d + 1, n_outputs)``."""
    out = np.zeros((X.n_slots, pull.shape[1]))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for column, slot in zip(X.numbers, X.number_slots, strict=True):
            out[slot] = (column.astype(np.float64) ** power) @ pull
        for level, slot, size in zip(X.levels, X.level_slots, X.n_levels, strict=True):
            place = level.astype(np.intp) + 1
            for o in range(pull.shape[1]):
                out[slot : slot + size + 1, o] = np.bincount(place, pull[:, o], size + 1)
        out[-1] = pull.sum(axis=0)
    return np.asarray(out[X.slots])


def _row_weights(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray
) -> np.ndarray:
    """Return class weight times sample weight, ``(n_rows, 1)``."""
    weight = class_weights[codes]
    return np.asarray((weight if weights is None else weight * weights)[:, None])


def _one_hot(X: Any) -> Any:
    """Return the table with a column of ones, in the order of the coefficients, CSC."""
    parts = {
        int(slot): csc_array(column.astype(np.float64)[:, None])
        for column, slot in zip(X.numbers, X.number_slots, strict=True)
    }
    for level, slot, size in zip(X.levels, X.level_slots, X.n_levels, strict=True):
        places = level.astype(np.intp) + 1
        shape = (X.n_rows, int(size) + 1)
        ones = csr_array((np.ones(X.n_rows), places, np.arange(X.n_rows + 1)), shape=shape)
        parts[int(slot)] = ones.tocsc()[:, 1:]
    columns = [parts[slot] for slot in sorted(parts)]
    return hstack([*columns, csc_array(np.ones((X.n_rows, 1)))], format="csc")


def _gram(one: Any, other: Any, bend: np.ndarray) -> np.ndarray:
    """Return the products of the columns of both, each row weighted."""
    scaled = csr_array(other.tocsr())
    scaled.data = scaled.data * np.repeat(bend, np.diff(scaled.indptr))
    return np.asarray((one.T @ scaled).toarray())


def _blocks(
    X: Any, table: Any, bends: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Return the Hessian with the levels of the largest category apart."""
    largest = int(np.argmax(X.n_levels))
    first = int(np.searchsorted(X.slots, X.level_slots[largest] + 1))
    block = np.arange(first, first + int(X.n_levels[largest]))
    rest = np.delete(np.arange(table.shape[1]), block)
    levels, others = table[:, block], table[:, rest]
    bend = bends[:, 0]
    return (
        first,
        np.asarray(levels.T @ bend),
        _gram(levels, others, bend),
        _gram(others, others, bend),
    )


def _softmax_hessian(table: Any, p: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the Hessian ``(1, p, p)`` of a softmax model, class by class."""
    n_classes, width = p.shape[1], table.shape[1]
    hessian = np.zeros((n_classes, width, n_classes, width))
    for k in range(n_classes):
        for other in range(k + 1, n_classes):
            pair = _gram(table, table, p[:, k] * p[:, other] * weight[:, 0])
            hessian[k, :, k] += pair
            hessian[other, :, other] += pair
            hessian[k, :, other] = hessian[other, :, k] = -pair
    return hessian.reshape(1, n_classes * width, n_classes * width)
