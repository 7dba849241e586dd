"""Columns of frames of every library, as numbers and as categories."""

from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.factors import Factor
from fastlogreg.tables.frames import array_columns, frame_block, is_frame, read_columns
from fastlogreg.tables.levels import Levels, Policy


def column(frame):
    columns, _ = read_columns(frame)
    return columns[0]


def values_of(factor):
    return [None if code < 0 else factor.values[code] for code in factor.codes.tolist()]


@pytest.mark.parametrize(
    "make",
    [
        lambda words: pd.DataFrame({"a": words}),
        lambda words: pd.DataFrame({"a": pd.Series(words, dtype="category")}),
        lambda words: pl.DataFrame({"a": words}),
        lambda words: pl.DataFrame({"a": pl.Series(words, dtype=pl.Categorical)}),
        lambda words: pl.DataFrame({"a": pl.Series(words, dtype=pl.Enum(["z", "x", "y", "w"]))}),
        lambda words: pa.table({"a": pa.array(words)}),
        lambda words: pa.table({"a": pa.array(words).dictionary_encode()}),
    ],
    ids=["pandas", "category", "polars", "categorical", "enum", "arrow", "dictionary"],
)
def test_a_factor_gives_back_the_text(make):
    words = ["x", "y", None, "x", "z"]
    assert values_of(column(make(words)).factor()) == words


@pytest.mark.parametrize(
    "dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
)
def test_a_factor_gives_back_whole_numbers(dtype):
    numbers = np.array([1, 0, 1, 1, 0, 0], dtype=dtype)
    if dtype != "bool":
        numbers[2] = np.iinfo(dtype).max
    for table in (pd.DataFrame({"a": numbers}), pl.DataFrame({"a": numbers})):
        assert values_of(column(table).factor()) == numbers.tolist()
    (found,) = array_columns(numbers[:, None])
    assert values_of(found.factor()) == numbers.tolist()


def test_a_factor_gives_back_the_widest_whole_numbers():
    series = pl.Series([2**100, 0, 2**100]).cast(pl.Int128)
    assert values_of(column(pl.DataFrame({"a": series})).factor()) == [2**100, 0, 2**100]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8"])
def test_numbers_of_polars_and_arrow_are_read_where_they_lie(dtype):
    array = pa.array(np.arange(50).astype(dtype))
    for frame in (pa.table({"a": array}), pl.DataFrame({"a": pl.from_arrow(array)})):
        found = column(frame).numbers()
        assert found.dtype == dtype
        assert np.shares_memory(found, column(frame).numbers())


def test_a_sparse_column_is_one_of_numbers():
    dense = [0.0, 1.5, 0.0]
    found = column(pd.DataFrame({"a": pd.arrays.SparseArray(dense)}))
    assert found.kind == "number"
    assert found.numbers().tolist() == dense


def test_decimals_are_numbers():
    import decimal

    found = column(pl.DataFrame({"a": [decimal.Decimal("1.25"), decimal.Decimal("-3")]}))
    assert found.numbers().tolist() == [1.25, -3.0]


@pytest.mark.parametrize(
    ("frame", "pattern"),
    [
        (pl.DataFrame({"a": [1.0]}).lazy(), "LazyFrame, a query.*collect"),
        (pd.Series([1.0, 2.0]), "Series, a single column.*Reshape your data"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "2 columns named 'a'"),
    ],
)
def test_what_is_no_table_is_refused(frame, pattern):
    assert is_frame(frame)
    with pytest.raises(InvalidDataError, match=pattern):
        read_columns(frame)


def test_values_that_cannot_be_told_apart_are_refused():
    with pytest.raises(InvalidDataError, match=r"'a'.*cannot be told apart"):
        column(pd.DataFrame({"a": [[1], [2]]})).factor()
    assert column(pd.DataFrame({"a": [Fraction(1, 2)]})).numbers().tolist() == [0.5]


def test_a_frame_of_one_matrix_is_that_matrix():
    X = np.arange(12.0).reshape(4, 3)
    frame = pd.DataFrame(X)
    block = frame_block(frame)
    np.testing.assert_array_equal(block, X)
    assert np.shares_memory(block, frame.to_numpy())
    assert frame_block(frame.assign(more=1)) is None
    other = frame.copy()
    other[1] = 0.5  # lies elsewhere, the first and the last in one piece
    assert frame_block(other) is None
    assert frame_block(pd.DataFrame({"a": [1.0], "b": ["x"]})) is None
    assert frame_block(pl.DataFrame(X)) is None


def test_a_missing_value_is_found_however_late():
    """Values are looked for until all have occurred, missing ones in every row."""
    values = ["a", "b"] * 40_000
    codes = np.array([0, 1] * 40_000, dtype=np.int8)
    assert Factor(codes, values[:2]).present()[1] is False
    codes[-1] = -1
    occurs, has_missing = Factor(codes, [*values[:2], "c"]).present()
    assert occurs.tolist() == [True, True, False]
    assert has_missing
    assert Factor(codes, values[:2]).present()[1] is True
    with pytest.raises(InvalidDataError, match="1 missing value, the first in row 79999"):
        learn(Factor(codes, values[:2]))


@pytest.mark.parametrize("has_reference", [False, True])
@pytest.mark.parametrize(
    "values", [["a", "b", "c", "d"], ["c", "a", "d", "b"], ["a", "c", "a", "b"]]
)
def test_rows_get_the_column_of_their_value(values, has_reference):
    codes = np.array([0, 2, 3, 3, 2], dtype=np.int8)
    levels, column = learn(Factor(codes, values), has_reference=has_reference)
    assert list(levels.values) == sorted({values[code] for code in codes})
    expected = [levels.values.index(values[code]) - has_reference for code in codes]
    assert column.codes.tolist() == expected
    again = levels.encode(Factor(codes, values), "x", Policy(unknown="ignore"))
    assert again.codes.tolist() == expected


def learn(factor, *, has_reference=False):
    return Levels.learn(factor, "x", Policy(), min_frequency=None, has_reference=has_reference)
