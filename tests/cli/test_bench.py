"""``fastlogreg bench``: the same objective for all, and no comparison without it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from fastlogreg.cli import contest
from fastlogreg.cli.contest import Contender, Entry, objective_of, standings
from fastlogreg.cli.contest_tables import drawn_table
from tests.oracle import penalised

PEER = "scikit-learn newton-cholesky"
SMALL = ("--rows", "400", "--columns", "4", "--peer", PEER, "--tol", "1e-8", "--tol", "1e-2")


def draw(rows=60, columns=3, **options):
    defaults = {"dtype": "float64", "order": "C", "density": None, "levels": (), "seed": 0}
    return drawn_table(rows, columns, **{**defaults, **options})


# The tables.


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_drawn_table_has_the_layout_asked_for(dtype, order):
    table = draw(dtype=dtype, order=order)
    assert table.X.shape == (60, 3)
    assert table.X.dtype == dtype
    assert table.X.flags.c_contiguous == (order == "C")
    assert table.encoded is table.X
    assert set(table.codes) == {0, 1}
    np.testing.assert_array_equal(table.X, draw(dtype=dtype, order=order).X)
    assert not np.array_equal(table.X, draw(dtype=dtype, order=order, seed=1).X)


def test_a_sparse_table_stores_the_share_asked_for():
    X = draw(50, 40, density=0.1, dtype="float32").X
    assert X.format == "csr"
    assert X.dtype == np.float32
    assert X.nnz == 50 * 4
    assert X.has_canonical_format


def test_peers_get_categories_as_columns_of_zeros_and_ones():
    table = draw(levels=(2, 5))
    dummies = pd.get_dummies(table.X, dtype=np.float64)
    np.testing.assert_array_equal(table.encoded.toarray(), dummies.to_numpy())
    assert table.is_sparse
    assert [len(table.X[name].cat.categories) for name in ("c0", "c1")] == [2, 5]


# The judge.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_judge_is_the_objective(n_classes):
    rng = np.random.default_rng(3)
    X, codes = rng.standard_normal((40, 3)), rng.integers(0, n_classes, 40)
    coef = rng.standard_normal((4, 1 if n_classes == 2 else n_classes))
    decision = X @ coef[:-1] + coef[-1]
    found = objective_of(decision[:, 0] if n_classes == 2 else decision, codes, coef[:-1], 0.7)
    assert found == pytest.approx(penalised(X, codes, coef, C=0.7, l1_ratio=0.0)[0], rel=1e-13)


def entry(solver, tol, seconds, value):
    return Entry(solver, tol, seconds, value, 1, None, True)


def test_times_are_compared_at_the_same_objective_only():
    found = standings(
        [
            entry("fastlogreg", 1e-2, 1.0, 0.5 * (1 + 1e-3)),
            entry("fastlogreg", 1e-4, 2.0, 0.5 * (1 + 1e-7)),
            entry("fastlogreg", 1e-6, 3.0, 0.5),
            entry("good", 1e-2, 8.0, 0.5),
            entry("good", 1e-4, 9.0, 0.5),
            entry("bad", 1e-8, 0.1, 0.5 * (1 + 2e-6)),
        ],
        0.5,
    )
    assert [one.solver for one in found] == ["fastlogreg", "good", "bad"]
    ours, good, bad = found
    assert (ours.entry.tol, ours.ratio) == (1e-4, 1.0)
    assert (good.entry.tol, good.ratio) == (1e-2, 4.0)
    assert (bad.entry, bad.ratio) == (None, None)
    assert bad.least_gap == pytest.approx(2e-6)


# The command.


def test_the_json_holds_fits_that_are_what_they_say(cli, tmp_path):
    code, out, err = cli("bench", *SMALL, "--json", "-o", "here.png")
    assert code == 0, err
    found = json.loads(out)
    assert (found["rows"], found["encoded_columns"], found["classes"]) == (400, 4, 2)
    assert found["left_out"] == {}
    assert [(fit["solver"], fit["tol"]) for fit in found["fits"]] == [
        (solver, tol) for solver in ("fastlogreg", PEER) for tol in (1e-2, 1e-8)
    ]
    table = draw(400, 4)
    exact = LogisticRegression(tol=1e-12, solver="newton-cholesky").fit(table.X, table.codes)
    coef = np.append(exact.coef_[0], exact.intercept_)[:, None]
    best, _ = penalised(table.X, table.codes, coef, C=1.0, l1_ratio=0.0)
    assert found["best_objective"] == pytest.approx(best, rel=1e-13)
    assert all(fit["gap"] < 1e-12 for fit in found["fits"] if fit["tol"] == 1e-8)
    assert [one["solver"] for one in found["standings"]] == ["fastlogreg", PEER]
    assert found["standings"][0]["ratio"] == 1.0
    assert (tmp_path / "here.png").read_bytes().startswith(b"\x89PNG")
    assert found["picture"] == "here.png"


def test_the_report_is_tidy_and_progress_is_on_stderr(cli, tmp_path):
    code, out, err = cli("bench", *SMALL)
    assert code == 0
    for text in ("at the same objective", "of fastlogreg", "GB/s", "machine", PEER):
        assert text in out
    assert max(map(len, out.splitlines())) <= 80
    assert not [line for line in out.splitlines() if line != line.rstrip()]
    assert err.splitlines()[0].startswith("drawing 400 x 4: ")
    assert f"\n{PEER}: " in err
    assert (tmp_path / "fastlogreg-bench.png").exists()


@pytest.fixture
def other(monkeypatch):
    """Make the only peer one that minimises something else, and return its name."""

    def make(C, tol, n_rows):
        return LogisticRegression(C=C / 100.0, tol=tol)

    monkeypatch.setattr(contest, "PEERS", {"other": Contender("other", "sklearn", make)})
    return "other"


def test_another_objective_is_not_compared(cli, other):
    code, out, _ = cli("bench", "--rows", "200", "--columns", "3", "--tol", "1e-8")
    assert code == 0
    assert "not compared: its objective is" in out
    table = out.partition("at the same objective")[2].partition("not compared")[0]
    assert "x\n" in table  # ours
    assert not [line for line in table.splitlines() if line.startswith(other) and "x" in line]


def test_a_file_of_several_classes(cli, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((90, 2)), columns=["a", "b"])
    frame["town"] = rng.choice(["Rom", "Oslo"], 90)
    frame["kind"] = np.array(["x", "y", "z"])[np.digitize(frame.a + rng.random(90), [0.0, 1.0])]
    frame["id"] = np.arange(90).astype(str)
    frame.to_csv(tmp_path / "own.csv", index=False)
    code, out, err = cli(
        *("bench", "--data", "own.csv", "--target", "kind", "--drop", "id", "--json"),
        *("--tol", "1e-7", "--peer", "scikit-learn lbfgs", "--peer", "glum lbfgs"),
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["rows"], found["classes"]) == (90, 3)
    assert found["left_out"]["glum lbfgs"] in ("takes two classes only", "not installed")
    assert {fit["solver"] for fit in found["fits"]} == {"fastlogreg", "scikit-learn lbfgs"}
    assert all(fit["gap"] < 1e-6 for fit in found["fits"])


def test_what_is_not_installed_or_fails_is_named(cli, monkeypatch):
    def broken(C, tol, n_rows):
        raise RuntimeError("no such thing")

    peers = [Contender("absent", "no_such_module", broken), Contender("broken", "numpy", broken)]
    monkeypatch.setattr(contest, "PEERS", {peer.name: peer for peer in peers})
    code, out, _ = cli("bench", "--rows", "200", "--columns", "2", "--tol", "1e-4", "--json")
    assert code == 0
    assert json.loads(out)["left_out"] == {
        "absent": "not installed",
        "broken": "RuntimeError: no such thing",
    }


def test_without_convergence_strict_exits_4(cli, other, monkeypatch):
    monkeypatch.setattr(contest, "MAX_ITER", 1)
    arguments = ("bench", "--rows", "300", "--columns", "3", "--tol", "1e-9")
    code, _, err = cli(*arguments, "--strict")
    assert code == 4, err
    assert cli(*arguments)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "3"], "3 is not in the range"),
        (["--target", "y"], "--target and --drop are of a file"),
        (["--data", "data.csv"], "--data needs --target"),
        (["--data", "data.csv", "--target", "bought", "--rows", "50"], "--rows is of a drawn"),
        (["--data", "data.csv", "--target", "bougth"], "did you mean 'bought'?"),
        (["--sparse-density", "0.1", "--categorical", "3"], "exclude each other"),
        (["--peer", "scikit-learn lbgfs"], "did you mean 'scikit-learn lbfgs'"),
        (["-o", "nowhere/picture.png"], "there is no folder"),
    ],
)
def test_wrong_usage(arguments, message, fails, data):
    assert message in fails(2, "bench", *arguments)


def test_a_bad_table_exits_3(fails, tmp_path):
    (tmp_path / "one.csv").write_text("x,y\n1,a\n2,a\n")
    assert "expected 2 to" in fails(3, "bench", "--data", "one.csv", "--target", "y")
