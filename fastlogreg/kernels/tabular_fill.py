"""Rows of columns of any type, converted into lines: what a tile of a mixed table is made of.

A kernel for every choice of types would be compiled anew for every table.  This one takes, of
each column, an address, a step and a type, and is compiled once.  It reads all columns of a
tile in one call: a thread that copied one after the other would take the interpreter's lock
between any two, and several threads would wait for each other most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import uintp as U  # an index that cannot count from the end

from fastlogreg.runtime.cells import cells_at
from fastlogreg.runtime.jit import block_kernel, step_kernel

__all__ = ["describe", "fill_tile"]

_ADDRESS, _STEP, _KIND, _WIDTH, _WRAP = range(5)
_KINDS = ("f8", "f4", "i1", "i2", "i4", "i8")


def describe(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return what `fill_tile` knows of columns, int64 ``(n, 5)``.

    That is the address, the step from row to row in cells, the type and its bytes, and 1
    where the type is the unsigned one, whose upper half looks like numbers below 0.
    """
    return np.array([_describe(column) for column in columns], dtype=np.int64).reshape(-1, 5)


def _describe(column: np.ndarray) -> tuple[int, ...]:
    width = column.itemsize
    kind = _KINDS.index(f"{'f' if column.dtype.kind == 'f' else 'i'}{width}")
    step = column.strides[0] // width
    return column.ctypes.data, step, kind, width, int(column.dtype.kind == "u")


@step_kernel
def convert(column: np.ndarray, step: int, line: np.ndarray, count: int) -> None:
    """Fill a line with every step-th cell."""
    for i in range(count):
        line[i] = column[U(i * step)]


@step_kernel
def convert_wrapped(
    column: np.ndarray, step: int, wrap: float, line: np.ndarray, count: int
) -> None:
    """Fill a line with every step-th cell; *wrap* is added to what is below 0."""
    for i in range(count):
        x = float(column[U(i * step)])
        line[i] = x + wrap if x < 0.0 else x


@block_kernel
def fill_tile(
    of_numbers: np.ndarray,
    of_levels: np.ndarray,
    first: int,
    count: int,
    numbers: np.ndarray,
    levels: np.ndarray,
) -> None:
    """Fill the lines of a tile with so many rows from first on.

    Parameters
    ----------
    of_numbers, of_levels : ndarray of int64, shape (n, 5)
        The columns, from `describe`; those of levels are of int8, int16 or int32.
    first, count : int
        Rows.
    numbers : ndarray of float64, shape (n_numbers, at least count)
    levels : ndarray of int32, shape (n_levels, at least count)
    """
    for j in range(numbers.shape[0]):
        column, line = of_numbers[j], numbers[j]
        step, kind, width = column[_STEP], column[_KIND], column[_WIDTH]
        start = column[_ADDRESS] + first * step * width
        size = (count - 1) * step + 1
        wrap = column[_WRAP] * 2.0 ** (8 * width)
        if kind == 0:
            convert(cells_at(start, size, np.float64), step, line, count)
        elif kind == 1:
            convert(cells_at(start, size, np.float32), step, line, count)
        elif kind == 2:
            convert_wrapped(cells_at(start, size, np.int8), step, wrap, line, count)
        elif kind == 3:
            convert_wrapped(cells_at(start, size, np.int16), step, wrap, line, count)
        elif kind == 4:
            convert_wrapped(cells_at(start, size, np.int32), step, wrap, line, count)
        else:
            convert_wrapped(cells_at(start, size, np.int64), step, wrap, line, count)
    for c in range(levels.shape[0]):
        column, code = of_levels[c], levels[c]
        step, kind, width = column[_STEP], column[_KIND], column[_WIDTH]
        start = column[_ADDRESS] + first * step * width
        size = (count - 1) * step + 1
        if kind == 2:
            convert(cells_at(start, size, np.int8), step, code, count)
        elif kind == 3:
            convert(cells_at(start, size, np.int16), step, code, count)
        else:
            convert(cells_at(start, size, np.int32), step, code, count)
