"""The objective against the oracle and against differences of itself."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.hessian import DenseHessian
from fastlogreg.objective import Objective
from tests import oracle
from tests.problems import correlated


def make(backend, *, C=1.0, fit_intercept=True, class_weights=(0.8, 1.7), n=60, d=4):
    X, y, weights = correlated(n, d, seed=3)
    codes = y.astype(np.int8)
    objective = Objective(
        DenseDesign(X, load_backend(backend), 1),
        Targets(codes, np.array(class_weights)),
        weights,
        C=C,
        fit_intercept=fit_intercept,
    )
    return objective, X, codes, weights


def point(objective, seed=0):
    return np.random.default_rng(seed).standard_normal(objective.shape) * 0.2


@pytest.mark.parametrize("C", [1e-3, 1.0, np.inf])
def test_value_is_the_formula(backend, C):
    objective, X, codes, weights = make(backend, C=C)
    coef = point(objective)
    value, _ = objective.value_gradient(coef)
    expected = oracle.objective(
        X, codes, coef[:-1, 0], float(coef[-1, 0]), C=C, weights=weights, class_weights=(0.8, 1.7)
    )
    assert value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("C", [0.05, np.inf])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_gradient_and_hessian_are_the_differences(backend, C, fit_intercept):
    objective, *_ = make(backend, C=C, fit_intercept=fit_intercept)
    coef = point(objective)
    if not fit_intercept:
        coef[-1] = 0.0
    _, gradient = objective.value_gradient(coef)
    free = len(coef) if fit_intercept else len(coef) - 1

    def value(free_coef):
        full = coef.copy()
        full[:free, 0] = free_coef
        return objective.value_gradient(full)[0]

    numeric = approx_fprime(coef[:free, 0], value, 1e-7)
    np.testing.assert_allclose(gradient[:free, 0], numeric, rtol=1e-5, atol=1e-6)
    assert fit_intercept or gradient[-1, 0] == 0.0
    # solve() undoes the change of the gradient along a small step
    direction = point(objective, seed=1)
    direction[free:] = 0.0
    step = 1e-5
    change = (
        objective.value_gradient(coef + step * direction)[1]
        - objective.value_gradient(coef - step * direction)[1]
    ) / (2 * step)
    np.testing.assert_allclose(
        objective.value_gradient_hessian(coef)[2].solve(change), direction, rtol=1e-5, atol=1e-7
    )


def test_the_intercept_is_not_penalised(backend):
    objective, *_ = make(backend, C=1e-12)
    coef = np.zeros(objective.shape)
    coef[-1] = 3.0
    without, *_ = make(backend, C=np.inf)
    assert objective.value_gradient(coef)[0] == without.value_gradient(coef)[0]


def test_every_evaluation_is_one_pass(backend):
    objective, *_ = make(backend)
    coef = point(objective)
    objective.value_gradient(coef)
    objective.value_gradient_hessian(coef)
    assert objective.passes == 2.0


def test_value_and_gradient_are_the_same_with_a_hessian(backend):
    objective, *_ = make(backend)
    coef = point(objective)
    value, gradient = objective.value_gradient(coef)
    again, gradient_again, _ = objective.value_gradient_hessian(coef)
    assert again == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(gradient_again, gradient, rtol=1e-13, atol=1e-16)


def test_a_singular_hessian_is_solved_along_the_directions_it_has():
    basis = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    matrix = basis.T @ basis
    gradient = matrix @ np.array([[0.3], [0.3], [-1.0]])
    solution = DenseHessian(matrix.copy()).solve(gradient)
    np.testing.assert_allclose(matrix @ solution, gradient, rtol=1e-6)
    assert np.abs(solution).max() < 10.0


def test_a_column_without_curvature_gets_no_step():
    matrix = np.diag([2.0, 0.0])
    solution = DenseHessian(matrix).solve(np.array([[4.0], [0.0]]))
    np.testing.assert_allclose(solution, [[2.0], [0.0]], rtol=1e-15)


def test_no_curvature_at_all_gives_no_step():
    for value in (0.0, 5e-324):
        solution = DenseHessian(np.full((3, 3), value)).solve(np.ones((3, 1)))
        np.testing.assert_array_equal(solution, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(1, 1), (0, 2)])
def test_a_matrix_that_is_not_finite_gives_a_step_that_is_not(bad, place):
    matrix = np.eye(3)
    matrix[place] = matrix[place[::-1]] = bad
    assert np.isnan(DenseHessian(matrix).solve(np.ones((3, 1)))).all()


def test_a_fixed_intercept_gets_no_step():
    solution = DenseHessian(np.diag([2.0, 4.0])).solve(np.ones((3, 1)))
    np.testing.assert_allclose(solution, [[0.5], [0.25], [0.0]], rtol=1e-15)


def test_columns_of_any_scale_lose_no_digits():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((40, 6))
    scale = 10.0 ** np.array([-9.0, -4.0, 0.0, 3.0, 7.0, 12.0])
    truth = rng.standard_normal((6, 1))
    gram = root.T @ root
    solution = DenseHessian(gram * scale * scale[:, None]).solve(scale[:, None] * (gram @ truth))
    np.testing.assert_allclose(solution * scale[:, None], truth, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
def test_the_largest_decision_is_that_of_all_rows_and_outputs(dtype):
    rng = np.random.default_rng(1)
    X = (rng.standard_normal((400, 40)) * 9).astype(dtype)
    coef = rng.standard_normal((41, 2))
    objective = Objective(
        DenseDesign(X, load_backend("numpy"), 1),
        Targets(rng.integers(0, 2, 400).astype(np.int8), np.ones(2), softmax=True),
        None,
        C=1.0,
        fit_intercept=True,
    )
    expected = np.abs(X.astype(float) @ coef[:-1] + coef[-1]).max()
    assert objective.largest_decision(coef) == pytest.approx(expected, rel=1e-12)
    assert objective.passes == 1
    coef[3] = np.nan
    assert np.isnan(objective.largest_decision(coef))
