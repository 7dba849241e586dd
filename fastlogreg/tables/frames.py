"""The columns of a DataFrame, whatever library it is of, through narwhals.

Numbers are read where they lie: a column of pandas, polars or Arrow that is one piece
without missing values is not copied.  A column is copied, and that column alone, where it
is in several chunks, where it is Arrow's booleans, which are bits, where it has missing
values, decimals, half floats or wider integers than 64 bits, or is pandas' sparse (as
float64), or where it is text (as codes, 4 or 8 bytes a row).
"""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np

from fastlogreg.design import DTYPES
from fastlogreg.errors import InvalidDataError, InvalidDataTypeError
from fastlogreg.tables.factors import Factor, factorise_array, is_missing

__all__ = ["Column", "array_columns", "frame_block", "is_frame", "one_block", "read_columns"]

_TYPES = frozenset(map(np.dtype, DTYPES))
_NOT_OF_NUMPY = (nw.Decimal, nw.Int128, nw.UInt128)
_ARROW = ("__arrow_c_stream__", "__arrow_c_array__")  # what Arrow hands over: batches, or one


@dataclass(frozen=True)
class Column:
    """A column of a table that was given.

    Parameters
    ----------
    name : object
        Its name, or its number where it has none.
    kind : {"number", "category", "text", "other"}
        What its type says that it holds.
    native : object
        The column itself: a Series of narwhals, or an array.
    """

    name: Any
    kind: Literal["number", "category", "text", "other"]
    native: Any

    @property
    def type_name(self) -> str:
        """What an error calls its type."""
        return str(self.native.dtype)

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers, those of a category too."""
        if self.kind != "category":
            return self.kind == "number"
        values = [value for value in self.factor().values if not is_missing(value)]
        return bool(values) and all(isinstance(value, numbers.Real) for value in values)

    def numbers(self) -> np.ndarray:
        """Return the numbers, in a type of `fastlogreg.design.DTYPES`; NaN where missing."""
        if self.kind == "category":
            return self.factor().as_floats()
        column = self.native
        if isinstance(column, nw.Series) and (
            column.dtype in _NOT_OF_NUMPY or (column.dtype != nw.Unknown and column.null_count())
        ):
            column = column.cast(nw.Float64())
        array = np.asarray(column if isinstance(column, np.ndarray) else column.to_numpy())
        if array.dtype in _TYPES:
            return array
        with np.errstate(over="ignore"):
            return array.astype(np.float64)

    def factor(self) -> Factor:
        """Return the values that occur, or may, and the code of each row.

        Raises
        ------
        InvalidDataError
            Values that cannot be told apart, such as lists.
        """
        try:
            found = self._factorise()
            hash(tuple(found.values))
        except (TypeError, NotImplementedError) as error:
            raise InvalidDataError(
                f"column {self.name!r} ({self.type_name}) holds values that cannot be told apart "
                f"({error}); expected text, numbers, booleans or dates. Convert or drop it."
            ) from None
        return found

    def _factorise(self) -> Factor:
        if isinstance(self.native, np.ndarray):
            return factorise_array(self.native)
        if self.native.implementation.is_pandas_like():
            return _factorise_pandas(self.native.to_native())
        if self.native.implementation.is_polars():
            return _factorise_polars(self.native)
        if self.native.implementation.is_pyarrow():
            return _factorise_arrow(self.native.to_native())
        return factorise_array(self.native.to_numpy())


def is_frame(X: Any) -> bool:
    """Return whether X is a DataFrame, or is to become one: a stream of Arrow, a query."""
    if isinstance(X, np.ndarray | list | tuple):
        return False
    ways = (*_ARROW, "collect", "compute")
    return bool(nw.dependencies.is_into_dataframe(X)) or any(hasattr(X, way) for way in ways)


def read_columns(X: Any) -> tuple[list[Column], Any]:
    """Return the columns of a DataFrame, and the frame, read where it was a stream.

    Raises
    ------
    InvalidDataError, InvalidDataTypeError
        A single column, two columns of a name, or a stream of Arrow without pyarrow to read
        it; a query that has not been run.
    """
    if nw.dependencies.is_into_series(X):
        raise InvalidDataError(
            f"X is a {type(X).__name__}, a single column; expected a 2D array or a DataFrame. "
            "Reshape your data: make a DataFrame of it."
        )
    if not nw.dependencies.is_into_dataframe(X):
        X = _from_stream(X)
    names = list(X.column_names if hasattr(X, "column_names") else X.columns)
    for name, count in Counter(names).items():
        if count > 1:
            raise InvalidDataError(
                f"X has {count} columns named {name!r}; expected different names. Rename all "
                "but one."
            )
    frame = nw.from_native(X, eager_only=True)
    pairs = zip(names, frame.iter_columns(), strict=True)
    return [Column(name, _kind(series), series) for name, series in pairs], X


def array_columns(X: np.ndarray) -> list[Column]:
    """Return the columns of an array with two axes, whose names are their numbers."""
    kinds = {"U": "text", "S": "text", "b": "number", "i": "number", "u": "number", "f": "number"}
    found = []
    for j in range(X.shape[1]):
        column = X[:, j]
        kind: Any = kinds.get(X.dtype.kind, "other")
        if X.dtype.kind == "O":
            kind = _kind_of_objects(column)
            column = column.astype(np.float64) if kind == "number" else column
        found.append(Column(j, kind, column))
    return found


def frame_block(X: Any) -> np.ndarray | None:
    """Return the one matrix that a pandas DataFrame is, None if it is none.

    Reading it column by column would take longer than a pass over many short columns.
    """
    if not nw.dependencies.is_pandas_dataframe(X) or 0 in X.shape or not X.columns.is_unique:
        return None
    dtype = X.dtypes.iloc[0]
    if not isinstance(dtype, np.dtype) or dtype not in _TYPES or (X.dtypes != dtype).any():
        return None
    # Of columns in several pieces even one row is a copy.
    if not np.may_share_memory(X.iloc[:1].to_numpy(), X.iloc[:, 0].to_numpy()):
        return None
    return np.asarray(X.to_numpy())


def one_block(arrays: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return the matrix that columns are parts of, None if they are not of one; no copy."""
    first = arrays[0]
    owner = first.base
    if owner is None or first.dtype not in _TYPES or len(first) == 0:
        return None
    places = [array.__array_interface__["data"][0] for array in arrays]
    step = places[1] - places[0] if len(places) > 1 else first.itemsize * len(first)
    alike = all(
        array.base is owner
        and array.dtype == first.dtype
        and array.strides == first.strides
        and place == places[0] + j * step
        for j, (array, place) in enumerate(zip(arrays, places, strict=True))
    )
    if not alike:
        return None
    matrix = np.lib.stride_tricks.as_strided(
        first, (len(first), len(arrays)), (first.strides[0], step), writeable=False
    )
    return matrix if matrix.flags.c_contiguous or matrix.flags.f_contiguous else None


def _from_stream(X: Any) -> Any:
    if not any(hasattr(X, way) for way in _ARROW):
        raise InvalidDataTypeError(
            f"X is a {type(X).__name__}, a query whose rows are not in memory; expected an array "
            "or a DataFrame. Run it first, with X.collect() in polars, X.compute() in Dask."
        )
    try:
        import pyarrow as pa
    except ImportError:
        raise InvalidDataError(
            f"X is a {type(X).__name__}, an Arrow stream or batch, which pyarrow reads and which "
            "is not installed; expected an array or a DataFrame. pip install pyarrow"
        ) from None
    return pa.table(X)


def _kind(series: Any) -> Literal["number", "category", "text", "other"]:
    dtype = series.dtype
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "number"
    if dtype in (nw.Categorical, nw.Enum):
        return "category"
    if dtype == nw.String:
        return "text"
    if dtype == nw.Unknown:
        return "number" if _is_null(series) or _is_sparse(series) else "other"
    return _kind_of_objects(series.to_numpy()) if dtype == nw.Object else "other"


def _is_null(series: Any) -> bool:
    """Return whether it holds nothing but missing values."""
    return bool(series.null_count() == len(series))


def _is_sparse(series: Any) -> bool:
    """Return whether it is a sparse column of pandas, of numbers."""
    dtype = getattr(series.to_native(), "dtype", None)
    return getattr(getattr(dtype, "subtype", None), "kind", "O") in "fiub" and hasattr(
        dtype, "fill_value"
    )


def _kind_of_objects(values: np.ndarray) -> Literal["number", "text", "other"]:
    """Return what Python objects are: numbers if all are, text if any is."""
    if any(isinstance(value, str) for value in values):
        return "text"
    try:
        np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return "other"
    return "number"


def _factorise_pandas(series: Any) -> Factor:
    coded: Any = getattr(series, "cat", None)
    if hasattr(coded, "codes"):
        return Factor(coded.codes.to_numpy(), coded.categories.tolist())
    codes, values = series.factorize()
    return Factor(codes, values.tolist())


def _factorise_polars(series: Any) -> Factor:
    import polars as pl

    native = series.to_native()
    if native.dtype == pl.String:
        native = native.cast(pl.Categorical)
    if native.dtype in (pl.Categorical, pl.Enum):
        present = native.drop_nulls().unique()
        places = present.to_physical().to_list()
        names: list[str | None] = [None] * (max(places, default=-1) + 1)
        for place, name in zip(places, present.cast(pl.String).to_list(), strict=True):
            names[place] = name
        physical = native.to_physical()
        if physical.null_count():
            physical = physical.cast(pl.Int64).fill_null(-1)
        return Factor(physical.to_numpy(), names)
    is_whole = native.dtype.is_integer() or native.dtype == pl.Boolean
    if is_whole and series.dtype not in _NOT_OF_NUMPY and not native.null_count():
        return factorise_array(native.to_numpy())
    if native.dtype.is_float():
        native = native.fill_nan(None)
    values = native.drop_nulls().unique().sort().to_list()
    codes = (native.rank("dense").cast(pl.Int32) - 1).fill_null(-1)
    return Factor(codes.to_numpy(), values)


def _factorise_arrow(column: Any) -> Factor:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    column = column.unify_dictionaries() if isinstance(column, pa.ChunkedArray) else column
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if not chunks:
        return Factor(np.empty(0, dtype=np.int32), [])
    values = chunks[0].dictionary.to_pylist()
    codes = np.concatenate(
        [pc.fill_null(chunk.indices.cast(pa.int32()), -1).to_numpy() for chunk in chunks]
    )
    return Factor(codes, values)
