"""Reading tables: both formats, what counts as missing, and damaged files."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fastlogreg.cli.tables import read_labels, read_table
from fastlogreg.errors import InvalidDataError


@pytest.fixture
def csv(tmp_path):
    """Return the function that reads a text as a CSV file."""

    def read(text, *columns, encoding="utf-8"):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode(encoding))
        return read_table(path, columns)

    return read


def test_types_of_csv(csv):
    found = csv("a,b,c,d,e\n1,1.5,true,x,\n2,2,false,7,5\n").to_pydict()
    assert found == {
        "a": [1, 2],
        "b": [1.5, 2.0],
        "c": [True, False],
        "d": ["x", "7"],
        "e": [None, 5],
    }


def test_what_is_missing_in_csv(csv):
    found = csv('a,b\n,""\nNA,"NA"\nx,y\n').to_pydict()
    assert found == {"a": [None, None, "x"], "b": ["", "NA", "y"]}


def test_quotes_line_ends_and_marks(csv):
    assert csv('\ufeffa,b\r\n"1\n2","x,y"\r\n').to_pydict() == {"a": ["1\n2"], "b": ["x,y"]}


def test_text_columns_are_not_converted(csv):
    assert csv("a,b\n01,1\n", "a", "absent").to_pydict() == {"a": ["01"], "b": [1]}


def test_the_digits_of_a_csv_are_rounded_rightly(csv):
    numbers = np.random.default_rng(0).standard_normal(500) * 10.0 ** np.arange(-250, 250)
    found = csv("a\n" + "\n".join(map(repr, numbers.tolist())) + "\n")
    assert found["a"].to_numpy().tobytes() == numbers.tobytes()


def test_the_index_of_a_frame_is_no_column(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]}, index=[5, 9])
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").column_names == ["a"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"a,b\n1,2\n3\n"),
        ("t.csv", b"\xff\xfe\xff,b\n1,2\n"),
        ("t.csv.gz", b"not gzip at all"),
        ("t.parquet", b"not parquet at all"),
        ("t.parquet", b"PAR1" + b"\x00" * 100 + b"\x00\x00\x00\x10PAR1"),
    ],
)
def test_damaged_files(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidDataError, match=f"{name}' cannot be read as a table"):
        read_table(tmp_path / name)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_truncated_parquet_file(part, tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.arange(1000)}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InvalidDataError, match="cannot be read as a table"):
        read_table(path)


def test_a_file_that_may_not_be_read_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "no.csv")


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["no", "yes", "no"]), np.array(["no", "yes", "no"])),
        (pa.array(["no", "yes", "no"]).dictionary_encode(), np.array(["no", "yes", "no"])),
        (pa.array([True, False, True]), np.array([True, False, True])),
        (pa.array([5, 6, 5], type=pa.int8()), np.array([5, 6, 5], dtype=np.int8)),
        (pa.array([1.0, 2.0, 1.0]), np.array([1.0, 2.0, 1.0])),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_labels(column, expected):
    table = pa.concat_tables([pa.table({"y": column.slice(0, 1)}), pa.table({"y": column[1:]})])
    found = read_labels(table, "y")
    assert found.tolist() == expected.tolist()
    assert found.dtype == expected.dtype
