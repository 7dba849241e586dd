"""Whole passes over a dense X, on compiled kernels.

The same names and signatures as `fastlogreg.reference.dense`.  ``X`` is float32,
float64, an integer type of up to 64 bits or bool, aligned, native-endian, in C or F
order; it may be read-only or mapped, and is never copied.  ``coef`` is
``(d + 1, n_outputs)`` with the intercept in the last row.  Each output is a binary model
of its own, for which ``codes`` are 0 and 1, the positive class; or, with ``softmax``, a
class of one model, by its code.  ``codes`` is int8 (int16 for more than 127 classes);
``weights`` is None or float64 ``(n,)``; ``class_weights`` is float64 ``(n_classes,)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlogreg.kernels import (
    dense_decision,
    dense_hessian,
    dense_narrow,
    dense_outputs,
    dense_pass,
    dense_product,
    dense_softmax,
    dense_squares,
    dense_tiles,
)
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.kernels.coordinate import descend_coordinates
from fastlogreg.kernels.link import link_scratch
from fastlogreg.kernels.predicted import rows_of_lines, store
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
    matrix, in_c_order = _compiled_view(X)
    rows = (_read_only(codes), _weights(weights), class_weights)
    if coef.shape[1] > 1:
        return dense_outputs.loss_gradient_outputs(
            matrix, in_c_order, coef, *rows, softmax, n_threads
        )
    n, d = X.shape
    n_blocks = count_blocks(n, d, d + 2)
    partials = np.zeros((n_blocks, d + 2))
    vector = _vector(coef[:, 0])
    kernel, tile, besides = _pass_kernel(X, in_c_order, vector)
    edges = block_edges(n, n_blocks, tile)
    arguments = (matrix, _as_met(vector, in_c_order), *rows, partials, edges, *besides)

    def block(first: int, last: int) -> None:
        kernel(*arguments, np.empty(tile), *link_scratch(tile), first, last)

    run_blocks(block, n_blocks, n_threads)
    total = sum_parts(partials)
    return total[d + 1 :], total[: d + 1, None]


def loss_gradient_hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `loss_gradient` does, and Hessians ``(n_outputs, d + 1, d + 1)``.

    That of a softmax model is ``(1, p, p)`` with ``p = n_outputs (d + 1)``, class by
    class: row ``k (d + 1) + j`` is that of ``coef[j, k]``.
    """
    matrix, in_c_order = _compiled_view(X)
    rows = (_read_only(codes), _weights(weights), class_weights)
    if softmax:
        return dense_softmax.loss_gradient_hessian(
            matrix, in_c_order, _vector(coef.T), *rows, n_threads
        )
    return dense_hessian.loss_gradient_hessian(
        matrix, in_c_order, _vector(coef.T), *rows, n_threads
    )


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
    matrix, in_c_order = _compiled_view(X)
    rows = (_read_only(codes), _weights(weights), class_weights)
    if coef.shape[1] > 1:
        return dense_outputs.hessian_product_outputs(
            matrix, in_c_order, (coef, direction), *rows, softmax, n_threads
        )
    n, d = X.shape
    n_blocks = count_blocks(n, d, d + 1)
    partials = np.zeros((n_blocks, d + 1))
    tile, ahead = _tiling(X, in_c_order)
    kernel: Callable[..., object] = (
        dense_product.product_block_c if in_c_order else dense_product.product_block_f
    )
    vectors = _as_met(np.concatenate([coef, direction], axis=1).T, in_c_order)
    arguments = (matrix, vectors, *rows, partials, block_edges(n, n_blocks, tile), *ahead)

    def block(first: int, last: int) -> None:
        kernel(*arguments, np.empty(tile), np.empty(tile), np.ones(tile), first, last)

    run_blocks(block, n_blocks, n_threads)
    return sum_parts(partials)[:, None]


def square_sums(X: np.ndarray, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    matrix, in_c_order = _compiled_view(X)
    n, d = X.shape
    n_outputs = row_weights.shape[1]
    n_blocks = count_blocks(n, d, (d + 1) * n_outputs)
    partials = np.zeros((n_blocks, n_outputs, d + 1))
    kernel: Callable[..., object] = (
        dense_squares.squares_block_c if in_c_order else dense_squares.squares_block_f
    )
    edges = block_edges(n, n_blocks, 1)
    arguments = (matrix, _read_only(_vector(row_weights)), partials, edges)

    def block(first: int, last: int) -> None:
        kernel(*arguments, first, last)

    run_blocks(block, n_blocks, n_threads)
    return sum_parts(partials).T.copy()


def decision(X: np.ndarray, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite.

    They are in the type of X, float64 where that holds integers.
    """
    return _predict(X, coef, n_threads)


def probability(
    X: np.ndarray, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``; in the type
    of X as in `decision`.
    """
    return _predict(X, coef, n_threads, probability=True, softmax=softmax)


def _predict(
    X: np.ndarray,
    coef: np.ndarray,
    n_threads: int,
    *,
    probability: bool = False,
    softmax: bool = False,
) -> tuple[np.ndarray, bool]:
    n, d = X.shape
    matrix, in_c_order = _compiled_view(X)
    dtype = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
    n_outputs = coef.shape[1]
    out = np.empty((n, 2 if probability and not softmax else n_outputs), dtype=dtype)
    n_blocks = count_blocks(n, d, 0)
    check = np.zeros(n_blocks)
    tile, ahead = _tiling(X, in_c_order)
    if not in_c_order and d >= dense_tiles.WIDE_F:
        tile = dense_decision.WIDE_TILE_F
    kernel: Callable[..., float] = (
        dense_decision.decide_c if in_c_order else dense_decision.decide_f
    )
    edges = block_edges(n, n_blocks, tile)
    arguments = (matrix, _as_met(coef.T, in_c_order), tile, *ahead)
    in_place = not probability and n_outputs == 1 and dtype == np.float64
    step = n if in_place else rows_of_lines(n_outputs, tile)

    def block(first: int, last: int) -> None:
        lines = np.empty((n_outputs, 0 if in_place else step))
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], step):
                some = out[row : min(row + step, edges[b + 1])]
                if in_place:
                    lines = some.T
                check[b] += kernel(*arguments, lines, row, row + len(some))
                if not in_place:
                    store(lines, some, probability)

    run_blocks(block, n_blocks, n_threads)
    return out, bool(np.isfinite(check).all())


def _tiling(X: np.ndarray, in_c_order: bool) -> tuple[int, tuple[int, ...]]:
    """Return the rows of a tile, and what kernels of that order take of the next one."""
    d = X.shape[1]
    if in_c_order:
        return dense_tiles.tile_rows_c(d), (dense_tiles.reach_c(d, X.itemsize),)
    return dense_tiles.tile_rows_f(d, X.itemsize), ()


def _pass_kernel(
    X: np.ndarray, in_c_order: bool, coef: np.ndarray
) -> tuple[Callable[..., object], int, tuple[Any, ...]]:
    """Return the kernel of a pass, the rows of its tiles, and what it takes besides."""
    if in_c_order and dense_narrow.is_narrow(X.shape[1], X.itemsize):
        columns = dense_narrow.by_lanes(coef)
        return dense_pass.pass_block_narrow_c, dense_narrow.ROWS, (columns,)
    kernel = dense_pass.pass_block_c if in_c_order else dense_pass.pass_block_f
    return kernel, *_tiling(X, in_c_order)


def _compiled_view(X: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return X, or its transpose where that is the C array, and whether it is X."""
    if X.dtype == np.bool_:
        X = X.view(np.uint8)
    in_c_order = X.flags.c_contiguous
    return _read_only(X if in_c_order else X.T), in_c_order


def _vector(coef: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(coef, dtype=np.float64)


def _as_met(coef: np.ndarray, in_c_order: bool) -> np.ndarray:
    """Return coefficients ``(..., d + 1)`` as the kernels of that order take them."""
    return dense_tiles.with_rest(coef) if in_c_order else _vector(coef)


def _weights(weights: np.ndarray | None) -> np.ndarray:
    return EMPTY_WEIGHTS if weights is None else _read_only(weights)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled signature serves read-only and writable arrays."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
