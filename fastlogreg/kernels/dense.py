"""Whole passes over a dense X, on compiled kernels.

The same names and signatures as `fastlogreg.reference.dense`.  ``X`` is float32 or
float64, aligned, native-endian, in C or F order; it may be read-only or mapped, and is
never copied.  ``coef`` is ``(d + 1, n_outputs)`` with the intercept in the last row,
each output a model of its own; ``codes`` is int8 with 1 for the positive class;
``weights`` is None or float64 ``(n,)``; ``class_weights`` is float64 ``(2,)``.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels import dense_hessian, dense_pass, dense_tiles
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS, block_edges, count_blocks, sum_parts
from fastlogreg.kernels.dense_tiles import TILE_C, tile_rows_f
from fastlogreg.runtime.threads import run_blocks

__all__ = ["decision", "loss_gradient", "loss_gradient_hessian"]


def loss_gradient(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses ``(n_outputs,)`` and gradients ``(d + 1, n_outputs)``, summed over rows."""
    n, d = X.shape
    n_outputs = coef.shape[1]
    matrix, in_c_order = _compiled_view(X)
    drive, block, multiple = (
        (dense_pass.pass_drive_c, dense_pass.pass_block_c, TILE_C)
        if in_c_order
        else (dense_pass.pass_drive_f, dense_pass.pass_block_f, tile_rows_f(d))
    )
    n_blocks = count_blocks(n, d, n_outputs * (d + 2))
    partials = np.empty((n_blocks, n_outputs, d + 2))
    arguments = (*_arguments(matrix, coef, codes, weights), class_weights, partials)
    run_blocks(drive, block, arguments, block_edges(n, n_blocks, multiple), n_threads)
    total = sum_parts(partials)
    return total[:, d + 1].copy(), np.ascontiguousarray(total[:, : d + 1].T)


_losses_gradients = loss_gradient


def loss_gradient_hessian(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return also the Hessians of the summed losses, ``(n_outputs, d + 1, d + 1)``."""
    losses, gradients = _losses_gradients(X, coef, codes, weights, class_weights, n_threads)
    return losses, gradients, _hessians(X, coef, codes, weights, class_weights, n_threads)


def _hessians(
    X: np.ndarray,
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
) -> np.ndarray:
    n, d = X.shape
    n_outputs = coef.shape[1]
    matrix, in_c_order = _compiled_view(X)
    drive, block = (
        (dense_hessian.hessian_drive_c, dense_hessian.hessian_block_c)
        if in_c_order
        else (dense_hessian.hessian_drive_f, dense_hessian.hessian_block_f)
    )
    side = dense_hessian.padded(d + 1)
    n_blocks = count_blocks(n, d, n_outputs * side * side)
    partials = np.empty((n_blocks, n_outputs, side, side))
    arguments = (*_arguments(matrix, coef, codes, weights), class_weights, partials)
    edges = block_edges(n, n_blocks, dense_hessian.tile_rows(d + 1))
    run_blocks(drive, block, arguments, edges, n_threads)
    upper = np.triu(sum_parts(partials)[:, : d + 1, : d + 1])
    return np.asarray(upper + np.triu(upper, 1).transpose(0, 2, 1))


def decision(X: np.ndarray, coef: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, in the type of X."""
    n, d = X.shape
    matrix, in_c_order = _compiled_view(X)
    drive, block, multiple = (
        (dense_tiles.decision_drive_c, dense_tiles.decision_block_c, dense_tiles.TILE_C)
        if in_c_order
        else (
            dense_tiles.decision_drive_f,
            dense_tiles.decision_block_f,
            dense_tiles.tile_rows_f(d),
        )
    )
    out = np.empty((n, coef.shape[1]), dtype=X.dtype)
    edges = block_edges(n, count_blocks(n, d, 0), multiple)
    run_blocks(drive, block, (matrix, np.ascontiguousarray(coef.T), out), edges, n_threads)
    return out


def _compiled_view(X: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return X, or its transpose where that is the C array, and whether it is X."""
    in_c_order = X.flags.c_contiguous
    return _read_only(X if in_c_order else X.T), in_c_order


def _arguments(
    matrix: np.ndarray, coef: np.ndarray, codes: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, ...]:
    return (
        matrix,
        np.ascontiguousarray(coef.T, dtype=np.float64),
        _read_only(codes),
        EMPTY_WEIGHTS if weights is None else _read_only(weights),
    )


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled signature serves read-only and writable arrays."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
