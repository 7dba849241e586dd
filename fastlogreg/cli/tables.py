"""Tables from files, and the target, weights and numbers out of their columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fastlogreg.cli.options import did_you_mean
from fastlogreg.errors import InvalidDataError

__all__ = [
    "MOST_CLASSES",
    "as_numbers",
    "as_text",
    "check_classes",
    "check_complete",
    "check_option_column",
    "column_names",
    "first_word",
    "is_number",
    "is_numeral",
    "is_text",
    "read_labels",
    "read_table",
    "read_weights",
]

# Classes of a target; above, it is rather a number or an identifier.
MOST_CLASSES = 200

# How pandas names the index that it writes where a table has no other.
_PANDAS_INDEX = "__index_level_"

_PARSING = pyarrow.csv.ParseOptions(newlines_in_values=True)


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a CSV or Parquet file, by its suffix.

    Raises
    ------
    InvalidDataError
        An empty file, or content that is no table.
    """
    with _no_table(path):
        if _is_parquet(path):
            names = pyarrow.parquet.read_schema(path).names
        else:
            with pyarrow.csv.open_csv(path, parse_options=_PARSING) as reader:
                names = reader.schema.names
        # Names that are no UTF-8 show here, not at reading.
        return [name for name in names if not name.startswith(_PANDAS_INDEX)]


def read_table(
    path: Path, text_columns: Iterable[str] = (), wanted: Collection[str] | None = None
) -> pa.Table:
    """Return the table in a CSV or Parquet file, by its suffix.

    Parameters
    ----------
    path : Path
        The file.
    text_columns : iterable of str
        Columns of a CSV file to take as text, whatever they look like.
    wanted : collection of str or None
        Names of the columns to read, as far as they are there; None for all.

    Raises
    ------
    InvalidDataError
        An empty file, a header only, or content that is no table.
    """
    names = column_names(path)
    chosen = [name for name in names if wanted is None or name in wanted]
    if len(set(chosen)) < len(chosen) or not chosen:
        chosen = names  # a name alone does not tell a column
    with _no_table(path):
        if _is_parquet(path):
            # Buffered first, the whole file would be in memory beside the table.
            columns = None if chosen == names else chosen
            table = pyarrow.parquet.read_table(path, columns=columns, pre_buffer=False)
            if columns is None:
                table = table.drop_columns([n for n in table.column_names if n not in set(names)])
        else:
            table = _read_csv(path, text_columns, None if chosen == names else chosen)
    if table.num_rows == 0:
        raise InvalidDataError(f"{str(path)!r} has a header but no rows; expected at least one.")
    return table


@contextmanager
def _no_table(path: Path) -> Iterator[None]:
    """Turn errors of reading into `InvalidDataError`, but for those of the system."""
    if path.stat().st_size == 0:
        raise InvalidDataError(f"{str(path)!r} is empty; expected a table with a header.")
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InvalidDataError(f"{str(path)!r} cannot be read as a table: {error}") from None


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith((".parquet", ".pq"))


def _read_csv(path: Path, text_columns: Iterable[str], names: list[str] | None) -> pa.Table:
    return pyarrow.csv.read_csv(
        path,
        parse_options=_PARSING,
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=names,
            column_types={name: pa.string() for name in text_columns},
            # An empty field is missing; a quoted one ("") is an empty text.
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def check_option_column(names: list[str], name: str, option: str) -> None:
    """Raise a usage error if the column that an option names is not there, or there twice."""
    count = names.count(name)
    if count == 0:
        hint = did_you_mean(name, names, "columns")
        raise click.UsageError(f"{option} {name!r}: the table has no such column; {hint}")
    if count > 1:
        raise click.UsageError(f"{option} {name!r}: the table has {count} columns of that name.")


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of that type is used as it is."""
    return any(
        test(kind)
        for test in (
            pa.types.is_boolean,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of that type is one of categories."""
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_dictionary,
        )
    )


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return categories, integers or booleans as text."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    return pc.cast(column, pa.large_string())


def as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of numbers in a type that NumPy and the checks here know."""
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_null(kind) or pa.types.is_float16(kind):
        return pc.cast(column, pa.float64())
    return column


def check_complete(column: pa.ChunkedArray, what: str, advice: str) -> None:
    """Raise `InvalidDataError` if a column has missing or infinite values.

    Parameters
    ----------
    column : ChunkedArray
        Numbers or text.
    what : str
        What an error calls it.
    advice : str
        What to do about missing values.
    """
    _refuse(pc.is_null(column, nan_is_null=True), what, "missing", advice)
    if pa.types.is_floating(column.type):
        _refuse(pc.is_inf(column), what, "infinite", advice)


def _refuse(found: pa.ChunkedArray, what: str, adjective: str, advice: str) -> None:
    """Raise `InvalidDataError` if any of *found* is true, with how many and where first."""
    count = pc.sum(found).as_py() or 0
    if count:
        first = pc.index(found, True).as_py() + 1
        raise InvalidDataError(
            f"{what} has {count:,} {adjective} value{'s' * (count > 1)}, the first in row "
            f"{first:,} (counted from 1); expected none. {advice}"
        )


def read_labels(table: pa.Table, name: str) -> np.ndarray:
    """Return the labels in the target column: booleans, integers, whole floats or text.

    Raises
    ------
    InvalidDataError
        Missing values, fractions, or values of another type, such as dates.
    """
    column = table[name]
    what = f"the target {name!r}"
    check_complete(column, what, "Remove the rows without a label.")
    if is_text(column.type):
        coded = as_text(column).combine_chunks().dictionary_encode()
        values = np.array(coded.dictionary.to_pylist())
        return np.asarray(values[coded.indices.to_numpy()])
    _check_label_type(column, what)
    labels = np.asarray(as_numbers(column).to_numpy())
    if labels.dtype.kind == "f" and (fractions := labels[labels != np.floor(labels)]).size:
        raise InvalidDataError(
            f"{what} holds fractions, such as {fractions[0]:g}; expected labels: text, whole "
            "numbers or booleans. Make a label of it first, e.g. by a threshold."
        )
    return labels


def _check_label_type(column: pa.ChunkedArray, what: str) -> None:
    if not (is_text(column.type) or is_number(column.type)):
        raise InvalidDataError(
            f"{what} is of type {column.type}; expected labels: text, whole numbers or booleans. "
            "Make a label of it first."
        )


def read_weights(table: pa.Table, name: str) -> np.ndarray:
    """Return the weights in a column, float64.

    Raises
    ------
    InvalidDataError
        Not numbers, missing, infinite or negative values, or nothing but zeros.
    """
    column = table[name]
    what = f"the weight {name!r}"
    if not is_number(column.type):
        raise InvalidDataError(
            f"{what} is of type {column.type}{first_word(column)}; expected numbers of at least 0."
        )
    column = as_numbers(column)
    check_complete(column, what, "Give those rows a weight, 0 to leave them out.")
    weights = np.asarray(column.to_numpy(), dtype=np.float64)
    negative = np.flatnonzero(weights < 0.0)
    if negative.size:
        raise InvalidDataError(
            f"{what} has {negative.size:,} negative values, the first "
            f"({weights[negative[0]]:g}) in row {negative[0] + 1:,} (counted from 1); expected "
            "numbers of at least 0."
        )
    if not weights.any():
        raise InvalidDataError(f"{what} is 0 in every row; expected positive weights.")
    return weights


def check_classes(table: pa.Table, name: str) -> None:
    """Raise `InvalidDataError` unless the target has 2 to `MOST_CLASSES` values, none missing."""
    column = table[name]
    what = f"the target {name!r}"
    _check_label_type(column, what)
    check_complete(column, what, "Remove the rows without a label.")
    if pa.types.is_dictionary(column.type):
        column = as_text(column)
    values = pc.unique(column.drop_null()).to_pylist()
    if not 2 <= len(values) <= MOST_CLASSES:
        shown = ", ".join(repr(value) for value in values[:5]) + ", ..." * (len(values) > 5)
        raise InvalidDataError(
            f"the target {name!r} has {len(values):,} different value{'s' * (len(values) != 1)}"
            f"{f' ({shown})' * bool(values)}; expected 2 to {MOST_CLASSES}, the classes. "
            "Make a label of few values of it, such as yes and no."
        )


def first_word(column: pa.ChunkedArray) -> str:
    """Return where the first text that is no number stands, for an error; "" without one."""
    if is_text(column.type):
        for row, text in enumerate(as_text(column).to_pylist()):
            if text is not None and not is_numeral(text):
                return (
                    f", where the first that is no number is {text!r} in row {row + 1:,} "
                    "(counted from 1)"
                )
    return ""


def is_numeral(text: str) -> bool:
    """Whether a text stands for a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
