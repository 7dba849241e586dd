"""What columns are taken for, and sections of model files that make no sense."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest

from fastlogreg.cli.columns import SECTION, Column, Columns
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


class Fitted:
    """What the columns of a file ask of a model without categories."""

    is_categorical_ = None

    def __init__(self, names=None):
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)


def test_numbers_are_numbers_and_text_is_a_category():
    columns = Columns.learn(TABLE, "y")
    assert columns.names == ["x", "n", "f", "s", "k"]
    assert columns.categories == columns.text == ["s", "k"]
    frame = columns.frame(TABLE)
    assert frame.column_names == columns.names
    assert frame.drop_columns(["s", "k"]).equals(TABLE.select(["x", "n", "f"]))
    assert [frame[name].to_pylist() for name in ("s", "k")] == [["b", "a", "b"], ["u", "v", "u"]]


def test_chunks_make_no_difference():
    columns = Columns.learn(TABLE, "y")
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1)])
    assert columns.frame(chunked).to_pydict() == columns.frame(TABLE).to_pydict()


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.decimal128(9, 2)], ids=str
)
def test_numbers_of_every_type(kind):
    values = [decimal.Decimal(i) for i in (1, 0, 7)] if "decimal" in str(kind) else [1, 0, 7]
    if kind == pa.float16():
        values = np.array(values, dtype=np.float16)
    table = pa.table({"a": pa.array(values, type=kind), "y": [0, 1, 0]})
    found = Columns.learn(table, "y").frame(table)
    assert found["a"].to_pylist() == [1, 0, 7]


def test_named_numbers_are_categories_and_keep_their_type():
    columns = Columns.learn(TABLE, "y", categorical=["n"])
    assert columns.features[1] == Column("n", is_category=True)
    assert columns.frame(TABLE)["n"].to_pylist() == [3, 2**40, -1]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None, None]), "column 'a' has 2 missing values, the first in row 2"),
        (pa.array([1.0, np.nan, 2.0]), "column 'a' has 1 missing value, the first in row 2"),
        (pa.array(["a", None, "b"]), "column 'a' has 1 missing value, the first in row 2"),
        (pa.array([None] * 3), "column 'a' has 3 missing values, the first in row 1"),
        (pa.array([1.0, -np.inf, 2.0]), "column 'a' has 1 infinite value, the first in row 2"),
        (pa.array([datetime.datetime(2020, 1, 1)] * 3), "of type timestamp.* Derive numbers"),
        (pa.array([b"x"] * 3), "of type binary; expected numbers, booleans or text. Convert"),
        (pa.array([[1]] * 3), "of type list"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value.type),
)
def test_columns_that_cannot_be_used(column, message):
    with pytest.raises(InvalidDataError, match=message) as info:
        Columns.learn(pa.table({"a": column, "y": [0, 1, 0]}), "y")
    assert "--drop 'a'" in str(info.value) or "infinite" in message


def test_words_are_no_numbers():
    table = pa.table({"a": ["1", "x", "3"], "y": [0, 1, 0]})
    with pytest.raises(InvalidDataError, match=r"is to hold numbers .* is 'x' in row 2"):
        Columns.learn(table, "y", numeric=["a"])


def test_the_section_comes_back():
    columns = Columns.learn(TABLE, "y")
    sections = {SECTION: columns.to_json()}
    assert Columns.of_model(Fitted(columns.names), sections) == columns


def test_without_a_section_the_names_of_the_fit_are_numbers():
    found = Columns.of_model(Fitted(["p", "q"]), {})
    assert found == Columns((Column("p"), Column("q")), None)


@pytest.mark.parametrize(
    "section",
    [
        *({}, [], None, {"columns": 3, "target": "y"}, {"columns": [], "target": "y"}),
        {"columns": [{"name": 3}], "target": "y"},
        {"columns": [{"name": "a", "is_text": 1}], "target": "y"},
        {"columns": [{"name": "a", "levels": ["p", "q"]}], "target": "y"},
        {"columns": [{"name": "a"}], "target": None},
        {"columns": [{"name": "b"}], "target": "y"},
    ],
)
def test_sections_that_make_no_sense(section):
    with pytest.raises(ModelFileError, match="Train again"):
        Columns.of_model(Fitted(["a"]), {SECTION: section})
