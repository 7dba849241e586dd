"""The encoding of a table: names, values, memory, and sections that make no sense."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from fastlogreg.cli.encoding import SECTION, Column, TableEncoding

from fastlogreg.errors import InvalidDataError, ModelFileError

TABLE = pa.table(
    {
        "x": pa.array([1.5, -2.0, 0.0]),
        "n": pa.array([3, 2**40, -1]),
        "f": pa.array([True, False, True]),
        "s": ["b", "a", "b"],
        "k": pa.array(["u", "v", "u"]).dictionary_encode(),
        "y": [0, 1, 0],
    }
)
MATRIX = [
    [1.5, 3, 1, 0, 1, 1, 0],
    [-2.0, 2**40, 0, 1, 0, 0, 1],
    [0.0, -1, 1, 0, 1, 1, 0],
]


class Fitted:
    """What an encoding asks of a model."""

    def __init__(self, n, names=None):
        self.n_features_in_ = n
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)


@pytest.fixture
def encoding():
    return TableEncoding.learn(TABLE, "y", ())


def test_values_and_names(encoding):
    matrix = encoding.matrix(TABLE)
    assert matrix.tolist() == MATRIX
    assert encoding.names == ["x", "n", "f", "s=a", "s=b", "k=u", "k=v"]
    assert encoding.text_columns == ["s", "k"]
    assert (matrix.dtype, matrix.flags.f_contiguous) == (np.float64, True)


def test_the_frame_is_the_matrix_without_a_copy(encoding, monkeypatch):
    matrix = encoding.matrix(TABLE)
    monkeypatch.setattr(TableEncoding, "matrix", lambda self, table: matrix)
    inside = np.asarray(encoding.frame(TABLE))
    assert np.shares_memory(inside, matrix)
    assert inside.flags.f_contiguous


def test_chunks_make_no_difference(encoding):
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1)])
    encoding.check(chunked)
    assert encoding.matrix(chunked).tolist() == MATRIX
    assert encoding.matrix(TABLE.slice(1)).tolist() == MATRIX[1:]


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int8(), pa.uint16(), pa.int32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 2)),
    ],
    ids=str,
)
def test_numbers_of_every_type(kind):
    values = [decimal.Decimal(i) for i in (1, 0, 7)] if "decimal" in str(kind) else [1, 0, 7]
    if kind == pa.float16():
        values = np.array(values, dtype=np.float16)
    table = pa.table({"a": pa.array(values, type=kind), "y": [0, 1, 0]})
    encoding = TableEncoding.learn(table, "y", ())
    encoding.check(table)
    assert encoding.matrix(table).ravel().tolist() == [1.0, 0.0, 7.0]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_text_of_every_type(kind):
    table = pa.table({"a": pa.array(["q", "p", "q"], type=kind), "y": [0, 1, 0]})
    encoding = TableEncoding.learn(table, "y", ())
    encoding.check(table)
    assert encoding.matrix(table).tolist() == [[0, 1], [1, 0], [0, 1]]


def test_categories_that_are_numbers_are_matched_as_text():
    table = pa.table({"a": pa.array([5, 6, 5]).dictionary_encode(), "y": [0, 1, 0]})
    encoding = TableEncoding.learn(table, "y", ())
    assert encoding.names == ["a=5", "a=6"]
    plain = pa.table({"a": [6, 5]})
    encoding.check(plain)
    assert encoding.matrix(plain).tolist() == [[0, 1], [1, 0]]


def test_an_empty_text_is_a_level():
    table = pa.table({"a": ["", "b"], "y": [0, 1]})
    assert TableEncoding.learn(table, "y", ()).names == ["a=", "a=b"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None, None]), "column 'a' has 2 missing values, the first in row 2"),
        (pa.array([1.0, np.nan, 2.0]), "column 'a' has 1 missing value, the first in row 2"),
        (pa.array([1, 2, None]), "column 'a' has 1 missing value, the first in row 3"),
        (pa.array(["a", None, "b"]), "column 'a' has 1 missing value, the first in row 2"),
        (pa.array([None] * 3), "column 'a' has 3 missing values, the first in row 1"),
        (pa.array([1.0, -np.inf, 2.0]), "column 'a' has 1 infinite value, the first in row 2"),
        (pa.array([datetime.datetime(2020, 1, 1)] * 3), "of type timestamp.* Derive numbers"),
        (pa.array([datetime.time(1)] * 3), "of type time64.* Derive numbers"),
        (pa.array([b"x"] * 3), "of type binary; expected numbers, booleans or text. Convert"),
        (pa.array([[1]] * 3), "of type list"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value.type),
)
def test_columns_that_cannot_be_used(column, message):
    with pytest.raises(InvalidDataError, match=message) as info:
        TableEncoding.learn(pa.table({"a": column, "y": [0, 1, 0]}), "y", ())
    assert "--drop 'a'" in str(info.value) or "infinite" in message


def test_names_that_would_collide():
    table = pa.table({"a": ["b=c", "d"], "a=b": ["c", "d"], "y": [0, 1]})
    with pytest.raises(InvalidDataError, match="2 columns of the encoded table would be named"):
        TableEncoding.learn(table, "y", ())


def test_the_section_comes_back(encoding):
    sections = {SECTION: encoding.to_json()}
    assert TableEncoding.of_model(Fitted(7), sections) == encoding


def test_without_a_section_the_names_of_the_fit_are_numbers():
    found = TableEncoding.of_model(Fitted(2, ["p", "q"]), {})
    assert found == TableEncoding((Column("p"), Column("q")), None)


@pytest.mark.parametrize(
    "section",
    [
        *({}, [], None, {"columns": 3, "target": "y"}, {"columns": [], "target": "y"}),
        {"columns": [{"name": "a"}], "target": "y"},
        {"columns": [{"name": 3, "levels": None}], "target": "y"},
        {"columns": [{"name": "a", "levels": [1]}], "target": "y"},
        {"columns": [{"name": "a", "levels": None}], "target": None},
        {"columns": [{"name": "a", "levels": ["p", "q"]}], "target": "y"},
    ],
)
def test_sections_that_make_no_sense(section):
    with pytest.raises(ModelFileError, match="Train again"):
        TableEncoding.of_model(Fitted(1), {SECTION: section})
