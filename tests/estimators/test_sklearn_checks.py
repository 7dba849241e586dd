"""scikit-learn's own checks, with no expected failure.

Every solver is checked on NumPy, and on numba those that between them use every kernel.
"""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastlogreg import LogisticRegression
from fastlogreg.planner import BACKENDS
from fastlogreg.solvers import L1_SOLVERS, SOLVERS

FIRST_ORDER = ("gradient-descent", "lbfgs")  # need more iterations on columns as measured
ON_NUMBA = ("auto", "newton-cg", "newton-cholesky", "prox-newton")


@parametrize_with_checks(
    [
        LogisticRegression(
            l1_ratio=0.5 if solver in L1_SOLVERS else 0.0,
            max_iter=100 if solver not in FIRST_ORDER else 10_000,
            tol=1e-6 if solver != "gradient-descent" else 1e-3,
            solver=solver,
            backend=backend,
        )
        for solver in ("auto", *SOLVERS)
        for backend in ("auto", *BACKENDS)
        if solver == "auto" or backend == "numpy" or (backend == "numba" and solver in ON_NUMBA)
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
