"""Solvers reach known minima, say truly how they ended, and know nothing of storage."""

import numpy as np
import pytest

from fastlogreg.design import load_backend
from fastlogreg.hessian import ProximalHessian
from fastlogreg.solvers import SOLVERS, Status


class Quadratic:
    """1 + 0.5 (x - c)' A (x - c) with a known minimum: the least that a solver needs."""

    n_rows = 100_000
    cells = 1_100_000
    array = None

    def __init__(self, matrix, centre):
        self.matrix, self.centre, self.passes = matrix, centre, 0.0
        self.l1_strength = np.zeros((len(centre), 1))

    def largest_decision(self, coef):
        return float(np.abs(coef).max())

    def sample(self, fraction, draw=0, held=None):
        """Return the same kind of problem, off by a tenth."""
        rng = np.random.default_rng(draw)
        scale = 1.0 + 0.1 * rng.standard_normal(len(self.centre))
        moved = self.centre + 0.1 * rng.standard_normal(self.centre.shape)
        return type(self)(self.matrix * scale * scale[:, None], moved)

    def value_gradient(self, coef):
        self.passes += 1
        residual = self.matrix @ (coef - self.centre)
        return 1.0 + 0.5 * float(np.vdot(coef - self.centre, residual)), residual

    def value_gradient_hessian(self, coef):
        return *self.value_gradient(coef), self.hessian(coef)

    def hessian(self, coef):
        return curved(self.matrix)

    def hessian_diagonal(self, coef):
        return self.hessian(coef).matrix.diagonal()[:, None]

    def product_at(self, coef):
        matrix = self.hessian(coef).matrix

        def product(direction):
            self.passes += 1
            return matrix @ direction

        return product


class LogCosh(Quadratic):
    """sum log cosh(x - c): flat far away, so that a full Newton step overshoots."""

    def value_gradient(self, coef):
        self.passes += 1
        x = coef - self.centre
        return float((np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(2)).sum()), np.tanh(x)

    def hessian(self, coef):
        return curved(np.diag((1 - np.tanh(coef - self.centre) ** 2)[:, 0] + 1e-12))


def curved(matrix):
    """Return a second derivative that solvers may change."""
    return ProximalHessian(matrix.copy(), 1, load_backend("numpy"))


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS.keys())
def minimise(request):
    return request.param


def quadratic(condition=100.0, d=12):
    rng = np.random.default_rng(1)
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    matrix = basis @ np.diag(np.geomspace(1.0, condition, d)) @ basis.T
    return Quadratic((matrix + matrix.T) / 2, rng.standard_normal((d, 1)))


def test_the_minimum_of_a_quadratic_is_found(minimise):
    problem = quadratic()
    solution = minimise(problem, np.zeros((12, 1)), tol=1e-10, max_iter=500)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.coef, problem.centre, atol=1e-9)
    assert solution.gradient_norm <= 1e-10


def test_a_full_step_that_overshoots_is_cut(minimise):
    problem = LogCosh(np.eye(4), np.full((4, 1), 1.5))
    solution = minimise(problem, np.full((4, 1), 8.0), tol=1e-8, max_iter=200)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.coef, problem.centre, atol=1e-7)
    objectives = [step.objective for step in solution.history]
    assert (np.diff(objectives) <= 4 * np.finfo(float).eps * np.maximum(1, objectives[:-1])).all()


def test_history_has_the_start_and_every_iteration(minimise):
    problem = quadratic()
    solution = minimise(problem, np.zeros((12, 1)), tol=1e-10, max_iter=500)
    assert [step.iteration for step in solution.history] == list(range(solution.iterations + 1))
    assert 1.0 <= solution.history[0].passes <= 2.0  # Newton-CG takes a product before
    assert solution.history[-1].passes <= solution.passes == problem.passes
    assert solution.history[-1].objective == solution.objective
    assert solution.history[-1].gradient_norm == solution.gradient_norm
    seconds = [step.seconds for step in solution.history]
    assert seconds == sorted(seconds)


def test_newton_takes_a_pass_an_iteration_and_one():
    problem = LogCosh(np.eye(4), np.full((4, 1), 0.5))
    solution = SOLVERS["newton-cholesky"](problem, np.zeros((4, 1)), tol=1e-8, max_iter=50)
    assert solution.status is Status.CONVERGED
    assert solution.iterations > 1
    assert solution.passes == problem.passes == solution.iterations + 1


class Cliff(Quadratic):
    """sum exp(-x) + exp(-c) x: Newton steps from far below c are about 1, whatever is left."""

    def value_gradient(self, coef):
        self.passes += 1
        slope = np.exp(-self.centre)
        return float((np.exp(-coef) + slope * coef).sum()), slope - np.exp(-coef)

    def hessian(self, coef):
        self.hessians = getattr(self, "hessians", 0) + 1
        return curved(np.diag(np.exp(-coef)[:, 0]))


def test_newton_steps_that_fall_short_become_longer():
    problem = Cliff(np.eye(2), np.array([[9.0], [8.0]]))
    solution = SOLVERS["newton-cholesky"](problem, np.zeros((2, 1)), tol=1e-11, max_iter=50)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.coef, problem.centre, atol=1e-6)
    x, plain = np.zeros((2, 1)), 0
    while np.abs(problem.value_gradient(x)[1]).max() > 1e-11:
        x += 1.0 - np.exp(x - problem.centre)
        plain += 1
    assert solution.iterations <= plain - 3


def test_newton_takes_no_hessian_at_its_end():
    problem = Cliff(np.eye(2), np.array([[2.0], [1.5]]))
    solution = SOLVERS["newton-cholesky"](problem, np.zeros((2, 1)), tol=1e-6, max_iter=50)
    assert solution.status is Status.CONVERGED
    assert solution.passes - 2 <= problem.hessians <= solution.passes - 1


def test_the_start_is_not_changed(minimise):
    start = np.zeros((12, 1))
    minimise(quadratic(), start, tol=1e-10, max_iter=500)
    assert not start.any()


def test_a_start_at_the_minimum_takes_no_step(minimise):
    problem = quadratic()
    solution = minimise(problem, problem.centre.copy(), tol=1e-10, max_iter=500)
    assert solution.status is Status.CONVERGED
    assert solution.iterations == 0
    assert solution.passes <= 2.0


def test_a_small_gradient_alone_is_not_convergence(minimise):
    """Columns of scale 1e-7: the gradient at the start is below tol, the optimum is far."""
    scale = 1e-7
    problem = Quadratic(np.eye(3) * scale**2, np.full((3, 1), 1.0 / scale))
    solution = minimise(problem, np.zeros((3, 1)), tol=1e-6, max_iter=100)
    assert solution.history[0].gradient_norm <= 1e-6
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.coef, problem.centre, rtol=1e-2)


def test_a_start_near_the_minimum_is_confirmed_by_curvature(minimise):
    problem = quadratic()
    start = problem.centre + 1e-9
    solution = minimise(problem, start, tol=1e-6, max_iter=10)
    assert solution.status is Status.CONVERGED
    assert solution.iterations <= 1


def test_vanished_curvature_is_no_optimum(minimise):
    """Where the Hessian rounds to 0 but the gradient does not, the way is downhill."""

    class Saturated(LogCosh):
        def hessian(self, coef):
            return curved(np.diag((1 - np.tanh(coef - self.centre) ** 2)[:, 0]))

    problem = Saturated(np.eye(2), np.zeros((2, 1)))
    solution = minimise(problem, np.full((2, 1), 60.0), tol=1e-8, max_iter=200)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.coef, 0.0, atol=1e-7)


def test_max_iter_ends_a_run_where_it_is(minimise):
    solution = minimise(LogCosh(np.eye(4), np.zeros((4, 1))), np.full((4, 1), 8.0),
                        tol=1e-12, max_iter=2)  # fmt: skip
    assert solution.status is Status.MAX_ITER
    assert solution.iterations == 2
    assert not solution.status.is_optimum


def test_a_callback_sees_every_step_and_can_stop(minimise):
    seen = []

    def stop_at_two(step):
        seen.append(step)
        return step.iteration == 2

    solution = minimise(LogCosh(np.eye(4), np.zeros((4, 1))), np.full((4, 1), 8.0),
                        tol=1e-12, max_iter=100, callback=stop_at_two)  # fmt: skip
    assert solution.status is Status.STOPPED
    assert tuple(seen) == solution.history
    assert len(seen) == 3


def test_a_start_that_is_not_finite_is_said(minimise):
    class Broken(Quadratic):
        def value_gradient(self, coef):
            return np.nan, np.full_like(coef, np.nan)

    solution = minimise(Broken(np.eye(2), np.zeros((2, 1))), np.zeros((2, 1)),
                        tol=1e-6, max_iter=10)  # fmt: skip
    assert solution.status is Status.NOT_FINITE


def test_an_unreachable_tol_ends_at_rounding_and_says_so(minimise):
    problem = quadratic(condition=1e4)
    solution = minimise(problem, np.zeros((12, 1)), tol=1e-300, max_iter=20_000)
    assert solution.status is Status.PRECISION or solution.gradient_norm == 0.0
    assert solution.status.is_optimum
    assert solution.objective - 1.0 <= 1e-14  # some 10 ulp of F, which rounding moves


def test_an_objective_that_lies_about_its_gradient_is_not_called_an_optimum(minimise):
    class Uphill(Quadratic):
        def value_gradient(self, coef):
            value, gradient = super().value_gradient(coef)
            return value, -gradient

        def hessian(self, coef):
            return curved(np.eye(len(coef)))

    solution = minimise(Uphill(np.eye(2), np.ones((2, 1))), np.zeros((2, 1)),
                        tol=1e-6, max_iter=100)  # fmt: skip
    assert solution.status is Status.LINE_SEARCH
    assert not solution.status.is_optimum


def test_every_status_says_what_to_do_or_that_all_is_well():
    for status in Status:
        assert status.is_optimum or status is Status.STOPPED or "scale" in status.value
