"""A table as a matrix: numbers as they are, text a column for each of its values.

The encoding is learned once and kept beside the model, so that other tables with the same
columns, in any order and from either format, give the same matrix.  Text is matched by
value; the matrix is filled column by column, in Fortran order, without a second copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fastlogreg.cli.options import did_you_mean
from fastlogreg.cli.tables import (
    as_numbers,
    as_text,
    check_complete,
    first_word,
    is_number,
    is_numeral,
    is_text,
)
from fastlogreg.errors import InvalidDataError, ModelFileError

__all__ = ["MOST_LEVELS", "SECTION", "Column", "TableEncoding"]

MOST_LEVELS = 200
SECTION = "table"  # where a model file keeps the encoding
_FILL = "Fill them or remove those rows"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Parameters
    ----------
    name : str
        Its name.
    levels : tuple of str or None, default=None
        The values that get a column of the matrix each; None for a number.
    """

    name: str
    levels: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return 1 if self.levels is None else len(self.levels)

    @property
    def names(self) -> list[str]:
        """Names of the columns of the matrix."""
        if self.levels is None:
            return [self.name]
        return [f"{self.name}={level}" for level in self.levels]


@dataclass(frozen=True)
class TableEncoding:
    """What the columns of a table become.

    Parameters
    ----------
    columns : tuple of Column
        The features, in the order of the matrix.
    target : str or None
        The column that was learned.
    """

    columns: tuple[Column, ...]
    target: str | None

    @classmethod
    def learn(cls, table: pa.Table, target: str, without: Iterable[str]) -> TableEncoding:
        """Return the encoding of all columns but the target and those *without*.

        Raises
        ------
        InvalidDataError
            No column left, two or none of a name, missing or infinite values, text with too
            many values, or a type that is neither number nor text.
        """
        leave_out = {target, *without}
        names = [name for name in table.column_names if name not in leave_out]
        if not names:
            raise InvalidDataError(
                "no column is left to learn from; expected at least one besides the target, "
                "the weight and what --drop names."
            )
        if "" in names:
            raise InvalidDataError(
                f"column {table.column_names.index('') + 1} has no name in the header; expected "
                "one. Name it, or write the file without its row index."
            )
        for name, count in Counter(names).items():
            if count > 1:
                raise InvalidDataError(
                    f"{count} columns are named {name!r}; expected different names. Rename all "
                    f"but one, or leave them out with --drop {name!r}."
                )
        encoding = cls(tuple(_learn_column(table[name], name) for name in names), target)
        encoding._check_names()
        return encoding

    @property
    def names(self) -> list[str]:
        """Names of the columns of the matrix."""
        return [name for column in self.columns for name in column.names]

    @property
    def text_columns(self) -> list[str]:
        """The columns that hold text."""
        return [column.name for column in self.columns if column.levels is not None]

    def check(self, table: pa.Table) -> None:
        """Raise `InvalidDataError` where a table does not have the columns of the encoding."""
        for column in self.columns:
            found = _find(table, column.name)
            what = f"column {column.name!r}"
            if column.levels is None:
                if not is_number(found.type):
                    raise InvalidDataError(
                        f"{what} held numbers at training and is of type {found.type} here"
                        f"{first_word(found)}; expected numbers."
                    )
                check_complete(as_numbers(found), what, f"{_FILL}.")
            else:
                check_complete(found, what, f"{_FILL}.")
                _check_levels(_as_levels(found, what), column.levels, what)

    def matrix(self, table: pa.Table) -> np.ndarray:
        """Return the matrix of a table that `check` accepts, float64 in Fortran order."""
        width = sum(column.width for column in self.columns)
        matrix = np.zeros((table.num_rows, width), order="F")
        every_row = np.arange(table.num_rows)
        j = 0
        for column in self.columns:
            found = _find(table, column.name)
            if column.levels is None:
                _fill(matrix[:, j], as_numbers(found))
            else:
                codes = _codes(_as_levels(found, column.name), column.levels)
                matrix[every_row, j + codes.to_numpy()] = 1.0
            j += column.width
        return matrix

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """Return the matrix under the names of its columns, still one block in memory."""
        return pd.DataFrame(self.matrix(table), columns=self.names, copy=False)

    def to_json(self) -> dict[str, Any]:
        """Return the section of a model file."""
        columns = [{"name": c.name, "levels": c.levels and list(c.levels)} for c in self.columns]
        return {"columns": columns, "target": self.target}

    @classmethod
    def of_model(cls, model: Any, sections: dict[str, Any]) -> TableEncoding:
        """Return the encoding kept with a model, or that of the names it was fitted with.

        Raises
        ------
        ModelFileError
            There is neither, or it does not fit the model.
        """
        if SECTION in sections:
            try:
                encoding = cls._from_json(sections[SECTION])
            except (KeyError, TypeError) as error:
                raise ModelFileError(
                    f"the section {SECTION!r} of the model file makes no sense ({error!r}). "
                    "Train again."
                ) from None
        elif hasattr(model, "feature_names_in_"):
            encoding = cls(tuple(Column(str(name)) for name in model.feature_names_in_), None)
        else:
            raise ModelFileError(
                "the model was fitted to an array without names of columns, so a table does "
                "not tell which column is which; expected a model of 'fastlogreg train', or "
                "one fitted to a DataFrame."
            )
        if len(encoding.names) != model.n_features_in_:
            raise ModelFileError(
                f"the encoding gives {len(encoding.names)} columns, but the model has "
                f"{model.n_features_in_}. Train again."
            )
        return encoding

    @classmethod
    def _from_json(cls, section: dict[str, Any]) -> TableEncoding:
        columns = []
        for each in section["columns"]:
            levels = None if each["levels"] is None else tuple(each["levels"])
            if not all(isinstance(text, str) for text in (each["name"], *(levels or ()))):
                raise TypeError("names and levels are text")
            columns.append(Column(each["name"], levels))
        target = section["target"]
        if not isinstance(target, str):
            raise TypeError("the target is text")
        return cls(tuple(columns), target)

    def _check_names(self) -> None:
        for name, count in Counter(self.names).items():
            if count > 1:
                raise InvalidDataError(
                    f"{count} columns of the encoded table would be named {name!r}; expected "
                    "different names. Rename the column before the '='."
                )


def _learn_column(column: pa.ChunkedArray, name: str) -> Column:
    what = f"column {name!r}"
    drop = f"leave the column out with --drop {name!r}"
    if is_number(column.type):
        check_complete(as_numbers(column), what, f"{_FILL}, or {drop}.")
        return Column(name)
    if not is_text(column.type):
        hint = "Derive numbers first (hour, weekday, ...)"
        raise InvalidDataError(
            f"{what} is of type {column.type}; expected numbers, booleans or text. "
            f"{hint if pa.types.is_temporal(column.type) else 'Convert it'}, or {drop}."
        )
    check_complete(column, what, f"{_FILL}, or {drop}.")
    levels = sorted(pc.unique(as_text(column)).to_pylist())
    if len(levels) > MOST_LEVELS:
        # A few words among numbers, such as "n/a", make a column one of text.
        mostly_numbers = sum(map(is_numeral, levels)) > len(levels) / 2
        raise InvalidDataError(
            f"{what} is text with {len(levels):,} different values"
            f"{first_word(column) if mostly_numbers else ''}; expected at most {MOST_LEVELS}, "
            f"a column each. Group the values, or {drop}."
        )
    return Column(name, tuple(levels))


def _find(table: pa.Table, name: str) -> pa.ChunkedArray:
    count = table.column_names.count(name)
    if count != 1:
        hint = did_you_mean(name, table.column_names, "columns")
        raise InvalidDataError(
            f"the model needs the column {name!r}, and the table has {count or 'none'} of that "
            f"name{'; ' + hint if not count else '; expected one.'}"
        )
    return table[name]


def _as_levels(column: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    kind = column.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise InvalidDataError(
            f"{what} held text at training and is of type {kind} here; expected text."
        )
    return as_text(column)


def _codes(text: pa.ChunkedArray, levels: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.index_in(text, value_set=pa.array(levels, type=text.type))


def _check_levels(text: pa.ChunkedArray, levels: tuple[str, ...], what: str) -> None:
    unseen = pc.is_null(_codes(text, levels))
    count = pc.sum(unseen).as_py() or 0
    if count:
        first = pc.index(unseen, True).as_py()
        level = text[first].as_py()
        raise InvalidDataError(
            f"{what} has {level!r} in row {first + 1:,} (counted from 1), which training never "
            f"saw; such values are in {count:,} row{'s' * (count > 1)}. Expected one of the "
            f"{len(levels)} values of training; {did_you_mean(level, list(levels), 'values')} "
            "Correct or remove those rows, or train with them."
        )


def _fill(target: np.ndarray, column: pa.ChunkedArray) -> None:
    """Copy a column chunk by chunk, so that no second whole column is made."""
    start = 0
    for chunk in column.chunks:
        target[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
