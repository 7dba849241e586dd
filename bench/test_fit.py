"""Whole fits, validation included, with the objective that each reached."""

from functools import partial

import pytest

from bench.judge import judge
from bench.tables import head_of
from fastlogreg import LogisticRegression

SHAPES = ((200_000, 50), (500_000, 10))
ROUNDS = {"newton-cholesky": 5, "lbfgs": 3}
MAX_ITER = 1_000


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("solver", ["newton-cholesky", "lbfgs"])
def test_fit(benchmark, measure, table, shape, solver, backend):
    problem, reader = table(shape, "float64", "C")
    X, y, _ = problem
    head = head_of(problem)
    benchmark.group = f"fit, {solver}, {shape[0]} x {shape[1]}"

    def fit(X, y):
        return LogisticRegression(solver=solver, backend=backend, max_iter=MAX_ITER).fit(X, y)

    model = measure(
        partial(fit, X, y),
        reader,
        backend=backend,
        rounds=ROUNDS[solver],
        warm=partial(fit, head.X, head.y),
    )
    verdict = judge(X, y, model.coef_, model.intercept_[0])
    benchmark.extra_info.update(
        objective=verdict.objective,
        gradient_norm=verdict.gradient_norm,
        passes=model.n_passes_,
        iterations=int(model.n_iter_[0]),
        status=model.status_.name,
        solver=solver,
    )
    # A time counts only for a fit that got there.
    assert model.status_.is_optimum
    assert verdict.objective == pytest.approx(model.objective_, rel=1e-12)
