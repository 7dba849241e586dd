"""scikit-learn's own checks, every solver on every backend, with no expected failure."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastlogreg import LogisticRegression
from fastlogreg.planner import BACKENDS
from fastlogreg.solvers import SOLVERS


@parametrize_with_checks(
    [
        LogisticRegression(solver=solver, backend=backend)
        for solver in ("auto", *SOLVERS)
        for backend in ("auto", *BACKENDS)
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
