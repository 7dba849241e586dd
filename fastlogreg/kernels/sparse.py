"""Whole passes over a sparse X, on compiled kernels.

The same names and signatures as `fastlogreg.reference.sparse`.  ``X`` is a matrix or array
of scipy.sparse, ``X.format`` "csr" or "csc", of float32 or float64, aligned and
native-endian.  ``data``, ``indices`` and ``indptr`` are read where they lie: they may be
read-only or mapped, indices int32 or int64, in any order, and values stored for the same
place add up.  All else is as in `fastlogreg.kernels.dense`.

A table by rows is read once a pass, one by columns twice, and the dense Hessian of the
latter is not here: its rows are to be taken first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import aligned_zeros, sum_parts
from fastlogreg.kernels.cholesky import factor_cholesky, reciprocal_condition, solve_cholesky
from fastlogreg.kernels.coordinate import descend_coordinates
from fastlogreg.kernels.link import link_scratch
from fastlogreg.kernels.predicted import rows_of_lines, store
from fastlogreg.kernels.softmax import softmax_scratch
from fastlogreg.kernels.sparse_blocks import (
    TILE,
    add_up,
    count_hessian_parts,
    count_parts,
    even_edges,
)
from fastlogreg.kernels.sparse_columns import squares_columns
from fastlogreg.kernels.sparse_hessian import hessian_rows
from fastlogreg.kernels.sparse_rows import decision_rows, pass_rows, squares_rows
from fastlogreg.kernels.sparse_sums import (
    arrays_of,
    by_columns,
    by_rows,
    class_sums,
    curvature_of_constant,
    decide,
    in_lanes,
    product_of_one,
    read_only,
    side_by_side,
    softmax_of_constant,
    vector_of,
    weights_of,
)
from fastlogreg.kernels.sparse_take import copy_taken, find_taken
from fastlogreg.runtime.threads import run_blocks

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
    rows = (read_only(codes), weights_of(weights), class_weights)
    is_constant = not coef[:-1].any()
    if softmax and is_constant and X.format == "csr":
        return softmax_of_constant(X, coef[-1], (*rows, softmax), n_threads)
    if X.format == "csc" or coef.shape[1] > 1:
        summed = by_columns if X.format == "csc" else by_rows
        losses, gradient = summed(X, [coef], (*rows, softmax), n_threads)
        return losses[:1] if softmax else losses, gradient
    decided = np.full(X.shape[0], coef[-1, 0]) if is_constant else np.empty(0)
    return _loss_gradient_of_one(X, vector_of(coef[:, 0]), decided, rows, n_threads)


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
    rows = (read_only(codes), weights_of(weights), class_weights)
    return _loss_gradient_of_one(X, np.empty(0), vector_of(decided), rows, n_threads)


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
    rows = (read_only(codes), weights_of(weights), class_weights, True)
    kept = np.empty((X.shape[0], coef.shape[1]))
    losses, gradient = by_rows(X, [coef], rows, n_threads, kept, keeps=True)
    return losses[:1], gradient, kept


def _loss_gradient_of_one(
    X: Any,
    coef: np.ndarray,
    decided: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss and the gradient of one output by coef ``(d + 1,)``, or decided if any."""
    parts = arrays_of(X)
    d = X.shape[1]
    n_blocks = count_parts(parts[2], d)
    partials = np.zeros((n_blocks, d + 2))
    edges = even_edges(parts[2], n_blocks)
    arguments = (*parts, coef, decided, *rows, partials, edges)

    def block(first: int, last: int) -> None:
        pass_rows(*arguments, np.empty(TILE), *link_scratch(TILE), first, last)

    run_blocks(block, n_blocks, n_threads)
    total = add_up(partials, n_threads)
    return total[d + 1 :], total[: d + 1, None]


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
    parts = arrays_of(X)
    d, k = X.shape[1], coef.shape[1]
    rows = (read_only(codes), weights_of(weights), class_weights, softmax)
    n_grams = k * (k - 1) // 2 if softmax else k
    wide, deep = in_lanes(k), 1 if n_grams == 1 else in_lanes(n_grams)
    n_blocks = count_hessian_parts(parts[2], (d + 1) ** 2 * deep)
    gradients = np.zeros((n_blocks, d, wide))
    sums = np.zeros((n_blocks, k, 2))
    out = np.zeros((n_blocks, d + 1, d + 1, deep))
    own = np.zeros((n_blocks, d + 1, deep))
    edges = even_edges(parts[2], n_blocks)
    arguments = (*parts, side_by_side([coef], wide), *rows, gradients, sums, out, own, edges)

    def block(first: int, last: int) -> None:
        scratch = (
            aligned_zeros(TILE, wide),
            aligned_zeros(TILE, deep),
            np.empty((k, TILE)),
            np.empty((n_grams, TILE)),
            np.empty(TILE),
            np.empty(TILE),
            softmax_scratch(),
        )
        hessian_rows(*arguments, *scratch, first, last)

    run_blocks(block, n_blocks, n_threads)
    pulls, losses = sum_parts(sums).T
    gradient = np.concatenate([add_up(gradients, n_threads)[:, :k], pulls[None, :]])
    upper = add_up(out, n_threads)[:, :, :n_grams].transpose(2, 0, 1)
    grams = upper + upper.transpose(0, 2, 1)
    grams[:, np.arange(d + 1), np.arange(d + 1)] += add_up(own, n_threads)[:, :n_grams].T
    if softmax:
        return losses[:1].copy(), gradient, _softmax_hessian(grams, k)
    return losses.copy(), gradient, grams


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
    `loss_gradient_keeping`, and where only intercepts are not 0.
    """
    rows = (read_only(codes), weights_of(weights), class_weights, softmax)
    several = by_columns if X.format == "csc" else by_rows
    summed = several if X.format == "csc" or coef.shape[1] > 1 else product_of_one
    undecided = [coef] if kept is None else []
    bend = np.empty((X.shape[0], coef.shape[1])) if kept is None else kept
    is_constant = not coef[:-1].any()
    if is_constant:
        bend[...] = curvature_of_constant(coef[-1], softmax)
        undecided.clear()

    def product(direction: np.ndarray) -> np.ndarray:
        if softmax and is_constant and X.format == "csr" and not direction[:-1].any():
            return _product_of_constants(X, bend[0], direction[-1], rows, n_threads)
        _, result = summed(X, [*undecided, direction], rows, n_threads, bend)
        undecided.clear()
        return result

    return product


def square_sums(X: Any, row_weights: np.ndarray, n_threads: int) -> np.ndarray:
    """Return ``sum_i r_ik [x_ij^2, 1]``, ``(d + 1, k)``, for row weights r, ``(n, k)``."""
    parts = arrays_of(X)
    (n, d), k = X.shape, row_weights.shape[1]
    is_by_rows = X.format == "csr"
    kernel, length = (squares_rows, d) if is_by_rows else (squares_columns, n)
    n_blocks = count_parts(parts[2], d * k, k) if is_by_rows else count_parts(parts[2], 0)
    out = np.zeros((n_blocks, d, k) if is_by_rows else (d, k))
    weights = read_only(vector_of(row_weights))
    arguments = (*parts, weights, out, even_edges(parts[2], n_blocks))

    def block(first: int, last: int) -> None:
        kernel(*arguments, np.zeros(length), first, last)

    run_blocks(block, n_blocks, n_threads)
    squares = add_up(out, n_threads) if is_by_rows else out
    return np.concatenate([squares, row_weights.sum(axis=0, dtype=np.float64)[None]])


def decision(X: Any, coef: np.ndarray, n_threads: int) -> tuple[np.ndarray, bool]:
    """Return ``x_i w_o + b_o`` as ``(n, n_outputs)``, and whether all are finite.

    They are in the type of X.
    """
    return _predict(X, coef, n_threads)


def probability(
    X: Any, coef: np.ndarray, n_threads: int, softmax: bool = False
) -> tuple[np.ndarray, bool]:
    """Return ``sigmoid(-z_i), sigmoid(z_i)`` as ``(n, 2)``, and whether all z are finite.

    Of a softmax model ``exp(z_ik) / sum_l exp(z_il)`` as ``(n, n_outputs)``; in the type
    of X.
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
    parts = arrays_of(X)
    n, k = X.shape[0], coef.shape[1]
    out = np.empty((n, 2 if probability and not softmax else k), dtype=X.dtype)
    if X.format == "csc":
        decided = add_up(decide(X, coef, n_threads), n_threads)[:, :k] + coef[-1]
        finite = bool(np.isfinite(decided).all())
        store(np.ascontiguousarray(decided.T), out, probability)
        return out, finite
    width = 1 if k == 1 else in_lanes(k)
    n_blocks = count_parts(parts[2], 0)
    check = np.zeros(n_blocks)
    edges = even_edges(parts[2], n_blocks)
    arguments = (*parts, side_by_side([coef], width))
    kernel: Callable[..., float] = decision_rows
    step = rows_of_lines(k, TILE)

    def block(first: int, last: int) -> None:
        lines, z = np.empty((k, step)), aligned_zeros(TILE, width)
        for b in range(first, last):
            for row in range(edges[b], edges[b + 1], step):
                end = min(row + step, edges[b + 1])
                check[b] += kernel(*arguments, z, lines, row, end)
                store(lines, out[row:end], probability)

    run_blocks(block, n_blocks, n_threads)
    return out, bool(np.isfinite(check).all())


def take_columns(X: Any, columns: np.ndarray, n_threads: int) -> Any:
    """Return some columns of X, each once, in the order given and by rows; CSR only.

    Values stay in the order of X, and those stored for the same place apart.
    """
    parts = data, indices, indptr = arrays_of(X)
    marks = np.zeros(X.shape[1], dtype=np.uint8)
    marks[columns] = 1
    numbers = np.zeros(X.shape[1], dtype=np.int32)
    numbers[columns] = np.arange(len(columns), dtype=np.int32)
    n_blocks = count_parts(indptr, 0)
    edges = even_edges(indptr, n_blocks)
    starts = np.zeros(len(indptr), dtype=np.int64)
    found: list[tuple[np.ndarray, np.ndarray]] = [(starts, starts)] * n_blocks

    def find(first: int, last: int) -> None:
        for b in range(first, last):
            most = int(indptr[edges[b + 1]] - indptr[edges[b]]) + 1
            scratch = np.empty(most, dtype=data.dtype), np.empty(most, dtype=indices.dtype)
            count = find_taken(*parts, marks, starts[1:], *scratch, edges[b], edges[b + 1])
            found[b] = scratch[0][:count].copy(), scratch[1][:count].copy()

    run_blocks(find, n_blocks, n_threads)
    np.cumsum(starts, out=starts)
    taken = np.empty(starts[-1], dtype=X.dtype)
    new = np.empty(starts[-1], dtype=X.indices.dtype)

    def copy(first: int, last: int) -> None:
        for b in range(first, last):
            some = slice(starts[edges[b]], starts[edges[b + 1]])
            copy_taken(numbers, *found[b], taken[some], new[some])

    run_blocks(copy, n_blocks, n_threads)
    # The constructor would look through the arrays given to it.
    result = type(X)((X.shape[0], len(columns)), dtype=X.dtype)
    result.data, result.indices, result.indptr = taken, new, starts.astype(X.indptr.dtype)
    return result


def _product_of_constants(
    X: Any, shares: np.ndarray, intercepts: np.ndarray, rows: Any, n_threads: int
) -> np.ndarray:
    """Return the product of a softmax of which, as of the direction, only intercepts are not 0.

    What a row is pulled by is the same for all, so that the sum of the rows is enough.
    """
    codes, weights, class_weights, _ = rows
    row_weights = class_weights[codes]
    if weights.size > 0:
        row_weights *= weights
    total = class_sums(X, row_weights, np.zeros_like(codes), 1, n_threads)
    pulls = shares * (intercepts - shares @ intercepts)
    return np.outer(np.append(total, row_weights.sum()), pulls)


def _softmax_hessian(grams: np.ndarray, k: int) -> np.ndarray:
    """Return the Hessian ``(1, p, p)`` from the Gram matrices of all pairs of classes."""
    side = grams.shape[1]
    hessian = np.zeros((k, side, k, side))
    first, second = np.triu_indices(k, 1)
    for gram, a, b in zip(grams, first, second, strict=True):
        hessian[a, :, b], hessian[b, :, a] = -gram, -gram
        hessian[a, :, a] += gram
        hessian[b, :, b] += gram
    return hessian.reshape(1, k * side, k * side)
