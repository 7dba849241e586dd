"""Columns that few rows mark, and samples that hold those rows."""

import numpy as np
import pytest

from bench.hard import HARD_TABLES
from fastlogreg import LogisticRegression
from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.objective import Objective
from fastlogreg.solvers.marks import find_rare_marks
from tests.problems import correlated


def objective(X, y):
    targets = Targets(y.astype(np.int8), np.ones(2))
    design = DenseDesign(X, load_backend("numpy"), 1)
    return Objective(design, targets, None, C=1.0, fit_intercept=True)


def marked(n, every, seed=0, usual=0.0):
    """Return a table of numbers whose third column has another value in every so many rows."""
    X, y, _ = correlated(n, 4, seed)
    rows = np.arange(5, n, every)
    X[:, 2] = usual
    X[rows, 2] = 1.0
    return X, y, rows


@pytest.mark.parametrize("usual", [0.0, -7.5])
def test_the_rows_that_mark_a_column_are_all_found(usual):
    X, y, rows = marked(20_000, 1_000, usual=usual)
    F = objective(X, y)
    marks = find_rare_marks(F, F.sample(0.05))
    np.testing.assert_array_equal(marks.columns, [2])
    np.testing.assert_array_equal(marks.rows, rows)
    assert F.passes == pytest.approx(1.05, abs=0.01)


@pytest.mark.parametrize("every", [5, 20_000 - 5])
def test_marks_that_the_sample_holds_enough_of_take_no_read(every):
    X, y, _ = marked(20_000, 10)
    X[:, 2] = np.arange(20_000) % every % 2
    F = objective(X, y)
    assert find_rare_marks(F, F.sample(0.05)) is None
    assert F.passes == pytest.approx(0.05, abs=0.01)


def test_a_constant_column_has_no_marks():
    X, y, _ = marked(20_000, 10)
    X[:, 2] = 3.7
    F = objective(X, y)
    assert find_rare_marks(F, F.sample(0.05)) is None


def test_a_sample_that_holds_the_marks_takes_about_as_many_passes_as_newton():
    """On the table of the benchmarks: two passes more at the most."""
    X, y, _, _ = HARD_TABLES["rare columns"](100_000, 20, 0)
    fits = [
        LogisticRegression(solver=solver, backend="numpy", tol=1e-6).fit(X, y)
        for solver in ("subsampled-newton", "newton-cholesky")
    ]
    sampled, full = fits
    assert all("sampled rows" in step.curvature for step in sampled.history_)
    assert sampled.n_passes_ <= full.n_passes_ + 2.0
    assert sampled.objective_ == pytest.approx(full.objective_, rel=1e-9)
