"""Fits of one and the same objective, ours and the peers', as things to time.

All minimise the mean log-loss plus ``||w||^2 / (2 C n)`` with an unpenalised intercept,
ours the other objectives of `bench.judge` too.  Iterations are limited far above need, so
that what ends a fit is its ``tol``.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

from fastlogreg import LogisticRegression
from fastlogreg.cli.peers import MAX_ITER, glum_model

__all__ = [
    "Fit",
    "Fitted",
    "fit_model",
    "guarded",
    "missing_peers",
    "our_fits",
    "ours",
    "peer_fits",
    "scikit_learn",
]


@dataclass(frozen=True)
class Fitted:
    """What a fit ended with.

    Parameters
    ----------
    coef : ndarray of float64, shape (n_outputs, n_columns), or None
        None where the fit failed.
    intercept : ndarray of float64, shape (n_outputs,), or None
    iterations : int or None
    passes : float or None
        Counted reads of X; None where nobody counts.
    solver : str or None
        What our planner chose.
    outcome : str
        "converged", "not converged", or the error.
    """

    coef: np.ndarray | None
    intercept: np.ndarray | None = None
    iterations: int | None = None
    passes: float | None = None
    solver: str | None = None
    outcome: str = "converged"


@dataclass(frozen=True)
class Fit:
    """A named way to fit; calling it with X, y and perhaps weights does."""

    name: str
    run: Callable[..., Fitted] = field(repr=False)

    def __call__(self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> Fitted:
        """Fit."""
        return self.run(X, y, sample_weight)


def ours(
    backend: str, solver: str, *, tol: float = 1e-6, C: float = 1.0, l1_ratio: float = 0.0
) -> Fit:
    """Return a fit by fastlogreg."""

    def run(X: np.ndarray, y: np.ndarray, sample_weight: Any) -> Fitted:
        model = LogisticRegression(
            C=C, l1_ratio=l1_ratio, backend=backend, solver=solver, tol=tol, max_iter=MAX_ITER
        )
        return fit_model(model, X, y, sample_weight)

    return Fit(f"fastlogreg {solver}, {backend}", run)


def scikit_learn(solver: str, *, tol: float = 1e-4, C: float = 1.0) -> Fit:
    """Return a fit by scikit-learn; 1e-4 is its default tol."""

    def run(X: np.ndarray, y: np.ndarray, sample_weight: Any) -> Fitted:
        model = SklearnLogisticRegression(C=C, solver=solver, tol=tol, max_iter=MAX_ITER)
        return fit_model(model, X, y, sample_weight)

    return Fit(f"scikit-learn {solver}, tol {tol:.0e}", run)


def our_fits() -> list[Fit]:
    """Return the fits by fastlogreg that are compared."""
    return [
        ours("numba", "newton-cholesky"),
        ours("numba", "lbfgs"),
        ours("numpy", "newton-cholesky"),
    ]


def peer_fits() -> list[Fit]:
    """Return the fits by peers that are compared: those that are installed."""
    fits = [
        scikit_learn("lbfgs"),
        scikit_learn("lbfgs", tol=1e-8),
        scikit_learn("newton-cholesky"),
    ]
    return fits if missing_peers() else [*fits, _glum()]


def missing_peers() -> list[str]:
    """Return the names of the peers that are not installed."""
    return [name for name in ("glum",) if importlib.util.find_spec(name) is None]


def guarded(fit: Fit) -> Fit:
    """Return a fit whose failure is an outcome: one peer must not end a long comparison."""

    def run(X: np.ndarray, y: np.ndarray, sample_weight: Any) -> Fitted:
        try:
            return fit(X, y, sample_weight)
        except Exception as error:  # peers raise what they like
            return Fitted(None, outcome=f"{type(error).__name__}: {error}".splitlines()[0])

    return Fit(fit.name, run)


def fit_model(model: Any, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> Fitted:
    """Return what an estimator with scikit-learn's attributes ends with."""
    arguments = {} if sample_weight is None else {"sample_weight": sample_weight}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **arguments)
    unfinished = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return Fitted(
        coef=np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)),
        intercept=np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64)),
        iterations=int(np.max(model.n_iter_)) if hasattr(model, "n_iter_") else None,
        passes=getattr(model, "n_passes_", None),
        solver=getattr(model, "solver_", None),
        outcome="not converged" if unfinished else "converged",
    )


def _glum() -> Fit:
    def run(X: np.ndarray, y: np.ndarray, sample_weight: Any) -> Fitted:
        return fit_model(glum_model("irls-ls", 1.0, 1e-6, len(y)), X, y, sample_weight)

    return Fit("glum irls-ls, gradient_tol 1e-06", run)
