"""A Hessian that is dear serves for several steps, and is given up where it does not."""

from itertools import pairwise

import numpy as np
import pytest

from fastlogreg.solvers import SOLVERS
from tests.solvers.test_solvers import LogCosh


class Dear(LogCosh):
    """A number a row, so that a Hessian takes as long as several passes."""

    cells = LogCosh.n_rows

    def __init__(self, centre, error=1.0):
        super().__init__(np.eye(len(centre)), centre)
        self.n_hessians, self._error = 0, error

    def constant_model(self):
        return np.zeros_like(self.centre), float(np.log(np.cosh(self.centre)).sum())

    def hessian(self, coef):
        self.n_hessians += 1
        found = super().hessian(coef)
        found.matrix *= self._error if self.n_hessians == 1 else 1.0
        return found


def minimise(objective, **parameters):
    start = np.zeros_like(objective.centre)
    return SOLVERS["newton-cholesky"](objective, start, tol=1e-8, **{"max_iter": 60, **parameters})


@pytest.mark.parametrize("size", [0.3, 1.0, 3.0])
def test_the_minimum_is_found_and_no_step_rises(size):
    objective = Dear(np.linspace(-size, size, 9)[:, None])
    solution = minimise(objective)
    assert solution.status.is_optimum
    np.testing.assert_allclose(solution.coef, objective.centre, atol=1e-7)
    if size <= 1.0:  # beyond, there is hardly any curvature at the start
        assert objective.n_hessians < solution.iterations
    values = [step.objective for step in solution.history]
    noise = 4.0 * np.finfo(float).eps
    assert all(b <= a + noise * max(1.0, abs(a)) for a, b in pairwise(values))


@pytest.mark.parametrize("error", [1e-6, 1e6])
def test_a_hessian_that_misleads_is_soon_replaced(error):
    objective = Dear(np.linspace(-0.5, 0.5, 9)[:, None], error)
    solution = minimise(objective)
    assert solution.status.is_optimum
    assert objective.n_hessians >= 2
    assert solution.passes < 25


def test_one_hessian_is_enough_for_a_quadratic():
    class Flat(Dear):
        def value_gradient(self, coef):
            self.passes += 1
            x = coef - self.centre
            return 1.0 + 0.5 * float(np.vdot(x, x)), x

        def hessian(self, coef):
            self.n_hessians += 1
            return super(LogCosh, self).hessian(coef)

    objective = Flat(np.linspace(-1.0, 1.0, 9)[:, None])
    assert minimise(objective).status.is_optimum
    assert objective.n_hessians == 1


def test_a_run_begins_at_the_constant_model_unless_it_has_a_start():
    objective = Dear(np.linspace(-1.0, 1.0, 9)[:, None])
    objective.constant_model = lambda: (objective.centre.copy(), 0.0)
    assert minimise(objective).iterations == 0
    start = np.full_like(objective.centre, 0.1)
    run = SOLVERS["newton-cholesky"](objective, start, tol=1e-8, max_iter=0)
    np.testing.assert_array_equal(run.coef, start)
