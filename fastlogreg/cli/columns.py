"""What the columns of a table are taken for: numbers, or categories that stay categories.

It is settled once and kept beside the model, so that other tables with the same columns,
in any order and from either format, are read alike.  Which values a category has is the
model's own business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

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

__all__ = ["SECTION", "Column", "Columns"]

SECTION = "table"  # where a model file keeps the columns
_FILL = "Fill them or remove those rows"
_FEW_LEVELS = 200  # up to which text is never taken for the name of a row


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Parameters
    ----------
    name : str
        Its name.
    is_category : bool
        Whether its values are categories.
    is_text : bool
        Whether they are text, so that a CSV file is not to make numbers of them.
    """

    name: str
    is_category: bool = False
    is_text: bool = False


@dataclass(frozen=True)
class Columns:
    """The features of a table.

    Parameters
    ----------
    features : tuple of Column
        In the order of the model.
    target : str or None
        The column that was learned.
    """

    features: tuple[Column, ...]
    target: str | None

    @classmethod
    def learn(
        cls,
        table: pa.Table,
        target: str,
        without: Iterable[str] = (),
        *,
        categorical: Collection[str] = (),
        numeric: Collection[str] = (),
        may_miss: bool = False,
    ) -> Columns:
        """Return what all columns are taken for, but the target and those *without*.

        Numbers and booleans are numbers, text and dictionaries are categories.

        Parameters
        ----------
        table : Table
            The table.
        target : str
            The column to learn.
        without : iterable of str
            Columns that are no features.
        categorical, numeric : collection of str
            Columns to take for categories or for numbers, whatever they look like.
        may_miss : bool
            Whether categories may have missing values.

        Raises
        ------
        InvalidDataError
            No column left, two or none of a name, missing or infinite values, text that
            names its row, or a type that is neither number nor text.
        """
        leave_out = {target, *without}
        names = [name for name in table.column_names if name not in leave_out]
        _check_names(table, names)
        columns = []
        for name in names:
            column = table[name]
            _check_type(column, name)
            text = is_text(column.type)
            is_category = name in categorical or (text and name not in numeric)
            if is_category and name not in categorical:
                _check_levels(column, name)
            columns.append(Column(name, is_category, text and is_category))
        found = cls(tuple(columns), target)
        for each in found.features:
            advice = f"{_FILL}, or leave the column out with --drop {each.name!r}."
            _check_values(table[each.name], each, may_miss, advice)
        return found

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [column.name for column in self.features]

    @property
    def categories(self) -> list[str]:
        """Names of those that are categories."""
        return [column.name for column in self.features if column.is_category]

    @property
    def text(self) -> list[str]:
        """Names of those that a CSV file holds as text."""
        return [column.name for column in self.features if column.is_text]

    def check_names(self, names: list[str]) -> None:
        """Raise `InvalidDataError` if a feature is not among the names, or there twice."""
        for column in self.features:
            count = names.count(column.name)
            if count != 1:
                hint = did_you_mean(column.name, names, "columns")
                raise InvalidDataError(
                    f"the model needs the column {column.name!r}, and the table has "
                    f"{count or 'none'} of that name"
                    f"{'; ' + hint if not count else '; expected one.'}"
                )

    def frame(self, table: pa.Table, *, may_miss: bool = False) -> pa.Table:
        """Return the features of a table, in order: text coded by its values.

        Raises
        ------
        InvalidDataError
            A column that is not there or there twice, or values that it cannot have.
        """
        self.check_names(table.column_names)
        return pa.table({c.name: _prepared(table[c.name], c, may_miss) for c in self.features})

    def to_json(self) -> dict[str, Any]:
        """Return the section of a model file."""
        return {"columns": [asdict(column) for column in self.features], "target": self.target}

    @classmethod
    def of_model(cls, model: Any, sections: dict[str, Any]) -> Columns:
        """Return the columns kept with a model, or those of the names it was fitted with.

        Raises
        ------
        ModelFileError
            There is neither, or they do not fit the model.
        """
        if not hasattr(model, "feature_names_in_"):
            raise ModelFileError(
                "the model was fitted to an array without names of columns, so a table does "
                "not tell which column is which; expected a model of 'fastlogreg train', or "
                "one fitted to a DataFrame."
            )
        names = [str(name) for name in model.feature_names_in_]
        if SECTION not in sections:
            return cls(_of_names(model, names), None)
        try:
            columns = cls._from_json(sections[SECTION])
        except (KeyError, TypeError) as error:
            raise ModelFileError(
                f"the section {SECTION!r} of the model file makes no sense ({error!r}). "
                "Train again."
            ) from None
        if columns.names != names:
            raise ModelFileError(
                f"the section {SECTION!r} of the model file names other columns than the model "
                "was fitted with. Train again."
            )
        return columns

    @classmethod
    def _from_json(cls, section: dict[str, Any]) -> Columns:
        columns = []
        for each in section["columns"]:
            column = Column(**each)
            if not isinstance(column.name, str):
                raise TypeError("names are text")
            if not (isinstance(column.is_category, bool) and isinstance(column.is_text, bool)):
                raise TypeError("a column is a category, or text, or not")
            columns.append(column)
        target = section["target"]
        if not isinstance(target, str):
            raise TypeError("the target is text")
        return cls(tuple(columns), target)


def _check_names(table: pa.Table, names: list[str]) -> None:
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


def _check_type(column: pa.ChunkedArray, name: str) -> None:
    kind = column.type
    if not (is_number(kind) or is_text(kind)):
        hint = "Derive numbers first (hour, weekday, ...)"
        raise InvalidDataError(
            f"column {name!r} is of type {kind}; expected numbers, booleans or text. "
            f"{hint if pa.types.is_temporal(kind) else 'Convert it'}, or leave the column out "
            f"with --drop {name!r}."
        )


def _check_levels(column: pa.ChunkedArray, name: str) -> None:
    """Raise `InvalidDataError` if text is as good as different in every row."""
    levels = pc.unique(as_text(column).drop_null())
    if len(levels) <= max(_FEW_LEVELS, len(column) // 2):
        return
    # A few words among numbers, such as "n/a", make a column one of text.
    mostly_numbers = sum(map(is_numeral, levels.to_pylist())) > len(levels) / 2
    raise InvalidDataError(
        f"column {name!r} is text with {len(levels):,} different values in {len(column):,} rows"
        f"{first_word(column) if mostly_numbers else ''}; expected values that rows share. Group "
        f"them, leave the column out with --drop {name!r}, or take it as it is with "
        f"--categorical {name!r}."
    )


def _check_values(column: pa.ChunkedArray, role: Column, may_miss: bool, advice: str) -> None:
    """Raise `InvalidDataError` where a column holds what its role cannot have."""
    what = f"column {role.name!r}"
    if role.is_category:
        if not may_miss:
            check_complete(column, what, advice)
        return
    if not is_number(column.type):
        _check_numerals(column, what)
        check_complete(column, what, advice)
        return
    check_complete(as_numbers(column), what, advice)


def _check_numerals(column: pa.ChunkedArray, what: str) -> None:
    if not is_text(column.type) or first_word(column):
        raise InvalidDataError(
            f"{what} is to hold numbers and is of type {column.type}{first_word(column)}; "
            "expected numbers."
        )


def _prepared(column: pa.ChunkedArray, role: Column, may_miss: bool) -> pa.ChunkedArray:
    """Return a checked column as the estimator takes it."""
    kind = column.type
    what = f"column {role.name!r}"
    if role.is_category:
        fits = is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        if role.is_text and not fits:
            raise InvalidDataError(
                f"{what} held text at training and is of type {kind} here; expected text."
            )
        _check_values(column, role, may_miss, f"{_FILL}.")
        return as_text(column).dictionary_encode() if role.is_text else as_numbers(column)
    if not (is_number(kind) or (is_text(kind) and not first_word(column))):
        raise InvalidDataError(
            f"{what} held numbers at training and is of type {kind} here"
            f"{first_word(column)}; expected numbers."
        )
    _check_values(column, role, may_miss, f"{_FILL}.")
    return as_numbers(column) if is_number(kind) else pc.cast(as_text(column), pa.float64())


def _of_names(model: Any, names: list[str]) -> tuple[Column, ...]:
    """Return the columns of a model saved from Python: its categories by their values."""
    mask = model.is_categorical_
    if mask is None:
        return tuple(Column(name) for name in names)
    levels = iter(zip(model.categories_, model.infrequent_categories_, strict=True))
    columns = []
    for name, is_category in zip(names, mask, strict=True):
        is_text = False
        if is_category:
            own, shared = next(levels)
            values = [*own, *([] if shared is None else shared)]
            is_text = any(isinstance(value, str) for value in values)
        columns.append(Column(name, bool(is_category), is_text))
    return tuple(columns)
