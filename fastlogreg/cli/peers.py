"""How peers are told the objective: their estimators, of one C, tolerance and number of rows.

They minimise the mean log-loss plus the penalty divided by ``C n``, with an unpenalised
intercept.  Iterations are limited far above need, so that what ends a fit is its tolerance.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["MAX_ITER", "glum_model", "intelex_model"]

MAX_ITER = 10_000


def glum_model(solver: str, C: float, tol: float, n_rows: int, *, l1_ratio: float = 0.0) -> Any:
    """Return glum's estimator, which takes two classes."""
    # Its objective is half the mean deviance, which is the mean log-loss, plus alpha times
    # the penalty.
    return importlib.import_module("glum").GeneralizedLinearRegressor(
        family="binomial",
        alpha=1.0 / (C * n_rows),
        l1_ratio=l1_ratio,
        solver=solver,
        gradient_tol=tol,
        max_iter=MAX_ITER,
    )


def intelex_model(C: float, tol: float, n_rows: int, *, n_jobs: int | None = None) -> Any:
    """Return the estimator of scikit-learn-intelex."""
    # Imported by its own path: scikit-learn itself is not patched.
    module = importlib.import_module("sklearnex.linear_model")
    # Its tolerance bounds the gradient of the sum over the rows, not that of the mean.
    return module.LogisticRegression(C=C, tol=tol * n_rows, max_iter=MAX_ITER, n_jobs=n_jobs)
