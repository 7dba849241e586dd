"""``fastlogreg predict``: the same numbers as Python, from either format to either."""

import io
import os
import sys

import numpy as np
import pandas as pd
import pytest

import fastlogreg
from fastlogreg import LogisticRegression
from tests.cli.test_train import features
from tests.problems import breast_cancer
from tests.processes import run_command


def read_csv(source):
    """Return predictions, their probabilities converted by Python, to the last bit."""
    found = pd.read_csv(source, dtype=str)
    for name in found.columns[1:]:
        found[name] = found[name].map(float)
    return found


@pytest.fixture
def expected(model, frame):
    """Return predictions and probabilities by the Python interface."""
    loaded = fastlogreg.load(model)
    return loaded.predict(features(frame)), loaded.predict_proba(features(frame))


def test_predictions_go_to_stdout_as_csv(cli, model, data, expected):
    code, out, err = cli("predict", model, data)
    assert (code, err) == (0, "")
    assert out.startswith("prediction\n")
    assert out.splitlines()[1:] == expected[0].tolist()


def test_probabilities_keep_every_digit(cli, model, data, expected):
    code, out, _ = cli("predict", model, data, "--proba")
    assert code == 0
    found = read_csv(io.StringIO(out))
    assert list(found) == ["prediction", "proba_no", "proba_yes"]
    assert found.prediction.tolist() == expected[0].tolist()
    assert (found[["proba_no", "proba_yes"]].to_numpy() == expected[1]).all()


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".pq"])
@pytest.mark.parametrize("source", [".csv", ".parquet"])
def test_files_of_either_format(suffix, source, cli, model, data, expected, tmp_path):
    output = tmp_path / f"out{suffix}"
    code, out, err = cli("predict", model, data.with_suffix(source), "--proba", "-o", output)
    assert (code, out, err) == (0, "", "")
    found = pd.read_parquet(output) if suffix in (".parquet", ".pq") else read_csv(output)
    assert found.prediction.tolist() == expected[0].tolist()
    assert (found[["proba_no", "proba_yes"]].to_numpy() == expected[1]).all()


def test_columns_may_come_in_any_order_with_others_between(cli, model, frame, tmp_path):
    code, before, _ = cli("predict", model, "data.csv", "--proba")
    shuffled = frame[["visits", "city", "id", "member", "age"]].assign(extra="x", when=pd.NaT)
    shuffled.to_csv(tmp_path / "other.csv", index=False)
    assert cli("predict", model, "other.csv", "--proba") == (code, before, "")


def test_text_may_come_as_categories_and_with_an_index(cli, model, data, frame, tmp_path):
    _, before, _ = cli("predict", model, data, "--proba")
    other = frame.assign(city=frame.city.astype("category"), member=frame.member.astype(int))
    other.index = np.arange(len(other)) * 2 + 1
    other.to_parquet(tmp_path / "other.parquet")
    assert cli("predict", model, "other.parquet", "--proba") == (0, before, "")


def test_text_that_looks_like_numbers_stays_text(cli, tmp_path):
    rows = "".join(f"{('01', '1', 'x')[i % 3]},{int(i % 3 == 0)}\n" for i in range(60))
    (tmp_path / "train.csv").write_text(f"code,y\n{rows}")
    (tmp_path / "new.csv").write_text("code\n01\n1\n")
    assert cli("train", "train.csv", "--target", "y")[0] == 0
    assert cli("predict", "model.json", "new.csv") == (0, "prediction\n1\n0\n", "")
    pd.DataFrame({"code": [1, 1]}).to_parquet(tmp_path / "new.parquet")
    assert cli("predict", "model.json", "new.parquet") == (0, "prediction\n0\n0\n", "")


def test_a_model_saved_from_python_by_its_column_names(cli, tmp_path):
    X, y = breast_cancer(scaled=True)
    table = pd.DataFrame(X, columns=[f"c{j}" for j in range(30)])
    table.to_csv(tmp_path / "t.csv", index=False)
    model = LogisticRegression().fit(table, y)
    fastlogreg.save(model, tmp_path / "m.json")
    code, out, _ = cli("predict", "m.json", "t.csv")
    assert code == 0
    assert [int(line) for line in out.splitlines()[1:]] == model.predict(table).tolist()


def test_a_model_without_names_is_refused(fails, data, tmp_path):
    fastlogreg.save(LogisticRegression().fit(*breast_cancer(scaled=True)), tmp_path / "m.json")
    assert "without names of columns" in fails(3, "predict", "m.json", data)


# Bad input.


def test_a_missing_column_is_named(fails, model, frame, tmp_path):
    frame.rename(columns={"visits": "visit"}).to_csv(tmp_path / "new.csv", index=False)
    err = fails(3, "predict", model, "new.csv")
    assert "needs the column 'visits', and the table has none" in err
    assert "did you mean 'visit'?" in err


def test_a_column_that_is_there_twice_is_named(fails, model, tmp_path):
    (tmp_path / "new.csv").write_text("age,city,member,visits,age\n1,Rom,true,1,1\n")
    assert "the table has 2 of that name; expected one" in fails(3, "predict", model, "new.csv")


def test_an_unseen_level_is_named_with_its_column(fails, model, frame, tmp_path):
    frame.loc[[4, 9], "city"] = "Rome"
    frame.to_csv(tmp_path / "new.csv", index=False)
    err = fails(3, "predict", model, "new.csv")
    assert "column 'city' has 'Rome', a value that was not there at fit" in err
    assert "in 2 rows, the first in row 4 (counted from 0)" in err
    assert "did you mean 'Rom'?" in err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,Rom,true,1", "column 'age' held numbers at training and is of type string here, "),
        (",Rom,true,1", "column 'age' has 1 missing value, the first in row 2"),
        ("inf,Rom,true,1", "column 'age' has 1 infinite value, the first in row 2"),
        ("1,,true,1", "column 'city' has 1 missing value, the first in row 2"),
        ("1,Rom,true,2020-01-01", "column 'visits' held numbers at training and is of type str"),
    ],
)
def test_bad_values_are_placed(row, message, fails, model, tmp_path):
    (tmp_path / "new.csv").write_text(f"age,city,member,visits\n50,Rom,true,1\n{row}\n")
    assert message in fails(3, "predict", model, "new.csv")


def test_numbers_in_place_of_text_are_refused(fails, model, frame, tmp_path):
    frame.assign(city=1.5).to_parquet(tmp_path / "new.parquet")
    assert "'city' held text at training and is of" in fails(3, "predict", model, "new.parquet")


def test_no_rows_and_no_file(fails, model, tmp_path):
    (tmp_path / "new.csv").write_text("age,city,member,visits\n")
    assert "has a header but no rows" in fails(3, "predict", model, "new.csv")
    assert "'no.csv' does not exist" in fails(2, "predict", model, "no.csv")
    assert "'no.json' does not exist" in fails(2, "predict", "no.json", "new.csv")


@pytest.mark.parametrize("content", ["", "{}", "age\n1\n"])
def test_what_is_no_model_is_refused(content, fails, data, tmp_path):
    (tmp_path / "m.json").write_text(content)
    assert "'" in fails(3, "predict", "m.json", data)


def test_a_damaged_model_is_refused(fails, model, data):
    model.write_text(model.read_text().replace("Oslo", "Olso"))
    assert "is damaged" in fails(3, "predict", model, data)


def test_a_bad_output_is_found_before_any_work(fails, model, data, tmp_path):
    before = sorted(os.listdir(tmp_path))
    for output in ("no/out.csv", "out.txt", ".", "data.csv"):
        fails(2, "predict", model, data, "-o", output)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_failing_write_leaves_the_old_file(fails, model, data, tmp_path, monkeypatch):
    output = tmp_path / "out.csv"
    output.write_text("old")
    before = sorted(os.listdir(tmp_path))

    def fail(self, path, **options):
        path.write_text("half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    assert "No space left" in fails(2, "predict", model, data, "-o", output)
    assert output.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == before


def test_stdout_is_data_only_in_a_real_pipe(model, data, tmp_path):
    done = run_command([sys.executable, "-m", "fastlogreg", "predict", model, data], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == {"prediction", "no", "yes"}
