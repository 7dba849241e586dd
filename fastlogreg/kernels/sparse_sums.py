"""What a sparse X by rows or by columns has summed over its rows, for arrays of outputs.

A sum takes *vectors*, the coefficients of a gradient, or of a product with the Hessian the
coefficients and the direction: each ``(d + 1, n_outputs)``.  Products share *kept*,
``(n, n_outputs)`` float64, the curvature of the rows: the softmax gradient at the same
coefficients fills it, or the first of them, and those after it, to which the direction alone
is given, read it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlogreg.kernels.blocks import (
    EMPTY_WEIGHTS,
    aligned_zeros,
    block_edges,
    count_blocks,
    sum_parts,
)
from fastlogreg.kernels.softmax import softmax_scratch
from fastlogreg.kernels.sparse_blocks import TILE, add_up, count_parts, even_edges
from fastlogreg.kernels.sparse_columns import add_columns, decide_columns, link_rows
from fastlogreg.kernels.sparse_outputs import outputs_rows
from fastlogreg.kernels.sparse_rows import class_sums_rows, product_rows
from fastlogreg.runtime.lanes import LANES
from fastlogreg.runtime.threads import run_blocks

__all__ = [
    "arrays_of",
    "by_columns",
    "by_rows",
    "class_sums",
    "curvature_of_constant",
    "decide",
    "in_lanes",
    "product_of_one",
    "read_only",
    "side_by_side",
    "softmax_of_constant",
    "vector_of",
    "weights_of",
]

# Codes, weights, class weights, and whether the outputs are classes of a softmax.
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, bool]
_LINK = 8  # stored values that the link of a row takes as long as
_SCATTERED = 4  # numbers of a part that are added up in the time of one that is scattered


def product_of_one(
    X: Any, vectors: list[np.ndarray], rows: Rows, n_threads: int, kept: np.ndarray
) -> tuple[None, np.ndarray]:
    """Return, behind nothing, the sums of one output, as `by_rows` does; CSR."""
    parts = arrays_of(X)
    n_blocks = count_parts(parts[2], X.shape[1])
    partials = np.zeros((n_blocks, X.shape[1] + 1))
    edges = even_edges(parts[2], n_blocks)
    both = vector_of(np.concatenate(vectors, axis=1))
    is_constant = len(vectors) == 1 and not vectors[0][:-1].any()
    arguments = (*parts, both, is_constant, *rows[:3], partials, kept[:, 0], edges)

    def block(first: int, last: int) -> None:
        z, v, weight = np.ones((3, TILE))
        product_rows(*arguments, z, v, weight, first, last)

    run_blocks(block, n_blocks, n_threads)
    return None, add_up(partials, n_threads)[:, None]


def by_rows(
    X: Any,
    vectors: list[np.ndarray],
    rows: Rows,
    n_threads: int,
    kept: np.ndarray | None = None,
    keeps: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses and sums of several outputs, from decisions of all vectors; CSR.

    With *kept*, (n, n_outputs), those of a product; the vectors are coefficients, unless
    their curvature is in it already, and direction.  Where it *keeps*, those of a softmax
    gradient, which fills it.
    """
    parts = arrays_of(X)
    d, k = X.shape[1], vectors[0].shape[1]
    width = in_lanes(k)
    n_blocks = count_parts(parts[2], d * width, width)
    gradients = np.empty((n_blocks, d, width))
    sums = np.zeros((n_blocks, k, 2))
    coef = side_by_side(vectors, width)
    held, n_lines = _held(kept, width)
    n_lines = width if keeps else n_lines
    edges = even_edges(parts[2], n_blocks)
    arguments = (*parts, coef, *rows, gradients, sums, held, edges)

    def block(first: int, last: int) -> None:
        gradients[first:last] = 0.0
        z, lines = aligned_zeros(TILE, coef.shape[1]), np.empty((n_lines, TILE))
        outputs_rows(*arguments, z, lines, np.empty(TILE), softmax_scratch(), first, last)

    run_blocks(block, n_blocks, n_threads)
    pulls, losses = sum_parts(sums).T
    gradient = add_up(gradients, n_threads)[:, :k]
    return losses.copy(), np.concatenate([gradient, pulls[None, :]])


def softmax_of_constant(
    X: Any, intercepts: np.ndarray, rows: Rows, n_threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss and the gradient of a softmax whose other coefficients are 0; CSR.

    All rows have the same shares p, so that the sums of the rows of each class are enough: a
    stored value is added once, not once a class.
    """
    codes, weights, class_weights, _ = rows
    k = len(intercepts)
    row_weights = class_weights[codes]
    if weights.size > 0:
        row_weights *= weights
    of_classes = class_sums(X, row_weights, codes, k, n_threads)
    totals = np.bincount(codes, row_weights, minlength=k)
    sums = np.concatenate([of_classes, totals[None]])
    behind = intercepts[None, :] - intercepts[:, None]
    np.fill_diagonal(behind, -np.inf)
    losses = np.logaddexp(0.0, np.logaddexp.reduce(behind, axis=1))
    shares = curvature_of_constant(intercepts, True)
    return np.array([losses @ totals]), np.outer(sums.sum(axis=1), shares) - sums


def class_sums(
    X: Any, row_weights: np.ndarray, codes: np.ndarray, k: int, n_threads: int
) -> np.ndarray:
    """Return the sums of the rows of each class, times their weights, ``(d, k)``; CSR."""
    parts = arrays_of(X)
    d = X.shape[1]
    n_blocks = count_parts(parts[2], d * k, min(k, _SCATTERED))
    partials = np.empty((n_blocks, d, k))
    edges = even_edges(parts[2], n_blocks)
    arguments = (*parts, vector_of(row_weights), read_only(codes), partials, edges)

    def block(first: int, last: int) -> None:
        partials[first:last] = 0.0
        class_sums_rows(*arguments, first, last)

    run_blocks(block, n_blocks, n_threads)
    return add_up(partials, n_threads)


def curvature_of_constant(intercepts: np.ndarray, softmax: bool) -> np.ndarray:
    """Return what products keep of a row with these decisions."""
    if softmax:
        grown = np.exp(intercepts - intercepts.max())
        return np.asarray(grown / grown.sum())
    u = np.exp(-np.abs(intercepts))
    return np.asarray(u / (1.0 + u) ** 2)


def by_columns(
    X: Any,
    vectors: list[np.ndarray],
    rows: Rows,
    n_threads: int,
    kept: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return losses and sums of any outputs, as `by_rows` does; CSC."""
    parts = arrays_of(X)
    (n, d), k = X.shape, vectors[0].shape[1]
    width = 1 if k == 1 else in_lanes(k)
    coef = side_by_side(vectors, width)
    decided = decide(X, coef, n_threads)
    n_blocks = count_blocks(n, coef.shape[1] * _LINK, 0)
    pulls, sums = aligned_zeros(n, width), np.zeros((n_blocks, k, 2))
    edges = block_edges(n, n_blocks, TILE)
    held, n_lines = _held(kept, width)
    linked = (decided, coef[-1], *rows, pulls, sums, held, edges)

    def link(first: int, last: int) -> None:
        lines = np.empty((n_lines, TILE))
        link_rows(*linked, lines, np.empty(TILE), softmax_scratch(), first, last)

    run_blocks(link, n_blocks, n_threads)
    gradient = aligned_zeros(d, width)
    n_blocks = count_parts(parts[2], 0)
    gathered = (*parts, pulls, gradient, even_edges(parts[2], n_blocks))
    run_blocks(lambda first, last: add_columns(*gathered, first, last), n_blocks, n_threads)
    intercepts, losses = sum_parts(sums).T
    return losses.copy(), np.concatenate([gradient[:, :k], intercepts[None, :]])


def decide(X: Any, coef: np.ndarray, n_threads: int) -> np.ndarray:
    """Return decisions without intercepts, ``(n_parts, n, width)``, to be added up; CSC."""
    parts = arrays_of(X)
    n, width = X.shape[0], coef.shape[1]
    if width > 2:
        width = in_lanes(width)
        coef = side_by_side([coef], width)
    n_blocks = count_parts(parts[2], n * width, width)
    decided = np.zeros((n_blocks, n, width))
    arguments = (*parts, vector_of(coef), decided, even_edges(parts[2], n_blocks))
    run_blocks(lambda first, last: decide_columns(*arguments, first, last), n_blocks, n_threads)
    return decided


def side_by_side(vectors: list[np.ndarray], width: int) -> np.ndarray:
    """Return the outputs of all vectors in one array, each vector with zeros up to width."""
    padded = aligned_zeros(len(vectors[0]), len(vectors) * width)
    for v, vector in enumerate(vectors):
        padded[:, v * width : v * width + vector.shape[1]] = vector
    return padded


def _held(kept: np.ndarray | None, width: int) -> tuple[np.ndarray, int]:
    """Return the curvature that products keep, empty for none, and lines of scratch."""
    return (np.empty((0, 0)), width) if kept is None else (kept, 2 * width)


def in_lanes(size: int) -> int:
    """Return the least number of whole lanes, in numbers."""
    return -(-size // LANES) * LANES


def arrays_of(X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values, indices and pointers as kernels take them."""
    return read_only(X.data), read_only(X.indices), read_only(X.indptr)


def vector_of(coef: np.ndarray) -> np.ndarray:
    """Return numbers as kernels take them, copied if need be."""
    return np.ascontiguousarray(coef, dtype=np.float64)


def weights_of(weights: np.ndarray | None) -> np.ndarray:
    """Return sample weights as kernels take them: empty for none."""
    return EMPTY_WEIGHTS if weights is None else read_only(weights)


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: one compiled signature serves read-only and writable arrays."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
