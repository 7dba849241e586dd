"""Choices follow shape and parameters only, and say why."""

import pytest

from fastlogreg import planner
from fastlogreg.design import Shape


def table(n_rows, n_columns):
    return Shape(n_rows, n_columns, n_rows * n_columns)


def test_a_small_table_goes_to_numpy_and_a_large_one_to_numba():
    small = planner.make_plan(table(500, 30))
    large = planner.make_plan(table(10_000_000, 30))
    assert small.backend.value == "numpy"
    assert "15,000 cells" in small.backend.reason
    assert large.backend.value == "numba"
    assert "300,000,000 cells" in large.backend.reason


def test_many_classes_go_to_numba_with_fewer_rows():
    one, twenty = (planner.make_plan(table(1_000, 40), n_outputs=k).backend for k in (1, 20))
    assert (one.value, twenty.value) == ("numpy", "numba")
    assert "40,000 cells for each of 400 pairs of classes, 16,000,000" in twenty.reason


@pytest.mark.parametrize(
    ("shape", "n_outputs", "has_l1", "solver"),
    [
        ((500, 30), 1, False, "newton-cholesky"),  # too small for samples
        ((1_000_000, 30), 1, False, "subsampled-newton"),
        ((1_000_000, 30), 8, False, "subsampled-newton"),
        ((1_000_000, 30), 200, False, "newton-cg"),  # no sample has rows enough
        ((20_000, 300), 1, False, "newton-cholesky"),
        ((20_000, 300), 10, False, "newton-cg"),
        ((500, 30_000), 1, False, "newton-cg"),
        ((500, 30), 1, True, "prox-newton"),
        ((1_000_000, 30), 3, True, "prox-newton"),
    ],
)
def test_the_solver_follows_the_shape_and_the_penalty(shape, n_outputs, has_l1, solver):
    chosen = planner.make_plan(table(*shape), n_outputs=n_outputs, has_l1=has_l1).solver
    assert chosen.value == solver
    assert chosen.reason


def test_a_sample_is_taken_for_its_rows_a_coefficient(monkeypatch):
    shape = (1_000_000, 30)
    assert "31 coefficients" in planner.make_plan(table(*shape)).solver.reason
    monkeypatch.setattr(planner, "SAMPLE_ROWS", 10_000)
    assert planner.make_plan(table(*shape)).solver.value == "newton-cholesky"
    monkeypatch.setattr(planner, "NEWTON_UP_TO_COLUMNS", 30)
    assert planner.make_plan(table(*shape)).solver.value == "newton-cg"


@pytest.mark.parametrize("n_rows", [100, 10_000_000])
def test_what_was_asked_for_is_taken(n_rows):
    plan = planner.make_plan(table(n_rows, 10), backend="numba", n_threads=3, solver="lbfgs")
    assert (plan.backend.value, plan.n_threads.value, plan.solver.value) == ("numba", 3, "lbfgs")
    assert str(plan).count("was asked for") == 3


def test_a_plan_prints_a_line_a_choice_with_its_reason():
    lines = str(planner.make_plan(table(10_000_000, 10))).splitlines()
    assert [line.split(":")[0] for line in lines] == ["backend", "threads", "solver"]
    assert all("(" in line for line in lines)


def test_arithmetic_does_not_depend_on_the_machine(monkeypatch):
    plans = []
    for cores in (1, 64):
        monkeypatch.setattr(planner, "available_threads", lambda cores=cores: (cores, "test"))
        plans.append(planner.make_plan(table(1_000_000, 100)))
    assert plans[0].backend == plans[1].backend
    assert plans[0].solver == plans[1].solver
    assert [plan.n_threads.value for plan in plans] == [1, 64]
