"""The gate for performance regressions: its counters, report, cases and processes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from bench import gate, gate_counters
from bench.gate_cases import all_keys, find_case, make_tables
from bench.gate_counters import Change, compare_counters
from bench.gate_lockstep import Lockstep, Pace
from bench.gate_proof import worse_copy
from bench.gate_report import Verdict, exit_code, render, write_json
from bench.gate_sides import Side
from bench.gate_statistics import Finding, Interval, Outcome, Rules
from bench.gate_tables import TableSpec, load_table, make_table
from bench.tables import make_problem
from fastlogreg.objective import Objective
from fastlogreg.solvers import SOLVERS
from tests.processes import ROOT

RULES = Rules()


# Counters.


@pytest.fixture(scope="module")
def counted():
    """Return the counters of two fits on NumPy, as two runs of one revision have them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_counters, "FITS", NUMPY_FITS)
        return gate_counters.count_fits(), gate_counters.count_fits()


NUMPY_FITS = {
    name: fit for name, fit in gate_counters.FITS.items() if fit[2].get("backend") == "numpy"
}


def changed(before, now):
    return {
        change.name: change.outcome
        for change in compare_counters(before, now)
        if change.outcome is not Outcome.OK
    }


def test_the_same_code_counts_the_same(counted):
    assert len(NUMPY_FITS) == 2
    for name in NUMPY_FITS:
        calls = [
            count
            for counter, count in counted[0].items()
            if counter.startswith("calls") and counter.endswith(name)
        ]
        assert counted[0][f"passes, {name}"] == sum(calls)
    assert changed(counted, counted) == {}
    assert changed((counted[0], counted[0]), counted) == {}


def test_a_pass_more_is_seen(counted, monkeypatch):
    value_gradient = Objective.value_gradient
    seen = []

    def once_twice(self, coef):
        if self not in seen:  # the first evaluation of each fit
            seen.append(self)
            value_gradient(self, coef)
        return value_gradient(self, coef)

    monkeypatch.setattr(Objective, "value_gradient", once_twice)
    monkeypatch.setattr(gate_counters, "FITS", NUMPY_FITS)
    now = gate_counters.count_fits()
    # Newton's last step takes no Hessian, so that it meets one too.
    assert changed(counted, (now, now)) == {
        f"{what}, NumPy {solver}": Outcome.REGRESSED
        for what in ("passes", "calls of loss_gradient")
        for solver in ("lbfgs", "newton-cholesky")
    }
    assert set(changed((now, now), counted).values()) == {Outcome.FASTER}


def test_a_pass_that_the_fit_does_not_count_is_seen(counted, monkeypatch):
    minimise = SOLVERS["lbfgs"]

    def with_another_pass(objective, start, **options):
        objective.value_gradient(start)
        return minimise(objective, start, **options)

    monkeypatch.setitem(SOLVERS, "lbfgs", with_another_pass)
    monkeypatch.setattr(gate_counters, "FITS", NUMPY_FITS)
    now = gate_counters.count_fits()
    assert "calls of loss_gradient, NumPy lbfgs" in changed(counted, (now, now))


@pytest.mark.parametrize(
    ("before", "now", "outcome"),
    [
        ((3, 3), (3, 3), Outcome.OK),
        ((3, 3), (4, 4), Outcome.REGRESSED),
        ((3, 3), (2, 2), Outcome.FASTER),
        ((3, 3), (3, 2), Outcome.REGRESSED),  # was steady
        ((3, 4), (5, 6), Outcome.OK),  # was not, and says nothing
        ((3, 3), (None, None), Outcome.MISSING),
        ((None, None), (3, 3), Outcome.NEW),
        ((["numpy"],) * 2, (["numpy", "numba"],) * 2, Outcome.REGRESSED),
        ((["numpy", "numba"],) * 2, (["numpy"],) * 2, Outcome.OK),
        (("no such solver",) * 2, ("no such solver",) * 2, Outcome.OK),
    ],
)
def test_what_becomes_of_a_counter(before, now, outcome):
    def run(values):
        return tuple({} if value is None else {"c": value} for value in values)

    (change,) = compare_counters(run(before), run(now))
    assert change.outcome is outcome


def test_memory_may_differ_by_less_than_an_array_of_the_rows():
    slack = gate_counters.PEAK_SLACK
    assert slack < 8 * gate_counters.FITS["lbfgs"][0][0]
    before = ({"peak bytes, x": 50_000},) * 2
    assert changed(before, ({"peak bytes, x": 50_000 + slack},) * 2) == {}
    assert changed(before, ({"peak bytes, x": 50_001 + slack},) * 2)


# The report.


def verdict_of(*outcomes, accepted=(), changes=()):
    interval = Interval(0.01, -0.02, 0.03)
    findings = {
        f"case {number} | 1 thread": Finding(outcome, interval, (0.0,) * 6)
        for number, outcome in enumerate(outcomes)
    }
    return Verdict("old", "new", RULES, "How.", findings, changes=list(changes), accepted=accepted)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.OK, Outcome.FASTER, Outcome.NEW, Outcome.ABSENT], 0),
        ([Outcome.OK, Outcome.UNSTABLE], 2),
        ([Outcome.UNSTABLE, Outcome.REGRESSED], 1),
        ([Outcome.MISSING, Outcome.OK], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst(outcomes, code, tmp_path):
    verdict = verdict_of(*outcomes)
    assert exit_code(verdict) == code
    report = render(verdict)
    for outcome in outcomes:
        bad = outcome in (Outcome.UNSTABLE, Outcome.REGRESSED, Outcome.MISSING)
        assert f" {outcome.name if bad else outcome.name.lower()} " in report
    write_json(verdict, tmp_path / "gate.json")
    found = json.loads((tmp_path / "gate.json").read_text())
    assert found["exit_code"] == code
    assert [case["outcome"] for case in found["cases"].values()] == [
        outcome.name.lower() for outcome in outcomes
    ]


def test_a_change_that_is_meant_is_told_and_does_not_fail():
    more = Change("passes, lbfgs", 5, 6, Outcome.REGRESSED)
    assert exit_code(verdict_of(Outcome.REGRESSED, changes=[more])) == 1
    accepted = {"case 0", "passes, lbfgs"}
    verdict = verdict_of(Outcome.REGRESSED, changes=[more], accepted=accepted)
    assert exit_code(verdict) == 0
    assert render(verdict).count("accepted") == 2


# Cases.


def test_every_case_has_a_name_of_its_own_and_is_found_by_it():
    keys = all_keys(quick=False)
    assert len(set(keys)) == len(keys)
    assert set(all_keys(quick=True)) < set(keys)
    for key in keys:
        case, name, mode = find_case(key)
        assert case.name == name
        assert mode in case.modes


@pytest.mark.parametrize("storage", ["dense", "sparse", "tabular"])
def test_a_table_is_loaded_as_it_was_made(storage, tmp_path):
    spec = TableSpec(300, 60, order="F", storage=storage)
    make_table(spec, tmp_path)
    X, y, coef = load_table(spec, tmp_path)
    assert X.shape[0] == len(y) == 300
    assert len(coef) == 61
    if storage == "dense":
        drawn = make_problem(300, 60, order="F")
        np.testing.assert_array_equal(X, drawn.X)
        assert X.flags.f_contiguous
    elif storage == "sparse":
        assert X.has_canonical_format


def test_a_pair_of_processes_measures_a_small_case(tmp_path):
    """End to end, on this checkout: a case that both can run, and one that neither can."""
    key = next(key for key in all_keys(quick=True) if key.startswith("small fit"))
    make_table(find_case(key)[0].table, tmp_path)
    sides = [
        Side(label, "working tree", ROOT, sys.executable, tmp_path / label)
        for label in ("base", "head")
    ]
    lockstep = Lockstep(*sides, tmp_path, Pace(0.05, 0.05, 0.05))
    assert lockstep.warm_up([key, "no such case | 1 thread"]) == [key]
    assert set(lockstep.errors["no such case | 1 thread"]) == {"base", "head"}
    assert list(lockstep([key])) == [key]
    assert lockstep.blocks[0][key].quads
    facts = lockstep.facts[key]
    assert facts["base"] == facts["head"]
    assert facts["base"]["backend"] == "numpy"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system lets none choose")
def test_both_sides_run_one_thread_on_the_same_processor(tmp_path):
    key = next(key for key in all_keys(quick=True) if key.startswith("small fit"))
    make_tables([key], tmp_path)
    side = Side("here", "working tree", ROOT, sys.executable, tmp_path / "cache")
    with side.start() as worker:
        free = worker.ask("gate_measure", do="versions")["processors"]
        worker.ask("gate_measure", do="prepare", key=key, tables=str(tmp_path))
        worker.ask("gate_measure", do="size", processor=free[-1])
        assert os.sched_getaffinity(worker.pid) == {free[-1]}
        worker.ask("gate_measure", do="prepare", key=key, tables=str(tmp_path))
        assert os.sched_getaffinity(worker.pid) == set(free)


FIT = """
import numpy as np
from fastlogreg import LogisticRegression
from fastlogreg.design import load_backend
module = load_backend({backend!r})
inner, calls = module.loss_gradient, []
def counting(*arguments):
    calls.append(1)
    return inner(*arguments)
module.loss_gradient = counting
X = np.random.default_rng(0).standard_normal((2_000, 4))
model = LogisticRegression(backend={backend!r}, solver="lbfgs").fit(X, X[:, 0] > 0.3)
print(model.objective_, len(calls), hasattr(inner, "__wrapped__"))
"""


@pytest.mark.parametrize(("what", "backend"), [("slowdown", "numba"), ("extra-pass", "numpy")])
def test_a_worse_copy_fits_the_same_and_does_more(what, backend, tmp_path):
    found = {}
    for package in (ROOT, worse_copy(ROOT, tmp_path / "worse", what)):
        done = subprocess.run(
            [sys.executable, "-c", FIT.format(backend=backend)],
            cwd=package,
            env={**os.environ, "PYTHONPATH": str(package)},
            capture_output=True,
            text=True,
            check=True,
        )
        found[package] = done.stdout.split()
    (before, calls, slow), (now, more, slower) = found.values()
    assert (now, slow, slower) == (before, "False", str(what == "slowdown"))
    assert int(more) - int(calls) == (what == "extra-pass")


def test_a_process_that_measures_another_package_says_so(tmp_path):
    (tmp_path / "fastlogreg").mkdir()
    side = Side("empty", "working tree", tmp_path, sys.executable, tmp_path / "cache")
    with side.start() as worker, pytest.raises(RuntimeError, match="a process of empty failed"):
        worker.ask("gate_measure", do="versions")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-revision", "HEAD"], "rev-parse"),
        (["HEAD", "HEAD", "--only", "zzz"], "no case has 'zzz' in its name"),
        (["missing.json"], "missing.json"),
    ],
)
def test_a_gate_that_cannot_run_exits_3(arguments, message, tmp_path, capsys):
    small = ["--only", "small fit", "--quick"] if "--only" not in arguments else []
    work = ["--work", str(tmp_path), "--shared-environment"]
    assert gate.main([*arguments, *small, *work]) == 3
    assert message in capsys.readouterr().err
