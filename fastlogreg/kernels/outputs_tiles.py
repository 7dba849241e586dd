"""Register tiles of 4 columns times 4 outputs: decisions and gradients of a tile of rows.

A tile of rows is copied once, transposed where X is in C order, into ``x`` with a line
per column; ``lines`` has one per output.  From there on every loop runs over rows that
lie side by side, whatever the order and type of X:

- decisions: 16 coefficients in registers, 16 products for 8 loads and 4 stores;
- gradient: 16 sums in registers, 16 products for 8 loads.

What a register tile needs side by side lies so: ``z`` is ``lines`` with four outputs to
a row, a constant pitch apart, which needs no check for overlap; ``coef`` and
``gradients`` are ``(outputs / 4, columns / 4, 16)``.  Columns, outputs and rows that are
missing to whole register tiles are zeros, so that no border needs code.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import step_kernel

__all__ = [
    "GAP",
    "PITCH",
    "SIDE",
    "STRETCH",
    "add_gradient",
    "count_tiles",
    "decide_tile",
    "fill_tile_c",
    "fill_tile_f",
    "from_tiles",
    "tile_rows",
    "to_tiles",
]

SIDE = 4  # columns and outputs of a register tile
STRETCH = 32  # rows that are copied before they are transposed; tiles are whole stretches
_TILE_CELLS = 131_072  # 1 MiB of float64
_TILE_LEAST = 64
_TILE_MOST = 256  # rows; long enough that adding up a register tile's lanes does not count
GAP = 8  # float64 between lines: a cache line, so that lines do not share cache sets
PITCH = _TILE_MOST + GAP


@step_kernel
def fill_tile_c(X: np.ndarray, first: int, count: int, x: np.ndarray, rows: np.ndarray) -> None:
    """Fill line j of x with column j of rows first : first + count; C-order X."""
    d = X.shape[1]
    for start in range(0, count, STRETCH):
        # Memory is read as one stream, and transposed from the cache: nearly twice as fast.
        taken = min(STRETCH, count - start)
        for i in range(taken):
            source, row = X[first + start + i], rows[i]
            for j in range(d):
                row[j] = source[j]
        for i in range(taken, STRETCH):
            row = rows[i]
            for j in range(d):
                row[j] = 0.0
        # Eight rows a sweep, so that each cache line of x is written once and whole.
        for i in range(0, rows.shape[0], 8):
            a, b, c, e = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
            f, g, h, k = rows[i + 4], rows[i + 5], rows[i + 6], rows[i + 7]
            at = start + i
            for j in range(d):
                line = x[j]
                line[at], line[at + 1], line[at + 2], line[at + 3] = a[j], b[j], c[j], e[j]
                line[at + 4], line[at + 5], line[at + 6], line[at + 7] = f[j], g[j], h[j], k[j]


@step_kernel
def fill_tile_f(Xt: np.ndarray, first: int, count: int, x: np.ndarray, n_rows: int) -> None:
    """Fill line j of x with column j of rows first : first + count; Xt is (d, n_rows)."""
    for j in range(Xt.shape[0]):
        column, line = Xt[j][first : first + count], x[j]
        for i in range(count):
            line[i] = column[i]
        for i in range(count, n_rows):
            line[i] = 0.0


@step_kernel
def decide_tile(
    x: np.ndarray, coef: np.ndarray, intercepts: np.ndarray, z: np.ndarray, n_rows: int
) -> None:
    """Fill z with the decisions of the first n_rows rows of x."""
    for g in range(coef.shape[0]):
        line, start = z[g], intercepts[g]
        a, b, c, e = start[0], start[1], start[2], start[3]
        for i in range(n_rows):
            line[i], line[i + PITCH], line[i + 2 * PITCH], line[i + 3 * PITCH] = a, b, c, e
        for h in range(coef.shape[1]):
            w, j = coef[g, h], h * SIDE
            aa, ab, ac, ae, ba, bb, bc, be = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            ca, cb, cc, ce, ea, eb, ec, ee = w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15]
            x_a, x_b, x_c, x_e = x[j], x[j + 1], x[j + 2], x[j + 3]
            for i in range(n_rows):
                a, b, c, e = x_a[i], x_b[i], x_c[i], x_e[i]
                line[i] = line[i] + a * aa + b * ba + c * ca + e * ea
                k = i + PITCH
                line[k] = line[k] + a * ab + b * bb + c * cb + e * eb
                k = i + 2 * PITCH
                line[k] = line[k] + a * ac + b * bc + c * cc + e * ec
                k = i + 3 * PITCH
                line[k] = line[k] + a * ae + b * be + c * ce + e * ee


@step_kernel
def add_gradient(x: np.ndarray, z: np.ndarray, n_rows: int, gradient: np.ndarray) -> None:
    """Add sum_i p_oi x_ij over the first n_rows rows to every register tile of gradient."""
    for h in range(gradient.shape[1]):
        j = h * SIDE
        x_a, x_b, x_c, x_e = x[j], x[j + 1], x[j + 2], x[j + 3]
        for g in range(gradient.shape[0]):
            line = z[g]
            aa = ab = ac = ae = ba = bb = bc = be = 0.0
            ca = cb = cc = ce = ea = eb = ec = ee = 0.0
            for i in range(n_rows):
                a, b, c, e = x_a[i], x_b[i], x_c[i], x_e[i]
                pull = line[i]
                aa, ba, ca, ea = aa + a * pull, ba + b * pull, ca + c * pull, ea + e * pull
                pull = line[i + PITCH]
                ab, bb, cb, eb = ab + a * pull, bb + b * pull, cb + c * pull, eb + e * pull
                pull = line[i + 2 * PITCH]
                ac, bc, cc, ec = ac + a * pull, bc + b * pull, cc + c * pull, ec + e * pull
                pull = line[i + 3 * PITCH]
                ae, be, ce, ee = ae + a * pull, be + b * pull, ce + c * pull, ee + e * pull
            w = gradient[g, h]
            for k, total in enumerate(
                (aa, ab, ac, ae, ba, bb, bc, be, ca, cb, cc, ce, ea, eb, ec, ee)
            ):
                w[k] += total


def count_tiles(size: int) -> int:
    """Return the register tiles that *size* columns or outputs take."""
    return -(-size // SIDE)


def to_tiles(matrix: np.ndarray) -> np.ndarray:
    """Return ``(columns, outputs)`` as ``(outputs / 4, columns / 4, 16)``."""
    wide, deep = matrix.shape[0] // SIDE, matrix.shape[1] // SIDE
    cut = matrix.reshape(wide, SIDE, deep, SIDE).transpose(2, 0, 1, 3)
    return cut.reshape(deep, wide, SIDE**2)


def from_tiles(tiles: np.ndarray) -> np.ndarray:
    """Return ``(outputs / 4, columns / 4, 16)`` as ``(columns, outputs)``."""
    deep, wide = tiles.shape[:2]
    cut = tiles.reshape(deep, wide, SIDE, SIDE).transpose(1, 2, 0, 3)
    return cut.reshape(wide * SIDE, deep * SIDE)


def tile_rows(n_columns: int) -> int:
    """Return the rows of a tile, such that it stays in L2 where it can."""
    rows = _TILE_CELLS // max(n_columns, 1) // _TILE_LEAST * _TILE_LEAST
    return min(max(rows, _TILE_LEAST), _TILE_MOST)
