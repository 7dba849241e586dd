"""Whole passes over a sparse X, on compiled kernels.

The same names and signatures as `fastlogreg.reference.sparse`, and arguments as in
`fastlogreg.kernels.dense`.  ``X`` has ``data`` (float32 or float64), ``indices``, ``indptr``
(int32 or int64), ``n_rows``, ``n_columns`` and ``by_row``: CSR, or CSC.  Its indices are
valid, in any order; values of one place add up; the arrays may be read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fastlogreg.kernels import densely, sparse_columns, sparse_rows
from fastlogreg.kernels.blocks import EMPTY_WEIGHTS, count_blocks, sum_parts
from fastlogreg.kernels.coordinate import descend_coordinates
from fastlogreg.kernels.softmax import softmax_scratch
from fastlogreg.runtime.threads import run_blocks

__all__ = [
    "decision",
    "descend_coordinates",
    "hessian_product",
    "loss_gradient",
    "loss_gradient_hessian",
    "probability",
    "square_sums",
]

_TILE = 256  # rows
_VALUES_OF_PART = 16  # a number in a part costs as much as so many values of X may
_LARGEST_DECISIONS = 8_388_608  # numbers in all partial decisions: 64 MiB
_MOST_PARTS = 8


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
    rows = (codes, weights, class_weights, softmax)
    losses, gradient = _summed(X, coef, coef.shape[1], rows, n_threads)
    return losses[:1] if softmax else losses, gradient


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
    rows = (codes, weights, class_weights, softmax)
    return _summed(X, both, coef.shape[1], rows, n_threads)[1]


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

    X is by row.
    """

    def fill(row: int, chunk: np.ndarray) -> None:
        sparse_rows.densify_block(*_arrays(X), row, chunk, 0, len(chunk))

    shape = (X.n_rows, X.n_columns)
    rows = (codes, weights, class_weights)
    return densely.loss_gradient_hessian(fill, shape, coef, *rows, n_threads, softmax)


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    n_outputs = row_weights.shape[1]
    weights = _read_only(np.ascontiguousarray(row_weights, dtype=np.float64))
    if X.by_row:
        edges = _edges(X, X.n_columns * n_outputs)
        parts = np.zeros((len(edges) - 1, X.n_columns, n_outputs))

        def block(first: int, last: int) -> None:
            scratch = np.zeros(X.n_columns)
            sparse_rows.squares_block(*_arrays(X), weights, parts, edges, scratch, first, last)

        run_blocks(block, len(parts), n_threads)
        squares = sum_parts(parts)
    else:
        edges = _even_edges(X.indptr, count_blocks(X.n_columns, _mean_length(X), 0))
        squares = np.zeros((X.n_columns, n_outputs))

        def columns(first: int, last: int) -> None:
            scratch = np.zeros(X.n_rows)
            sparse_columns.squares_block(*_arrays(X), weights, squares, edges, scratch, first, last)

        run_blocks(columns, len(edges) - 1, n_threads)
    return np.concatenate([squares, row_weights.sum(axis=0, dtype=np.float64)[None]])


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


def _summed(
    X: Any, coef: np.ndarray, n_outputs: int, rows: tuple[Any, ...], n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses, and ``(d + 1, n_outputs)`` summed over rows, from decisions of all of coef."""
    codes, weights, class_weights, softmax = rows
    every = EMPTY_WEIGHTS if weights is None else _read_only(weights)
    labels = (_read_only(codes), every, class_weights, softmax)
    vectors = np.ascontiguousarray(coef, dtype=np.float64)
    of_kind = _summed_by_row if X.by_row else _summed_by_column
    sums, gradient = of_kind(X, vectors, n_outputs, labels, n_threads)
    pulls, losses = sums.T
    return losses.copy(), np.concatenate([gradient, pulls[None]])


def _summed_by_row(
    X: Any, coef: np.ndarray, n_outputs: int, labels: tuple[Any, ...], n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    edges = _edges(X, X.n_columns * n_outputs)
    gradients = np.zeros((len(edges) - 1, X.n_columns * n_outputs))
    sums = np.zeros((len(edges) - 1, n_outputs, 2))
    arguments = (*_arrays(X), *labels, coef.ravel(), gradients, sums, edges)
    kernel: Callable[..., object] = sparse_rows.pass_block

    def block(first: int, last: int) -> None:
        kernel(*arguments, *_scratch(coef.shape[1]), first, last)

    run_blocks(block, len(gradients), n_threads)
    return sum_parts(sums), sum_parts(gradients).reshape(-1, n_outputs)


def _summed_by_column(
    X: Any, coef: np.ndarray, n_outputs: int, labels: tuple[Any, ...], n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    decisions = _decisions_by_column(X, coef, n_threads)
    n_blocks = count_blocks(X.n_rows, 16, 0)
    rows = np.linspace(0, X.n_rows, n_blocks + 1).astype(np.int64)
    sums = np.zeros((n_blocks, n_outputs, 2))
    ahead = n_outputs if coef.shape[1] > n_outputs else 0
    kernel: Callable[..., object] = sparse_columns.link_block

    def link(first: int, last: int) -> None:
        lines, row_weight, scratch, _ = _scratch(coef.shape[1])
        kernel(*labels, ahead, decisions, sums, rows, lines, row_weight, scratch, first, last)

    run_blocks(link, n_blocks, n_threads)
    gradient = np.zeros((X.n_columns, n_outputs))
    edges = _even_edges(X.indptr, count_blocks(X.n_columns, _mean_length(X), 0))
    block = partial(sparse_columns.gradient_block, *_arrays(X), decisions, gradient, edges)
    run_blocks(block, len(edges) - 1, n_threads)
    return sum_parts(sums), gradient


def _decisions_by_column(X: Any, coef: np.ndarray, n_threads: int) -> np.ndarray:
    """Return the decisions ``(n_lines, n_rows)`` of all columns of coef."""
    n_lines = coef.shape[1]
    most = _LARGEST_DECISIONS // max(n_lines * X.n_rows, 1)
    by_work = len(X.data) // max(2 * X.n_rows, 1)
    edges = _even_edges(X.indptr, max(1, min(_MOST_PARTS, most, by_work)))
    parts = np.zeros((len(edges) - 1, n_lines, X.n_rows))
    parts[0] += coef[-1][:, None]
    block = partial(sparse_columns.decide_block, *_arrays(X), coef, parts, edges)
    run_blocks(block, len(parts), n_threads)
    return sum_parts(parts)


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
    out = np.empty((X.n_rows, width), dtype=X.data.dtype)
    vectors = np.ascontiguousarray(coef, dtype=np.float64)
    edges = (
        _edges(X, 0)
        if X.by_row
        else np.linspace(0, X.n_rows, count_blocks(X.n_rows, 16, 0) + 1).astype(np.int64)
    )
    check = np.empty(len(edges) - 1)
    decisions = None if X.by_row else _decisions_by_column(X, vectors, n_threads)

    def block(first: int, last: int) -> None:
        lines, row_weight, scratch, total = _scratch(n_outputs)
        other = scratch if softmax else row_weight
        if decisions is None:
            arguments = (*_arrays(X), vectors.ravel(), probability, softmax, out, check, edges)
            sparse_rows.decision_block(*arguments, lines, other, total, first, last)
        else:
            sparse_columns.store_block(
                decisions, probability, softmax, out, check, edges, lines, other, first, last
            )

    run_blocks(block, len(check), n_threads)
    return out, bool(np.isfinite(check).all())


def _scratch(n_lines: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return lines of a tile, its weights, scratch of the link, and a number a line."""
    return np.empty((n_lines, _TILE)), np.empty(_TILE), softmax_scratch(), np.empty(n_lines)


def _arrays(X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _read_only(X.data), _read_only(X.indices), _read_only(X.indptr)


def _edges(X: Any, part_size: int) -> np.ndarray:
    """Return blocks of rows of about as many values, few enough for parts of that size."""
    by_values = len(X.data) // (_VALUES_OF_PART * max(part_size, 1))
    n_blocks = count_blocks(X.n_rows, _mean_length(X), part_size)
    return _even_edges(X.indptr, max(1, min(n_blocks, max(by_values, 2))))


def _even_edges(indptr: np.ndarray, n_blocks: int) -> np.ndarray:
    """Return n_blocks + 1 ascending numbers of rows or columns, with as many values between."""
    n = len(indptr) - 1
    # A row counts as well: an empty one is not free.
    ends = indptr[1:] + np.arange(1, n + 1)
    aims = np.arange(1, n_blocks) * (int(ends[-1]) if n else 0) // n_blocks
    inner = np.searchsorted(ends, aims, side="left")
    return np.concatenate([[0], np.minimum(inner, n), [n]]).astype(np.int64)


def _mean_length(X: Any) -> int:
    """Return the values of a row, or of a column, that there are on average."""
    return int(len(X.data) // max(len(X.indptr) - 1, 1))


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled signature serves read-only and writable arrays."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
