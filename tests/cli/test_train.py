"""``fastlogreg train``: the report, the model file, and what it refuses."""

import decimal
import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import fastlogreg
from fastlogreg import LogisticRegression
from fastlogreg.cli.columns import SECTION
from fastlogreg.persistence import load_file

TARGET = ("--target", "bought")
PLAIN = (*TARGET, "--drop", "id", "--drop", "weight")


@pytest.fixture
def train(cli, data):
    """Return the function that trains on the table: its JSON, and the model."""

    def run(*arguments, path=data):
        code, out, err = cli("train", path, *PLAIN, *arguments, "--json")
        assert (code, err) == (0, ""), err
        return json.loads(out), fastlogreg.load("model.json")

    return run


def features(frame):
    """Return the columns that are learned from."""
    return frame[["age", "city", "member", "visits"]]


def encoded(frame):
    """Return the table with a column a level, made by other means."""
    columns = pd.get_dummies(frame[["age", "city", "member", "visits"]], prefix_sep="=")
    columns = columns[["age", "city=Köln", "city=Oslo", "city=Rom", "member", "visits"]]
    return columns.astype(np.float64)


def test_the_model_is_the_one_that_python_gives(train, frame):
    found, model = train("--tol", "1e-10")
    expected = LogisticRegression(tol=1e-10).fit(encoded(frame).to_numpy(), frame.bought)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-9)
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.feature_names_in_.tolist() == list(features(frame))
    names = [name.replace("=", "_") for name in encoded(frame)]
    assert model.get_feature_names_out().tolist() == names
    assert model.callback is None
    assert (model.predict(features(frame)) == expected.predict(encoded(frame).to_numpy())).all()
    assert found["objective"] == model.objective_


def test_the_json_says_all_that_the_report_does(train, frame):
    found, model = train()
    assert found["rows"] == len(frame)
    assert found["columns"] == [
        {"name": "age", "levels": None},
        {"name": "city", "levels": 3},
        {"name": "member", "levels": None},
        {"name": "visits", "levels": None},
    ]
    assert found["coefficients"] == 6
    assert (found["target"], found["classes"]) == ("bought", ["no", "yes"])
    share = (frame.bought == "yes").mean()
    assert found["class_shares"] == pytest.approx([1.0 - share, share])
    assert found["plan"]["backend"] == {
        "value": model.backend_,
        "reason": model.plan_.backend.reason,
    }
    assert (found["status"], found["converged"]) == ("CONVERGED", True)
    assert found["iterations"] == model.n_iter_[0]
    assert found["passes"] == model.n_passes_
    assert found["fit_seconds"] > 0.0
    assert found["warnings"] == []
    assert found["valid"] is None
    assert found["model_file"] == "model.json"
    proba = model.predict_proba(features(frame))
    right = proba[np.arange(len(frame)), (frame.bought == "yes").astype(int)]
    assert found["train"]["log_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-9)
    assert found["train"]["accuracy"] == pytest.approx((right > 0.5).mean())


def test_parquet_gives_the_same_model_as_csv(train, data):
    _, from_csv = train()
    _, from_parquet = train(path=data.with_suffix(".parquet"))
    assert from_csv.coef_.tobytes() == from_parquet.coef_.tobytes()


def test_compressed_csv_is_read(train, frame, data, tmp_path):
    frame.to_csv(tmp_path / "data.csv.gz", index=False)
    _, plain = train()
    _, compressed = train(path=tmp_path / "data.csv.gz")
    assert plain.coef_.tobytes() == compressed.coef_.tobytes()


def test_the_options_reach_the_estimator(train):
    _, model = train(
        *("-C", "0.25", "--no-intercept", "--class-weight", "balanced", "--tol", "1e-9"),
        *("--max-iter", "77", "--solver", "lbfgs", "--backend", "numpy", "--threads", "2"),
    )
    expected = {
        "C": 0.25,
        "fit_intercept": False,
        "class_weight": "balanced",
        "tol": 1e-9,
        "max_iter": 77,
        "solver": "lbfgs",
        "backend": "numpy",
        "n_threads": 2,
    }
    assert {name: model.get_params()[name] for name in expected} == expected
    assert model.intercept_ == 0.0


def test_no_penalty(train):
    found, model = train("-C", "inf")
    assert np.isinf(model.C)
    # A column for each value and an intercept: only the penalty picks one of many optima.
    assert found["converged"]


def test_weights_reach_the_fit_and_the_measures(cli, data, frame):
    options = ("--drop", "id", "--weight", "weight", "--tol", "1e-10", "--json")
    code, out, _ = cli("train", data, *TARGET, *options)
    assert code == 0
    X, y, weights = encoded(frame).to_numpy(), frame.bought == "yes", frame.weight.to_numpy()
    expected = LogisticRegression(tol=1e-10).fit(X, frame.bought, weights)
    np.testing.assert_allclose(fastlogreg.load("model.json").coef_, expected.coef_, rtol=1e-9)
    right = expected.predict_proba(X)[np.arange(len(y)), y.astype(int)]
    found = json.loads(out)["train"]["log_loss"]
    assert found == pytest.approx(np.average(-np.log(right), weights=weights), rel=1e-9)


def test_a_part_held_out_is_stratified_and_seeded(train, frame):
    found, model = train("--valid", "0.25")
    positive = int((frame.bought == "yes").sum())
    expected = round(0.25 * positive) + round(0.25 * (len(frame) - positive))
    assert found["valid"]["rows"] == expected
    assert found["train"]["rows"] == len(frame) - expected
    assert found["rows"] == len(frame)
    again, same = train("--valid", "0.25")
    assert again["valid"] == found["valid"]
    assert same.coef_.tobytes() == model.coef_.tobytes()
    other, _ = train("--valid", "0.25", "--seed", "1")
    assert other["valid"] != found["valid"]


def test_the_file_holds_what_the_columns_were_taken_for(train):
    train()
    section = load_file("model.json").sections[SECTION]
    assert section == {
        "columns": [
            {"name": "age", "is_category": False, "is_text": False},
            {"name": "city", "is_category": True, "is_text": True},
            {"name": "member", "is_category": False, "is_text": False},
            {"name": "visits", "is_category": False, "is_text": False},
        ],
        "target": "bought",
    }


def test_columns_are_taken_for_what_the_options_say(train, frame):
    found, _ = train("--categorical", "visits")
    levels = {column["name"]: column["levels"] for column in found["columns"]}
    assert levels == {"age": None, "city": 3, "member": None, "visits": frame.visits.nunique()}
    wide = pd.get_dummies(features(frame).astype({"visits": str})).to_numpy(dtype=float)
    expected = LogisticRegression().fit(wide, frame.bought)
    assert found["objective"] == pytest.approx(expected.objective_, rel=1e-9)


def test_text_of_numbers_is_taken_for_numbers_where_named(cli, frame, tmp_path):
    frame.assign(age=frame.age.map(str)).to_parquet(tmp_path / "text.parquet")
    assert cli("train", "text.parquet", *PLAIN, "--numeric", "age", "--tol", "1e-10")[0] == 0
    from_text = fastlogreg.load("model.json")
    expected = LogisticRegression(tol=1e-10).fit(encoded(frame).to_numpy(), frame.bought)
    np.testing.assert_allclose(from_text.coef_, expected.coef_, rtol=1e-9)
    code, out, _ = cli("predict", "model.json", "text.parquet")
    assert code == 0
    assert out.splitlines()[1:] == expected.predict(encoded(frame).to_numpy()).tolist()


def test_missing_and_rare_categories(cli, frame, tmp_path):
    frame.loc[[2, 5], "city"] = None
    frame.loc[[9], "city"] = "Ulm"
    frame.to_csv(tmp_path / "holes.csv", index=False)
    options = ("--missing", "category", "--min-frequency", "5", "--unknown", "infrequent")
    code, _, err = cli("train", "holes.csv", *PLAIN, *options)
    assert code == 0, err
    names = fastlogreg.load("model.json").get_feature_names_out().tolist()
    assert names[1:6] == ["city_Köln", "city_Oslo", "city_Rom", "city_missing", "city_infrequent"]
    frame.assign(city="Paris").to_csv(tmp_path / "new.csv", index=False)
    assert cli("predict", "model.json", "new.csv")[0] == 0


def test_rows_held_out_may_have_values_of_their_own(cli, frame, tmp_path):
    frame["city"] = [f"c{i // 2}" for i in range(len(frame))]
    frame.to_csv(tmp_path / "many.csv", index=False)
    code, out, err = cli("train", "many.csv", *PLAIN, "--valid", "0.3", "--json")
    assert code == 0, err
    assert json.loads(out)["valid"]["rows"] > 0
    assert fastlogreg.load("model.json").handle_unknown == "error"


def test_the_report_is_tidy_in_a_pipe(cli, data):
    code, out, err = cli("train", data, *PLAIN, "--valid", "0.2")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    assert "\x1b" not in out
    for text in ("600 rows", "city (3)", "age, member, visits", "(the positive class)"):
        assert text in out
    for name in ("backend", "threads", "solver", "status", "iterations", "passes", "objective"):
        assert any(line.startswith(name) for line in lines), name
    assert any(line.startswith("training") for line in lines)
    assert any(line.startswith("held out") for line in lines)
    assert lines[-1] == "model file  model.json"


def test_a_table_large_enough_for_compiled_kernels(cli, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((4000, 3)), columns=["a", "b", "c"])
    frame["late"] = frame.a + rng.standard_normal(4000) > 0.0
    frame.to_parquet(tmp_path / "big.parquet")
    code, out, _ = cli("train", "big.parquet", "--target", "late", "--backend", "numba")
    assert code == 0
    assert "s, with loading or compiling the kernels" in out
    assert fastlogreg.load("model.json").classes_.dtype == bool


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([0, 1], [0, 1]), ([7, -3], [-3, 7]), ([True, False], [False, True]), ([0.0, 1.0], [0, 1])],
)
def test_targets_of_any_kind(labels, classes, cli, frame, tmp_path):
    frame["bought"] = np.array(labels)[(frame.bought == "yes").astype(int)]
    frame.to_parquet(tmp_path / "t.parquet")
    code, _, err = cli("train", "t.parquet", *PLAIN)
    assert (code, err) == (0, "")
    assert fastlogreg.load("model.json").classes_.tolist() == classes


# Convergence.


def test_no_convergence_warns_on_one_line_and_still_writes(cli, data):
    code, out, err = cli("train", data, *PLAIN, "--max-iter", "1")
    assert code == 0
    assert err.startswith("fastlogreg: warning: ")
    assert err.count("\n") == 1
    assert "max iter:" in out
    assert fastlogreg.load("model.json").status_.name == "MAX_ITER"


def test_strict_exits_4_and_writes_nothing(cli, data, tmp_path):
    code, out, _ = cli("train", data, *PLAIN, "--max-iter", "1", "--strict")
    assert code == 4
    assert out.splitlines()[-1] == "model file  not written, no convergence"
    code, out, _ = cli("train", data, *PLAIN, "--max-iter", "1", "--strict", "--json")
    assert code == 4
    assert json.loads(out)["model_file"] is None
    assert not (tmp_path / "model.json").exists()


def test_strict_is_silent_where_it_converges(cli, data, tmp_path):
    assert cli("train", data, *PLAIN, "--strict")[0] == 0
    assert (tmp_path / "model.json").exists()


# Wrong usage: exit 2.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "bougth"], "--target 'bougth': the table has no such column; did you mean"),
        (["--target", "BOUGHT"], "did you mean 'bought'?"),
        (["--target", "zzz"], "the columns are 'age', 'city', 'member', 'visits',"),
        ([*TARGET, "--weight", "weightt"], "--weight 'weightt': the table has no such column; did"),
        ([*TARGET, "--drop", "agee"], "--drop 'agee': the table has no such column; did"),
        ([*TARGET, "--drop", "bought"], "--drop 'bought': the column is the one of --target"),
        ([*TARGET, "--categorical", "sity"], "--categorical 'sity': the table has no such column"),
        (
            [*TARGET, "--numeric", "age", "--categorical", "age"],
            "--numeric 'age': the column is the one of --categorical",
        ),
        ([*TARGET, "--weight", "bought"], "--weight 'bought': the column is the one of --target"),
        ([], "Missing option '--target'"),
        ([*TARGET, "-C", "-1"], "-1.0 is not in the range"),
        ([*TARGET, "-C", "nan", "--drop", "id"], "C is nan; expected a real number"),
        ([*TARGET, "--valid", "1.0"], "1.0 is not in the range"),
        ([*TARGET, "--threads", "0"], "0 is not in the range"),
        ([*TARGET, "--solver", "newton"], "'newton' is unknown; did you mean 'newton-cg'"),
        ([*TARGET, "--backend", "nunba"], "'nunba' is unknown; did you mean 'numba'?"),
        ([*TARGET, "--class-weight", "x"], "'x' is not"),
        ([*TARGET, "-o", "no/model.json"], "'no/model.json' cannot be written: there is no"),
        ([*TARGET, "-o", "."], "is a directory"),
        ([*TARGET, "-o", "data.csv"], "'data.csv' is an input as well"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_wrong_usage(arguments, message, fails, data, tmp_path):
    assert message in fails(2, "train", data, *arguments)
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "data.parquet"]


def test_a_missing_file(fails):
    assert "'no.csv' does not exist" in fails(2, "train", "no.csv", *TARGET)


def test_an_unknown_suffix(fails, tmp_path):
    (tmp_path / "data.txt").write_text("a,b\n1,2\n")
    assert "'data.txt' ends with none of .csv, .csv.gz," in fails(2, "train", "data.txt", *TARGET)


def test_a_folder_that_is_not_writable(fails, data, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    access = os.access  # root may write anywhere, so the answer is put in
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    assert "not writable" in fails(2, "train", data, *PLAIN, "-o", "closed/model.json")


def test_a_write_that_fails_leaves_the_old_model(fails, data, tmp_path, monkeypatch):
    (tmp_path / "model.json").write_text("old")

    def fail(descriptor):
        raise OSError(28, "No space left on device", "model.json")

    monkeypatch.setattr(os, "fsync", fail)
    assert "'model.json': No space left on device" in fails(2, "train", data, *PLAIN)
    assert (tmp_path / "model.json").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "data.parquet", "model.json"]


# Bad data: exit 3.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; expected a table with a header"),
        ("bought,age\n", "has a header but no rows"),
        ("bought,age\nyes,1,2\n", "cannot be read as a table: CSV parse error"),
        ("bought,age\nyes,1\nyes,2\n", "'bought' has 1 different value ('yes'); expected 2 to 200"),
        (
            "bought,age\n" + "".join(f"{i},{i}\n" for i in range(201)),
            "has 201 different values (0, 1, 2, 3, 4, ...); expected 2 to 200",
        ),
        ("bought,age\nyes,1\n,2\nno,3\n", "'bought' has 1 missing value, the first in row 2"),
        ("bought,age\n,1\n,2\n", "'bought' has 2 missing values, the first in row 1"),
        ("bought,age\nyes,1\nno,\n", "column 'age' has 1 missing value, the first in row 2"),
        ("bought,age\nyes,1\nno,inf\n", "column 'age' has 1 infinite value, the first in row 2"),
        ("bought\nyes\nno\n", "no column is left to learn from"),
        (",bought\n1,yes\n2,no\n", "column 1 has no name in the header"),
        ("a,a,bought\n1,1,yes\n2,2,no\n", "2 columns are named 'a'"),
        ("d,bought\n2020-01-01,yes\n2020-01-02,no\n", "column 'd' is of type date32[day]; exp"),
        ("bought,age\n0.5,1\n1.5,2\n", "the target 'bought' holds fractions, such as 0.5"),
        ("bought,age\n2020-01-01,1\n2020-01-02,2\n", "the target 'bought' is of type date32"),
    ],
    ids=lambda value: "" if "\n" in value else value[:30],
)
def test_bad_tables(content, message, fails, tmp_path):
    (tmp_path / "bad.csv").write_text(content)
    assert message in fails(3, "train", "bad.csv", *TARGET)
    assert os.listdir(tmp_path) == ["bad.csv"]


@pytest.mark.parametrize(
    ("target", "kind"), [([[1.0], [2.0]], "list"), ([{"a": 1}, {"a": 2}], "struct")]
)
def test_a_target_of_parts_is_refused(target, kind, fails, tmp_path):
    pd.DataFrame({"x": [1.0, 2.0], "y": target}).to_parquet(tmp_path / "parts.parquet")
    message = fails(3, "train", "parts.parquet", "--target", "y")
    assert f"the target 'y' is of type {kind}<" in message
    assert "expected labels" in message


def test_too_many_levels_names_the_column_and_the_way_out(fails, data):
    err = fails(3, "train", data, *TARGET)
    assert "column 'id' is text with 600 different values in 600 rows; expected values" in err
    assert "--drop 'id'" in err
    assert "--categorical 'id'" in err


def test_a_word_among_numbers_is_shown(fails, tmp_path):
    rows = "".join(f"{i % 2},{i}.5\n" for i in range(300))
    (tmp_path / "bad.csv").write_text(f"bought,age\n{rows}1,n.a.\n")
    err = fails(3, "train", "bad.csv", *TARGET)
    assert "where the first that is no number is 'n.a.' in row 301" in err


def test_names_of_rows_are_taken_where_they_are_asked_for(cli, data):
    assert cli("train", data, *TARGET, "--drop", "weight", "--categorical", "id")[0] == 0
    assert fastlogreg.load("model.json").coef_.shape[1] == 606


def test_many_levels_that_rows_share_are_categories(cli, tmp_path):
    rows = "".join(f"{i % 2},x{i % 300}\n" for i in range(900))
    (tmp_path / "wide.csv").write_text(f"bought,name\n{rows}")
    assert cli("train", "wide.csv", *TARGET)[0] == 0
    model = fastlogreg.load("model.json")
    assert (model.n_features_in_, model.coef_.shape[1]) == (1, 300)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (["heavy"], "the weight 'weight' is of type"),
        (["1", "2", "x"], "where the first that is no number is 'x' in row 3"),
        (["1", ""], "the weight 'weight' has 300 missing values, the first in row 2"),
        (["1", "-2"], "the weight 'weight' has 300 negative values, the first (-2) in row 2"),
        (["1", "inf"], "the weight 'weight' has 300 infinite values, the first in row 2"),
        (["0"], "the weight 'weight' is 0 in every row"),
    ],
)
def test_bad_weights(weights, message, fails, frame, tmp_path):
    frame["weight"] = (weights * 600)[:600]
    frame.to_csv(tmp_path / "bad.csv", index=False)
    arguments = (*TARGET, "--drop", "id", "--weight", "weight")
    assert message in fails(3, "train", "bad.csv", *arguments)


def test_a_class_of_one_row_cannot_be_split(fails, tmp_path):
    (tmp_path / "one.csv").write_text("bought,age\nyes,1\nno,2\nno,3\n")
    assert "--valid needs at least 2 rows" in fails(3, "train", "one.csv", *TARGET, "--valid", ".5")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_of_one_name_can_be_dropped_together(suffix, cli, frame, tmp_path):
    twice = pa.Table.from_pandas(features(frame).assign(bought=frame.bought))
    twice = twice.append_column("age", twice["visits"])
    path = tmp_path / f"twice{suffix}"
    (pyarrow.csv.write_csv if suffix == ".csv" else pyarrow.parquet.write_table)(twice, path)
    assert cli("train", path, *TARGET)[0] == 3
    code, _, err = cli("train", path, *TARGET, "--drop", "age")
    assert code == 0, err
    assert fastlogreg.load("model.json").feature_names_in_.tolist() == ["city", "member", "visits"]


def test_columns_that_are_not_needed_are_not_read(cli, frame, fails, tmp_path):
    """The values of one are spoilt in the file, so that reading them fails."""
    path = tmp_path / "spoilt.parquet"
    table = features(frame).assign(bought=frame.bought, other=np.arange(len(frame)) ** 2 / 7.0)
    table.to_parquet(path, index=False)
    chunk = pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(5)
    first = min(place for place in (chunk.dictionary_page_offset, chunk.data_page_offset) if place)
    content = bytearray(path.read_bytes())
    content[first : first + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)
    assert "cannot be read as a table" in fails(3, "train", path, *TARGET)
    assert cli("train", path, *TARGET, "--drop", "other")[0] == 0
    assert cli("predict", "model.json", path)[0] == 0


def test_decimals_can_be_categories(cli, frame, tmp_path):
    prices = pa.array([decimal.Decimal(f"{i % 3}.50") for i in range(len(frame))])
    table = pa.table({"price": prices, "age": frame.age, "bought": frame.bought})
    pyarrow.parquet.write_table(table, tmp_path / "prices.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "prices.csv")
    code, _, err = cli("train", "prices.parquet", *TARGET, "--categorical", "price")
    assert code == 0, err
    found = [cli("predict", "model.json", f"prices{suffix}") for suffix in (".parquet", ".csv")]
    assert found[0][0] == 0
    assert found[0] == found[1]
