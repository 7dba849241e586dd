"""A column of categories as codes into its values, and the values of one in those of another.

Values are compared as Python compares them: 1, 1.0, True and NumPy's 1 are one value, and
so are a text and NumPy's text, so that it plays no part which library a table is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlogreg.errors import InvalidDataError

__all__ = ["Factor", "factorise_array", "is_missing", "sorted_values"]

_CHUNK = 1 << 16
_WIDEST_RANGE = 1 << 16  # of whole numbers that are codes but for a shift


@dataclass(frozen=True)
class Factor:
    """Codes into values.

    Parameters
    ----------
    codes : ndarray of integers, shape (n_rows,)
        From 0; -1 where the value is missing.
    values : list
        Python objects; some may occur in no row, and some may be missing values.
    """

    codes: np.ndarray
    values: list[Any]

    def counts(self) -> tuple[np.ndarray, int]:
        """Return the number of rows of each value, and of those where it is missing."""
        found = np.zeros(len(self.values) + 1, dtype=np.intp)
        for start in range(0, len(self.codes), _CHUNK):
            chunk = self.codes[start : start + _CHUNK].astype(np.intp)
            chunk += 1
            found += np.bincount(chunk, minlength=len(found))
        return found[1:], int(found[0])

    def present(self) -> tuple[np.ndarray, bool]:
        """Return which values occur, and whether any row has none.

        It is the faster the sooner all have occurred.
        """
        found = np.zeros(len(self.values) + 1, dtype=bool)
        start = 0
        while start < len(self.codes) and not found[:-1].all():
            found[self.codes[start : start + _CHUNK]] = True  # -1 is the last
            start += _CHUNK
        return found[:-1], bool(found[-1]) or self.has_gaps(start)

    def has_gaps(self, first: int) -> bool:
        """Return whether the value of any row from *first* on is missing."""
        rest = self.codes[first:]
        return len(rest) > 0 and int(rest.min()) < 0

    def as_floats(self) -> np.ndarray:
        """Return the value of each row, a number, as float64; NaN where it is missing."""
        values = [np.nan if is_missing(value) else float(value) for value in self.values]
        return np.asarray(np.array([*values, np.nan])[self.codes])

    def renamed(self, names: np.ndarray) -> np.ndarray:
        """Return the codes of other values: ``names[code]``, names[-1] where missing.

        The codes themselves are returned where none changes.
        """
        is_same = np.array_equal(names, np.append(np.arange(len(self.values)), -1))
        if is_same and self.codes.dtype in (np.int8, np.int16, np.int32):
            return self.codes
        return np.asarray(names.astype(_code_type(int(names.max(initial=0))))[self.codes])


def _code_type(largest: int) -> type[np.signedinteger[Any]]:
    for dtype in (np.int8, np.int16):
        if largest <= np.iinfo(dtype).max:
            return dtype
    return np.int32


def is_missing(value: object) -> bool:
    """Return whether a value is None, NaN or one that equals nothing, as pandas.NA and NaT."""
    if value is None:
        return True
    if isinstance(value, str | bytes | int):
        return False
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA has no truth value
        return True


def sorted_values(values: Sequence[Any]) -> list[Any]:
    """Return values in order; of types that have no common one, by the name of the type."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=lambda value: (type(value).__name__, str(value)))


def factorise_array(column: np.ndarray) -> Factor:
    """Return the values of an array of numbers, text or objects, and their codes.

    Raises
    ------
    InvalidDataError
        Objects that cannot be told apart.
    """
    if column.dtype.kind in "OUST":
        return _by_dict(column)
    if column.dtype.kind in "iub" and len(column):
        low, high = int(column.min()), int(column.max())
        if high - low < _WIDEST_RANGE:
            type_of = bool if column.dtype.kind == "b" else int
            return Factor(_above(column, low), [type_of(v) for v in range(low, high + 1)])
    known = ~np.isnan(column) if column.dtype.kind == "f" else np.ones(len(column), dtype=bool)
    values, inverse = np.unique(column[known], return_inverse=True)
    codes = np.full(len(column), -1, dtype=np.int32)
    codes[known] = inverse
    return Factor(codes, values.tolist())


def _above(column: np.ndarray, low: int) -> np.ndarray:
    """Return how far whole numbers are above the lowest, int32."""
    codes = np.empty(len(column), dtype=np.int32)
    for start in range(0, len(column), _CHUNK):
        rows = slice(start, start + _CHUNK)
        if column.dtype == np.uint64:
            codes[rows] = column[rows] - np.uint64(low)
        else:
            codes[rows] = column[rows].astype(np.int64) - low
    return codes


def _by_dict(column: np.ndarray) -> Factor:
    number: dict[Any, int] = {}
    try:
        codes = [
            -1 if is_missing(value) else number.setdefault(value, len(number))
            for value in column.tolist()
        ]
    except TypeError as error:
        raise InvalidDataError(
            f"X holds categories that cannot be told apart ({error}); expected text, numbers or "
            "booleans."
        ) from None
    return Factor(np.array(codes, dtype=np.int32), list(number))
