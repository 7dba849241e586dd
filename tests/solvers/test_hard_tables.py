"""Sampled curvature on tables that a sample misleads on, against a slow, plain optimum."""

import itertools

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from bench.hard import HARD_TABLES
from bench.tables import make_problem
from fastlogreg import LogisticRegression
from tests import optimum

ROWS, COLUMNS = 12_000, 8
EPS = np.finfo(float).eps
SMOOTH = ("subsampled-newton", "newton-cholesky", "newton-cg")


def fitted(X, y, weights=None, *, C=1.0, solver="subsampled-newton", tol=1e-9, **parameters):
    model = LogisticRegression(C=C, solver=solver, tol=tol, max_iter=500, **parameters)
    return model.fit(X, y, weights)


def check(model, reference):
    best, _ = reference
    assert model.status_.is_optimum
    assert model.objective_ == pytest.approx(best, rel=1e-11, abs=1e-14)
    steps = model.history_
    for before, after in itertools.pairwise(steps):
        band = 4.0 * EPS * max(1.0, abs(before.objective))
        assert after.objective <= before.objective + band
        # A rise is rounding, and then the gradient tells that the step was worth it.
        assert after.objective <= before.objective or after.gradient_norm < before.gradient_norm


@pytest.fixture(scope="module")
def tables():
    """Return each hard table with its optimum, made once."""
    made = {}

    def get(name):
        if name not in made:
            X, y, weights, _ = HARD_TABLES[name](ROWS, COLUMNS, 0)
            solve = optimum.binary if y.max() == 1 else optimum.multinomial
            made[name] = X, y, weights, solve(X, y, weights=weights)
        return made[name]

    return get


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("name", [name for name in HARD_TABLES if name not in ("wide", "square")])
def test_the_optimum_of_a_hard_table_is_reached(tables, name, solver):
    X, y, weights, reference = tables(name)
    check(fitted(X, y, weights, solver=solver), reference)


@pytest.mark.parametrize("name", ["wide", "square"])
def test_as_many_columns_as_rows_and_more(name):
    X, y, weights, _ = HARD_TABLES[name](2_000, COLUMNS, 0)
    for solver in SMOOTH:
        check(fitted(X, y, weights, solver=solver), optimum.binary(X, y, weights=weights))


@pytest.mark.parametrize("C", [1e-8, 1e-3, 1e8, np.inf])
@pytest.mark.parametrize("solver", SMOOTH)
def test_any_strength_of_the_penalty(C, solver):
    X, y, _ = make_problem(ROWS, COLUMNS)
    check(fitted(X, y, C=C, solver=solver), optimum.binary(X, y, C=C))


def test_the_coefficients_are_those_of_the_optimum(tables):
    X, y, weights, (_, coef) = tables("uneven weights")
    model = fitted(X, y, weights, tol=1e-12)
    np.testing.assert_allclose(model.coef_[0], coef[:-1], rtol=1e-7)
    np.testing.assert_allclose(model.intercept_, coef[-1:], rtol=1e-7)


def test_a_seed_gives_the_same_bits_and_another_the_same_answer():
    X, y, _ = make_problem(ROWS, COLUMNS)
    first, again, other = (fitted(X, y, random_state=seed) for seed in (1, 1, 2))
    assert first.coef_.tobytes() == again.coef_.tobytes()
    assert first.history_[0].objective != other.history_[0].objective
    scale = X.std(axis=0)
    np.testing.assert_allclose(first.coef_ * scale, other.coef_ * scale, atol=1e-7)


def test_samples_are_counted_as_their_share_of_a_pass():
    X, y, _ = make_problem(ROWS, COLUMNS)
    model = fitted(X, y)
    whole, part = divmod(model.n_passes_, 1.0)
    assert whole == model.n_iter_[0] + 1
    assert 0.05 < part < 1.0
    assert "sampled rows" in model.history_[0].curvature


def test_a_sample_that_misses_what_columns_mark_gives_way_to_all_rows(tables):
    X, y, weights, _ = tables("rare columns")
    model = fitted(X, y, weights, C=np.inf)
    assert model.history_[-1].curvature == "all rows"
    check(model, optimum.binary(X, y, C=np.inf))


def test_float32_reaches_the_optimum_of_its_own_numbers():
    X, y, _ = make_problem(ROWS, COLUMNS, dtype=np.float32)
    model = fitted(X, y, tol=1e-8)
    check(model, optimum.binary(X.astype(np.float64), y))
    assert model.coef_.dtype == np.float32


@pytest.mark.parametrize("solver", ["newton-cholesky", "newton-cg"])
def test_a_column_whose_squares_underflow_is_told_of(solver):
    """No curvature shows along it, so that nobody can say that the optimum is reached."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((40, 2)) * np.array([1e107, 1e-198])
    y = (X[:, 1] * 1e198 + rng.standard_normal(40) > 0).astype(int)
    with pytest.warns(ConvergenceWarning, match="scale the columns"):
        model = LogisticRegression(C=np.inf, solver=solver).fit(X, y)
    assert not model.status_.is_optimum
