"""Separable classes without a penalty: warned about with the columns, and never otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning

from fastlogreg import LogisticRegression, SeparationWarning
from tests.problems import SMOOTH, breast_cancer, correlated, several


def fit(X, y, weights=None, **parameters):
    """Return a model without a penalty and the warnings of its fit."""
    parameters = {"C": np.inf, "backend": "numpy", **parameters}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression(**parameters).fit(X, y, weights)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    return model, caught


def message_of(X, y, weights=None, **parameters):
    """Return the one warning of a fit to separable classes."""
    _, caught = fit(X, y, weights, **parameters)
    assert [one.category for one in caught] == [SeparationWarning]
    return str(caught[0].message)


def is_separable(X, y):
    """Return whether two classes are, by one linear programme over all rows."""
    rows = np.where(y == 1, 1.0, -1.0)[:, None] * np.c_[X, np.ones(len(X))]
    result = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1))
    return bool((rows @ result.x).max() > 1e-6)


def with_dummy(n, members, seed=0):
    """Return a mild problem with column 1 a dummy of some positive rows."""
    X, y, _ = correlated(n, 4, seed)
    X[:, 1] = 0.0
    X[np.flatnonzero(y == 1)[:members], 1] = 1.0
    return X, y


@pytest.mark.parametrize("seed", range(20))
def test_classes_that_overlap_never_warn(seed):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(100, 3_000)), int(rng.integers(1, 8))
    X, y, weights = correlated(n, d, seed)
    if seed % 4 == 1:  # rare positives
        y = (rng.random(n) < 0.03).astype(int)
        y[:2] = (0, 1)
    if seed % 4 == 2:  # a column that separates, but for one row of each class
        X[:, 0] = y
        X[int(np.argmax(y)), 0], X[int(np.argmin(y)), 0] = 0.0, 1.0
    if seed % 4 == 3:  # a narrow overlap
        X[:, 0] = y + rng.uniform(-0.505, 0.505, n)
        X[:2, 0] = (0.501, 0.499)
        y[:2] = (0, 1)
    assert not is_separable(X, y)
    for solver in ("auto", "lbfgs", "subsampled-newton"):
        _, caught = fit(X, y, weights, solver=solver, max_iter=3_000)
        assert caught == []


@pytest.mark.parametrize("solver", SMOOTH)
def test_a_column_that_tells_the_class_is_named(backend, solver):
    X, y, _ = correlated(400, 5, seed=1)
    X[:, 3] = y + np.random.default_rng(0).uniform(-0.4, 0.4, 400)
    message = message_of(X, y, solver=solver, backend=backend)
    assert "the classes are completely separable, by the column 3, and C is inf" in message
    assert "Set a finite C, or drop that column" in message


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("members", [1, 5, 100])
def test_a_dummy_whose_rows_are_all_of_one_class_is_named(solver, members):
    X, y = with_dummy(2_000, members)
    message = message_of(X, y, solver=solver)
    assert "the classes are separable, by the column 1, and" in message
    X[np.flatnonzero(y == 0)[0], 1] = 1.0
    _, caught = fit(X, y, solver=solver)
    assert all(one.category is ConvergenceWarning for one in caught)


def test_two_dummies_are_both_named_by_their_names():
    X, y = with_dummy(3_000, 40)
    X[:, 2] = 0.0
    X[np.flatnonzero(y == 0)[:9], 2] = 1.0
    frame = pd.DataFrame(X, columns=["age", "is member", "is staff", "visits"])
    message = message_of(frame, y)
    assert "columns 'is member', 'is staff'" in message
    assert "age" not in message


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-12])
def test_the_warning_does_not_depend_on_tol(tol):
    X, y = with_dummy(1_000, 30)
    assert "by the column 1," in message_of(X, y, tol=tol, max_iter=300)
    X, y, _ = correlated(1_000, 4)
    assert fit(X, y, tol=tol)[1] == []


def test_more_columns_than_rows_are_separable():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 50)), np.arange(20) % 2
    message = message_of(X, y)
    assert "completely separable" in message
    assert message.count(",") <= 14  # ten columns, not fifty
    wide = rng.standard_normal((40, 510))
    assert "completely separable" in message_of(wide, np.arange(40) % 2, solver="lbfgs")


def test_columns_that_separate_together_are_named():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((500, 4))
    message = message_of(X, X[:, 0] + X[:, 2] > 0)
    assert sorted(message.split("columns ")[1].split(", and")[0].split(", ")) == ["0", "2"]


def test_breast_cancer_is_separable():
    X, y = breast_cancer(scaled=True)
    assert is_separable(X, y)
    assert "completely separable" in message_of(X, y)


def test_one_class_of_three_that_is_apart_is_seen(backend):
    X, y, _ = several(600, 3, 3)
    X[:, 1] += 1e3 * (y == 2)
    assert "separable, by the column 1," in message_of(X, y, backend=backend)


def test_a_group_that_lacks_one_class_of_three_is_seen():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((600, 3)), rng.integers(0, 3, 600)
    X[:, 2] = 0.0
    assert fit(X, y)[1] == []
    X[np.flatnonzero(y != 1)[:150], 2] = 1.0
    assert "separable, by the column 2," in message_of(X, y)
    # Two groups, without classes 0 and 1: no class ever leads, and some fall behind for ever.
    X[:, 2] = np.where(y == 2, rng.integers(0, 2, 600), y)
    assert "separable, by the column 2," in message_of(X, y)


@pytest.mark.parametrize("n_classes", [3, 10])
def test_several_classes_that_overlap_never_warn(n_classes):
    for seed in range(4):
        X, y, weights = several(1_500, 4, n_classes, seed=seed, rare=0.2)
        y[:n_classes] = y[n_classes : 2 * n_classes]
        assert fit(X, y, weights)[1] == []


@pytest.mark.parametrize("n", [2, 4, 9])
def test_as_many_classes_as_rows(n):
    X = np.random.default_rng(n).standard_normal((n, 2))
    for y in (np.arange(n), np.minimum(np.arange(n), 2)):
        _, caught = fit(X, y)
        assert [one.category for one in caught] in ([SeparationWarning], [])


def test_rows_of_no_weight_play_no_part():
    X, y = with_dummy(800, 25)
    X[np.flatnonzero(y == 0)[0], 1] = 1.0
    weights = np.ones(800)
    assert fit(X, y, weights)[1] == []
    weights[np.flatnonzero(y == 0)[0]] = 0.0
    assert "by the column 1," in message_of(X, y, weights)


def test_without_an_intercept_the_border_runs_through_0():
    X = np.random.default_rng(0).uniform(1.0, 2.0, (200, 1))
    y = X[:, 0] > 1.5
    assert "completely separable" in message_of(X, y)
    assert fit(X, y, fit_intercept=False)[1] == []
    assert "completely separable" in message_of(X - 1.5, y, fit_intercept=False)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_types_of_x(backend, dtype):
    X, y = with_dummy(500, 25)
    X = np.asarray(X * 10, dtype=dtype)
    assert "by the column 1," in message_of(X, y, backend=backend)
    X[np.flatnonzero(y == 0)[0], 1] = 10
    assert fit(X, y, backend=backend)[1] == []


def test_a_penalty_is_an_end_and_no_warning(backend):
    X, y = with_dummy(500, 25)
    for C in (1.0, 1e3):
        model, caught = fit(X, y, C=C, backend=backend, tol=1e-9)
        assert caught == []
        assert model.status_.is_optimum


def test_the_reads_of_x_for_it_are_counted():
    X, y, _ = correlated(500, 3)
    model, _ = fit(X, y)
    assert model.n_passes_ == model.history_[-1].passes + 1.0


def test_the_warning_points_at_the_caller_and_a_fit_that_is_stopped_has_none():
    X, y = with_dummy(500, 25)
    _, caught = fit(X, y)
    assert caught[0].filename == __file__
    assert fit(X, y, callback=lambda step: step.iteration == 2)[1] == []
