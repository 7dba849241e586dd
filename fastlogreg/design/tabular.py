"""A table of columns: numbers as they lie, categories as their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from fastlogreg.design.protocol import Backend, BlockSums, Targets
from fastlogreg.design.stored import StoredDesign
from fastlogreg.runtime.loops import Eliminating

__all__ = ["Categorical", "MixedColumns", "TabularDesign"]


@dataclass(frozen=True)
class Categorical:
    """A column of levels, which stands for a column of zeros and ones a level.

    Parameters
    ----------
    codes : ndarray of int8, int16 or int32, shape (n_rows,)
        The level of each row, from 0; -1 for none: all its ones are zeros.  Strides and
        read-only arrays are fine.
    n_levels : int
        How many columns it stands for.
    """

    codes: np.ndarray
    n_levels: int


@dataclass(frozen=True)
class MixedColumns:
    """What the passes over a mixed table take for X.

    Passes gather from, and add into, arrays of *slots*: one a number column, one a level
    with one more before them for rows without a level, and the last for the intercept.
    They are in the order of the columns.

    Parameters
    ----------
    n_rows : int
        Rows.
    numbers : tuple of ndarray of shape (n_rows,)
        The columns of numbers, of any type in `fastlogreg.design.DTYPES`; as the codes, native,
        aligned, and a whole number of cells apart, none or more.
    number_slots : ndarray of intp
        Their slots.
    levels : tuple of ndarray of int8, int16 or int32, shape (n_rows,)
        The codes of the categories, from -1.
    level_slots : ndarray of intp
        The slot of code -1 of each; that of code ``c`` is ``c + 1`` further.
    n_levels : ndarray of intp
        Levels of each.
    slots : ndarray of intp, shape (n_columns + 1,)
        The slot of each coefficient.
    n_slots : int
        Slots.
    dtype : dtype
        Of decisions and probabilities.
    """

    n_rows: int
    numbers: tuple[np.ndarray, ...]
    number_slots: np.ndarray
    levels: tuple[np.ndarray, ...]
    level_slots: np.ndarray
    n_levels: np.ndarray
    slots: np.ndarray
    n_slots: int
    dtype: np.dtype[Any]


class TabularDesign(StoredDesign[MixedColumns]):
    """Columns of numbers and of categories, each read where it lies.

    A pass converts some thousand rows at a time, in the cache; no column is copied, unless
    it is byte-swapped, not aligned or in falling order of addresses.  Coefficients are those
    of the table in which each category is replaced by its columns of zeros and ones, in
    place.

    Parameters
    ----------
    columns : sequence of ndarray of shape (n_rows,), or Categorical
        Columns of numbers are of a type in `fastlogreg.design.DTYPES`.
    n_rows : int
        Rows, which all columns have.
    backend : Backend
        The whole passes, from ``load_backend(name, "tabular")``.
    n_threads : int
        How many threads a pass may use.

    Raises
    ------
    ValueError
        A column of another length, or a code that is no level: no pass would notice.
    """

    def __init__(
        self,
        columns: Sequence[np.ndarray | Categorical],
        n_rows: int,
        backend: Backend,
        n_threads: int,
    ) -> None:
        for column in columns:
            _check(column, n_rows)
        self._columns = tuple(_ready(column) for column in columns)
        super().__init__(_mixed(self._columns, n_rows), backend, n_threads)

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return self.X.n_rows

    @property
    def n_columns(self) -> int:
        """Columns as the coefficients count them: a level is one."""
        return len(self.X.slots) - 1

    @property
    def cells(self) -> int:
        """Numbers and codes of the table."""
        return self.n_rows * len(self._columns)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of results: float32 where that is the type of all numbers, else float64."""
        return self.X.dtype

    def loss_gradient_hessian(
        self, coef: np.ndarray, targets: Targets, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | BlockSums]:
        """Return losses, gradients and Hessians, one pass for all.

        The Hessian of one output is `BlockSums`, the levels of the largest category being
        the diagonal block; without a category, and of more outputs, an array.
        """
        losses, gradients, sums = super().loss_gradient_hessian(coef, targets, weights)
        if isinstance(sums, tuple):
            first, diagonal, border, core = sums
            loops = cast(Eliminating, self.backend)
            sums = BlockSums(first, diagonal, border, core, loops, self.n_threads)
        return losses, gradients, sums

    def take(self, rows: np.ndarray) -> TabularDesign:
        """Return the design of some rows, copied."""
        taken = [
            Categorical(column.codes[rows], column.n_levels)
            if isinstance(column, Categorical)
            else column[rows]
            for column in self._columns
        ]
        return TabularDesign(taken, len(rows), self.backend, self.n_threads)

    def take_columns(self, columns: np.ndarray) -> TabularDesign:
        """Return the design of some of its `n_columns` columns, in ascending order.

        Numbers are not copied; the codes of a category are, unless all of its levels are
        taken.  A row of a level that is not taken has none.
        """
        taken: list[np.ndarray | Categorical] = []
        start = 0
        for column in self._columns:
            end = start + (column.n_levels if isinstance(column, Categorical) else 1)
            chosen = columns[np.searchsorted(columns, start) : np.searchsorted(columns, end)]
            if isinstance(column, Categorical) and len(chosen):
                taken.append(_take_levels(column, chosen - start))
            elif len(chosen):
                taken.append(column)
            start = end
        self.passes += len(taken) / len(self._columns)
        return TabularDesign(taken, self.n_rows, self.backend, self.n_threads)


def _check(column: np.ndarray | Categorical, n_rows: int) -> None:
    """Raise if a pass over the column would read or write where it must not."""
    array = column.codes if isinstance(column, Categorical) else column
    if array.shape != (n_rows,):
        raise ValueError(f"a column has shape {array.shape}; expected ({n_rows},)")
    if isinstance(column, Categorical) and n_rows:
        least, most = int(array.min()), int(array.max())
        if least < -1 or most >= column.n_levels:
            raise ValueError(
                f"codes from {least} to {most} for {column.n_levels} levels; expected codes "
                f"from -1 to {column.n_levels - 1}"
            )


def _ready(column: np.ndarray | Categorical) -> np.ndarray | Categorical:
    """Return the column, copied if compiled loops cannot read it as it lies.

    They step from cell to cell by a whole number of cells, upwards.
    """
    if isinstance(column, Categorical):
        return column if _is_ready(column.codes) else replace(column, codes=_plain(column.codes))
    return column if _is_ready(column) else _plain(column)


def _is_ready(array: np.ndarray) -> bool:
    step = array.strides[0]
    whole = step >= 0 and step % array.itemsize == 0
    return whole and array.flags.aligned and array.dtype.isnative


def _plain(array: np.ndarray) -> np.ndarray:
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")


def _mixed(columns: tuple[np.ndarray | Categorical, ...], n_rows: int) -> MixedColumns:
    numbers, levels, number_slots, level_slots, n_levels = [], [], [], [], []
    slots = [np.empty(0, dtype=np.intp)]
    slot = 0
    for column in columns:
        if isinstance(column, Categorical):
            levels.append(column.codes)
            n_levels.append(column.n_levels)
            level_slots.append(slot)
            slots.append(np.arange(slot + 1, slot + 1 + column.n_levels))
            slot += column.n_levels + 1
        else:
            numbers.append(column)
            number_slots.append(slot)
            slots.append(np.array([slot]))
            slot += 1
    slots.append(np.array([slot]))
    single = bool(numbers) and all(column.dtype == np.float32 for column in numbers)
    return MixedColumns(
        n_rows,
        tuple(numbers),
        np.array(number_slots, dtype=np.intp),
        tuple(levels),
        np.array(level_slots, dtype=np.intp),
        np.array(n_levels, dtype=np.intp),
        np.concatenate(slots).astype(np.intp, copy=False),
        slot + 1,
        np.dtype(np.float32 if single else np.float64),
    )


def _take_levels(column: Categorical, taken: np.ndarray) -> Categorical:
    """Return the column with some of its levels, in ascending order."""
    if len(taken) == column.n_levels:
        return column
    # One more, the last, so that code -1 finds itself.
    renamed = np.full(column.n_levels + 1, -1, dtype=column.codes.dtype)
    renamed[taken] = np.arange(len(taken))
    return Categorical(renamed[column.codes], len(taken))
