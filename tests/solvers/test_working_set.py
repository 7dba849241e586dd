"""L1 over sets of columns: the optimum of all, exact zeros, passes counted."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from fastlogreg import LogisticRegression
from fastlogreg.solvers import prox_newton, working_set
from tests import oracle
from tests.problems import correlated, several


@pytest.fixture
def sets(monkeypatch):
    """Let sets of a few columns be taken on small tables."""
    monkeypatch.setattr(prox_newton, "MOST_COEFFICIENTS", 0)
    monkeypatch.setattr(working_set, "_LEAST_COLUMNS", 3)


def wide(n=150, d=40, seed=0):
    X, y, weights = correlated(n, d, seed)
    return X / X.std(axis=0), y, weights


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_optimum_is_that_of_slow_coordinates(sets, l1_ratio, weighted):
    X, y, weights = wide(80, 12)
    weights = weights if weighted else None
    model = LogisticRegression(C=0.2, l1_ratio=l1_ratio, tol=1e-10).fit(X, y, weights)
    coef = oracle.coordinate_minimum(X, y, C=0.2, l1_ratio=l1_ratio, weights=weights)
    np.testing.assert_allclose(model.coef_[0], coef[:-1], rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(model.coef_[0] == 0.0, coef[:-1] == 0.0)
    assert "columns" in model.history_[-1].curvature


def test_a_path_from_nothing_is_that_of_one_hessian(monkeypatch):
    X, y, _ = wide(200, 30)
    largest = np.abs(X.T @ (y - y.mean())).max()
    for share in (1.0001, 0.5, 0.1, 0.01):
        parameters = {"C": 1.0 / (share * largest), "l1_ratio": 1.0, "tol": 1e-10}
        whole = LogisticRegression(**parameters).fit(X, y)
        with monkeypatch.context() as patch:
            patch.setattr(prox_newton, "MOST_COEFFICIENTS", 0)
            patch.setattr(working_set, "_LEAST_COLUMNS", 4)
            parts = LogisticRegression(**parameters).fit(X, y)
        assert parts.status_.is_optimum
        assert parts.coef_.any() == (share < 1.0)
        np.testing.assert_array_equal(parts.coef_ == 0.0, whole.coef_ == 0.0)
        np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-6, atol=1e-9)


def test_the_conditions_of_the_whole_problem_hold_for_several_classes(sets):
    X, y, _ = several(120, 15, 3)
    X = X / X.std(axis=0)
    model = LogisticRegression(C=0.1, l1_ratio=0.9, tol=1e-9).fit(X, y)
    coef = np.vstack([model.coef_.T, model.intercept_])
    value, slopes = oracle.penalised(X, y, coef, C=0.1, l1_ratio=0.9)
    assert np.abs(slopes).max() < 1e-8
    assert model.objective_ == pytest.approx(value, rel=1e-12)


def test_sparse_tables_give_the_same(sets):
    X, y, _ = wide(200, 30)
    X[np.abs(X) < 1.0] = 0.0
    parameters = {"C": 0.1, "l1_ratio": 1.0, "tol": 1e-10}
    dense = LogisticRegression(**parameters).fit(X, y)
    for kind in (sparse.csr_array, sparse.csc_array):
        model = LogisticRegression(**parameters).fit(kind(X), y)
        np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-7, atol=1e-10)


def test_thousands_of_columns_need_no_hessian_of_all():
    rng = np.random.default_rng(0)
    X = sparse.random_array((400, 30_000), density=0.01, rng=rng, format="csr")
    y = (X[:, :5].sum(axis=1) + 0.1 * rng.standard_normal(400) > 0.05).astype(int)
    model = LogisticRegression(C=5.0, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert model.status_.is_optimum
    assert 0 < np.count_nonzero(model.coef_) < 400
    objectives = [step.objective for step in model.history_]
    assert all(b <= a + 1e-14 for a, b in itertools.pairwise(objectives))
    assert model.history_[-1].passes == pytest.approx(model.n_passes_)
