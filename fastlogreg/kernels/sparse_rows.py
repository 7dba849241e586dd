"""Block kernels over a sparse X by rows (CSR), for one output, and what tiles of it share.

The sums are those of `fastlogreg.kernels.dense_pass` and `dense_product`.  A tile of rows
is read once from memory: its decisions gather the coefficients, then comes the link over
the whole tile, then the tile is scattered, from the cache, into the block's own part of
the gradient.

``data``, ``indices`` and ``indptr`` are those of CSR: row ``i`` has its values and their
columns from ``indptr[i]`` up to ``indptr[i + 1]``, in any order, and a column that occurs
twice counts twice.  Indices are held against the shape of X before: nothing checks here
that they lie inside it.  Where several numbers belong to a column or a row they lie side
by side, 1, 2 or whole `LANES` of them: so each column costs one place in memory.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.link import fill_row_weights, link_tile
from fastlogreg.kernels.pointwise import curvature
from fastlogreg.kernels.predicted import check_line
from fastlogreg.kernels.sparse_blocks import ascends, rows_of_tile
from fastlogreg.runtime.jit import block_kernel, step_kernel, tile_kernel
from fastlogreg.runtime.lanes import LANES, add_cells, add_into, load, spread, store

__all__ = [
    "add_rows",
    "add_rows_of_lanes",
    "class_sums_rows",
    "decide_lanes",
    "decide_pairs",
    "decide_rows",
    "decision_rows",
    "pass_rows",
    "product_rows",
    "squares_rows",
]

U = np.uintp
THREE = 3 * LANES


@step_kernel
def decide_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    first: int,
    count: int,
    z: np.ndarray,
) -> None:
    """Fill z with the decisions of a tile; coef is (d + 1,)."""
    intercept = coef[coef.size - 1]
    for i in range(count):
        total = intercept
        for k in range(indptr[first + i], indptr[first + i + 1]):
            total += data[U(k)] * coef[U(indices[U(k)])]
        z[i] = total


@step_kernel
def decide_pairs(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    vectors: np.ndarray,
    first: int,
    count: int,
    z: np.ndarray,
    v: np.ndarray,
) -> None:
    """Fill z and v with the decisions of a tile by both columns of vectors, (d + 1, 2)."""
    d = vectors.shape[0] - 1
    for i in range(count):
        a, b = vectors[d, 0], vectors[d, 1]
        for k in range(indptr[first + i], indptr[first + i + 1]):
            x, j = data[U(k)], U(indices[U(k)])
            a += x * vectors[j, 0]
            b += x * vectors[j, 1]
        z[i], v[i] = a, b


@step_kernel
def decide_lanes(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    first: int,
    count: int,
    z: np.ndarray,
) -> None:
    """Fill the first rows of z with the decisions of a tile; coef is (d + 1, whole lanes)."""
    d, width = coef.shape[0] - 1, coef.shape[1]
    for i in range(count):
        begin, end = indptr[first + i], indptr[first + i + 1]
        # Three lanes a sweep: none waits for the sum of another, and a column is found once.
        for g in range(0, width // THREE * THREE, THREE):
            at = d * width + g
            a, b, c = load(coef, at), load(coef, at + LANES), load(coef, at + 2 * LANES)
            for k in range(begin, end):
                x, j = spread(np.float64(data[U(k)])), np.intp(indices[U(k)]) * width + g
                a = add_cells(a, coef, j, x)
                b = add_cells(b, coef, j + LANES, x)
                c = add_cells(c, coef, j + 2 * LANES, x)
            store(z, i * width + g, a)
            store(z, i * width + g + LANES, b)
            store(z, i * width + g + 2 * LANES, c)
        for g in range(width // THREE * THREE, width, LANES):
            a = load(coef, d * width + g)
            for k in range(begin, end):
                x, j = spread(np.float64(data[U(k)])), np.intp(indices[U(k)]) * width + g
                a = add_cells(a, coef, j, x)
            store(z, i * width + g, a)


@step_kernel
def add_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    pull: np.ndarray,
    first: int,
    count: int,
    part: np.ndarray,
) -> None:
    """Add sum_i pull_i x_i over a tile to part."""
    for i in range(count):
        a = pull[i]
        for k in range(indptr[first + i], indptr[first + i + 1]):
            part[U(indices[U(k)])] += a * data[U(k)]


@step_kernel
def add_rows_of_lanes(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    pulls: np.ndarray,
    first: int,
    count: int,
    part: np.ndarray,
) -> None:
    """Add sum_i x_i pulls_i^T over a tile to part, (d, whole lanes); pulls may be wider."""
    width = part.shape[1]
    for i in range(count):
        begin, end = indptr[first + i], indptr[first + i + 1]
        at = i * pulls.shape[1]
        for g in range(0, width // THREE * THREE, THREE):
            a, b = load(pulls, at + g), load(pulls, at + g + LANES)
            c = load(pulls, at + g + 2 * LANES)
            for k in range(begin, end):
                x, j = spread(np.float64(data[U(k)])), np.intp(indices[U(k)]) * width + g
                add_into(part, j, a, x)
                add_into(part, j + LANES, b, x)
                add_into(part, j + 2 * LANES, c, x)
        for g in range(width // THREE * THREE, width, LANES):
            a = load(pulls, at + g)
            for k in range(begin, end):
                j = np.intp(indices[U(k)]) * width + g
                add_into(part, j, a, spread(np.float64(data[U(k)])))


@block_kernel
def pass_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    decided: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    weight: np.ndarray,
    u: np.ndarray,
    growth: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add loss and gradient of some blocks.

    *decided*, (n_rows,), has the decisions, so that coef is not read; or it is empty.
    """
    for b in range(first_block, last_block):
        part = partials[b]
        first, end = edges[b], edges[b + 1]
        while first < end:
            count = rows_of_tile(indptr, first, end)
            some = z[:count]
            if decided.size > 0:
                for i in range(count):
                    some[i] = decided[first + i]
            else:
                decide_rows(data, indices, indptr, coef, first, count, some)
            link_tile(some, codes, weights, class_weights, first, end, weight, u, growth, part)
            add_rows(data, indices, indptr, some, first, count, part)
            first += count


@block_kernel
def product_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    vectors: np.ndarray,
    is_constant: bool,
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    partials: np.ndarray,
    kept: np.ndarray,
    edges: np.ndarray,
    z: np.ndarray,
    v: np.ndarray,
    weight: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the product of some blocks.

    vectors are coefficients and direction, (d + 1, 2), and *kept*, (n_rows,), gets the
    curvature of the rows; or they are the direction alone, (d + 1, 1), and it has it.
    *is_constant*, only then: of the direction only the intercept is not 0.
    """
    is_known = vectors.shape[1] == 1
    is_even = weights.size == 0 and class_weights[0] == 1.0 and class_weights[1] == 1.0
    for b in range(first_block, last_block):
        part = partials[b]
        first, end = edges[b], edges[b + 1]
        while first < end:
            count = rows_of_tile(indptr, first, end)
            bend = kept[first : first + count]
            if is_known:
                direction = vectors.reshape(vectors.size)
                if is_constant:
                    v[:count] = direction[direction.size - 1]
                else:
                    decide_rows(data, indices, indptr, direction, first, count, v)
            else:
                decide_pairs(data, indices, indptr, vectors, first, count, z, v)
                for i in range(count):
                    bend[i] = curvature(z[i])
            if not is_even:
                fill_row_weights(codes, weights, class_weights, first, count, weight)
            total = 0.0
            for i in range(count):
                pull = weight[i] * (bend[i] * v[i])
                z[i] = pull
                total += pull
            part[part.size - 1] += total
            add_rows(data, indices, indptr, z, first, count, part)
            first += count


@block_kernel
def class_sums_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    row_weights: np.ndarray,
    codes: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add the sums of x_i s_i over the rows of each class, (d, n_classes), of some blocks."""
    for b in range(first_block, last_block):
        part = partials[b]
        for i in range(edges[b], edges[b + 1]):
            weight, code = row_weights[i], U(codes[i])
            for k in range(indptr[i], indptr[i + 1]):
                part[U(indices[U(k)]), code] += weight * data[U(k)]


@tile_kernel
def add_squares(
    data: np.ndarray,
    indices: np.ndarray,
    begin: int,
    end: int,
    row: np.ndarray,
    part: np.ndarray,
) -> None:
    """Add the squares of a row, whose columns ascend, times row to part, (d, n_outputs)."""
    if row.size == 1:
        share, line = row[0], part[:, 0]
        for k in range(begin, end):
            x = data[U(k)]
            line[U(indices[U(k)])] += share * x * x
    else:
        for k in range(begin, end):
            x, j = data[U(k)], U(indices[U(k)])
            for o in range(row.size):
                part[j, U(o)] += row[U(o)] * x * x


@block_kernel
def squares_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    r: np.ndarray,
    partials: np.ndarray,
    edges: np.ndarray,
    whole: np.ndarray,
    first_block: int,
    last_block: int,
) -> None:
    """Add sum_i r_io x_ij^2 of some blocks to their parts, (d, n_outputs).

    *whole*, d zeros, is scratch in which a row is put together whose columns do not ascend: one
    that occurs twice in it has the square of the sum.
    """
    for b in range(first_block, last_block):
        part = partials[b]
        for i in range(edges[b], edges[b + 1]):
            row = r[i]
            begin, end = indptr[i], indptr[i + 1]
            if ascends(indices, begin, end):
                add_squares(data, indices, begin, end, row, part)
            else:
                for k in range(begin, end):
                    whole[U(indices[U(k)])] += data[U(k)]
                for k in range(begin, end):
                    j = U(indices[U(k)])
                    x = whole[j]
                    whole[j] = 0.0
                    for o in range(row.size):
                        part[j, o] += row[o] * x * x


@block_kernel
def decision_rows(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    coef: np.ndarray,
    z: np.ndarray,
    lines: np.ndarray,
    first: int,
    end: int,
) -> float:
    """Fill the lines, as `fastlogreg.kernels.predicted` has it, with decisions of some rows.

    coef is (d + 1, 1), or (d + 1, whole lanes) for several outputs.
    """
    check = 0.0
    row = first
    while row < end:
        count = rows_of_tile(indptr, row, end)
        at = row - first
        if coef.shape[1] > 1:
            decide_lanes(data, indices, indptr, coef, row, count, z)
            for o in range(lines.shape[0]):
                line = lines[o][at : at + count]
                for i in range(count):
                    line[i] = z[i, o]
                check += check_line(line, count)
        else:
            line = lines[0][at : at + count]
            decide_rows(data, indices, indptr, coef[:, 0], row, count, line)
            check += check_line(line, count)
        row += count
    return check
