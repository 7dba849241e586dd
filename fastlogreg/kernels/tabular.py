"""Whole passes over a mixed table, on compiled kernels.

The same names and signatures as `fastlogreg.reference.tabular`.  ``X`` is a
`fastlogreg.design.tabular.MixedColumns`; all else is as in `fastlogreg.kernels.dense`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fastlogreg.kernels import densely, tabular_hessian
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS, sum_parts
from fastlogreg.kernels.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.kernels.coordinate import descend_coordinates
from fastlogreg.kernels.elimination import schur_complement
from fastlogreg.kernels.link import link_scratch
from fastlogreg.kernels.predicted import store
from fastlogreg.kernels.softmax import softmax_scratch
from fastlogreg.kernels.tabular_pass import decide_mixed, outputs_mixed, pass_mixed, sum_mixed
from fastlogreg.kernels.tabular_tiles import (
    SUB,
    TileReader,
    edges_of,
    lanes_of_levels,
    one_hot_rows,
    pack,
)
from fastlogreg.runtime.threads import run_blocks

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
    rows = (_read_only(codes), _weights(weights), class_weights)
    if coef.shape[1] > 1:
        losses, gradients = _outputs(X, coef, coef.shape[1], (*rows, softmax), n_threads)
        return losses[:1] if softmax else losses, gradients
    packed = pack(X, coef)[0]
    edges = edges_of(X, X.n_slots + 1)
    partials = np.zeros((len(edges) - 1, X.n_slots + 1))

    def block(first: int, last: int) -> None:
        tile = TileReader(X)
        scratch = (lanes_of_levels(), np.empty(SUB), *link_scratch(SUB))
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                pass_mixed(*tile.table, packed, *rows, partials[b], *scratch, row, count)

    run_blocks(block, len(partials), n_threads)
    total = sum_parts(partials)
    return total[-1:], total[X.slots, None]


def loss_gradient_hessian(
    X: Any,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Return what `loss_gradient` does, and the Hessian of one output in parts.

    They are those of a `fastlogreg.design.BlockSums`; without a category it is
    ``(1, d + 1, d + 1)``.  Those of several outputs are ``(k, d + 1, d + 1)``, of softmax
    ``(1, p, p)`` with ``p = k (d + 1)``, class by class.
    """
    if coef.shape[1] > 1:
        shape = (X.n_rows, len(X.slots) - 1)
        fill = partial(one_hot_rows, X)
        labels = (codes, weights, class_weights)
        return densely.loss_gradient_hessian(fill, shape, coef, *labels, n_threads, softmax)
    rows = (_read_only(codes), _weights(weights), class_weights)
    losses, gradient, parts = tabular_hessian.loss_gradient_hessian(X, coef, rows, n_threads)
    return losses, gradient, parts if len(X.levels) else parts[-1][None]


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
    both = np.concatenate([coef, direction], axis=1)
    rows = (_read_only(codes), _weights(weights), class_weights, softmax)
    return _outputs(X, both, coef.shape[1], rows, n_threads)[1]


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    n_outputs = row_weights.shape[1]
    edges = edges_of(X, X.n_slots * n_outputs)
    partials = np.zeros((len(edges) - 1, n_outputs, X.n_slots))
    row_weights = _read_only(np.ascontiguousarray(row_weights))

    def block(first: int, last: int) -> None:
        tile = TileReader(X)
        scratch = (lanes_of_levels(), np.empty(tile.rows))
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                np.square(tile.numbers[:, :count], out=tile.numbers[:, :count])
                sum_mixed(*tile.table, row_weights, partials[b], *scratch, row, count)

    run_blocks(block, len(partials), n_threads)
    return sum_parts(partials)[:, X.slots].T


def decision(X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite."""
    return _predict(X, coef, n_threads)


def probability(
    X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``.
    """
    return _predict(X, coef, n_threads, probability=True, softmax=softmax)


def _predict(
    X: Any,
    coef: np.ndarray,
    n_threads: int,
    *,
    probability: bool = False,
    softmax: bool = False,
) -> tuple[np.ndarray, bool]:
    n_outputs = coef.shape[1]
    width = 2 if probability and not softmax else n_outputs
    out = np.empty((X.n_rows, width), dtype=X.dtype)
    packed = pack(X, coef)
    edges = edges_of(X, 1)
    check = np.zeros(len(edges) - 1)
    kernel: Callable[..., float] = decide_mixed

    def block(first: int, last: int) -> None:
        tile = TileReader(X)
        lines = np.empty((n_outputs, tile.rows))
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                check[b] += kernel(*tile.table, packed, lines, count)
                store(lines, out[row : row + count], probability)

    run_blocks(block, len(check), n_threads)
    return out, bool(np.isfinite(check).all())


def _outputs(
    X: Any, vectors: np.ndarray, n_outputs: int, rows: tuple[Any, ...], n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses, and ``(d + 1, n_outputs)`` summed over rows, from decisions of all vectors."""
    packed = pack(X, vectors)
    edges = edges_of(X, (X.n_slots + 2) * n_outputs)
    partials = np.zeros((len(edges) - 1, n_outputs, X.n_slots))
    sums = np.zeros((len(edges) - 1, n_outputs, 2))

    kernel: Callable[..., object] = outputs_mixed

    def block(first: int, last: int) -> None:
        tile = TileReader(X)
        lines = np.empty((len(packed), SUB))
        scratch = (lanes_of_levels(), lines, np.empty(SUB), softmax_scratch())
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], tile.rows):
                count = tile.fill(row, min(row + tile.rows, edges[b + 1]))
                kernel(*tile.table, packed, *rows, partials[b], sums[b], *scratch, row, count)

    run_blocks(block, len(partials), n_threads)
    pulls, losses = sum_parts(sums).T
    gradients = sum_parts(partials)[:, X.slots].T.copy()
    gradients[-1] = pulls
    return losses.copy(), gradients


def _weights(weights: np.ndarray | None) -> np.ndarray:
    return EMPTY_WEIGHTS if weights is None else _read_only(weights)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled signature serves read-only and writable arrays."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
