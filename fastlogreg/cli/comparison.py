"""One fit by this package and by scikit-learn, judged by the same yardstick."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression as Peer

from fastlogreg.cli.progress import Progress
from fastlogreg.cli.quality import Quality, judge
from fastlogreg.cli.training import fit
from fastlogreg.design import Shape
from fastlogreg.estimators.logistic_regression import LogisticRegression
from fastlogreg.planner import make_plan

__all__ = ["PEER_SOLVER", "Side", "fit_ours", "fit_peer", "largest_difference", "objective_of"]

PEER_SOLVER = "newton-cholesky"  # scikit-learn's fastest for many rows and few columns
_WARM_UP_ROWS = 2_000


@dataclass(frozen=True)
class Side:
    """One of the two fits.

    Parameters
    ----------
    model : estimator
        Fitted.
    seconds : float
        Its fit.
    objective : float
        What both minimise, by `objective_of`.
    held_out : Quality
        On the rows held out.
    warnings : list of str
        What the fit warned of.
    warm_up : float
        Seconds spent before on loading code, and on compiling kernels where they are new.
    """

    model: Any
    seconds: float
    objective: float
    held_out: Quality
    warnings: list[str]
    warm_up: float


def fit_ours(
    X: pd.DataFrame,
    y: np.ndarray,
    held_out: tuple[pd.DataFrame, np.ndarray],
    *,
    C: float,
    tol: float,
    progress: Progress,
) -> Side:
    """Fit this package's estimator; code and kernels are loaded before, and timed apart.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        The rows to fit to.
    y : ndarray of bool, shape (n_rows,)
        Their labels.
    held_out : tuple
        X and y to judge on.
    C, tol : float
        The estimators' parameters.
    progress : Progress
        Where to tell.
    """
    model = LogisticRegression(C=C, tol=tol)
    plan = make_plan(Shape(len(X), X.shape[1], X.size))
    few = _fortran(X.iloc[:_WARM_UP_ROWS])
    with progress.step("loading kernels"):
        warm_up = 0.0
        for solver in ("newton-cholesky", "lbfgs"):  # passes with and without a Hessian
            small = LogisticRegression(backend=plan.backend.value, solver=solver, max_iter=2)
            warm_up += _warm_up(small, few, y[:_WARM_UP_ROWS])
    with progress.step(f"fitting {X.shape[0]:,} x {X.shape[1]:,}"):
        seconds, warned = fit(model, X, y, None, progress)
    objective = objective_of(model, X.to_numpy(), y, C)
    return Side(model, seconds, objective, judge(model, *held_out), warned, warm_up)


def fit_peer(
    X: pd.DataFrame,
    y: np.ndarray,
    held_out: tuple[pd.DataFrame, np.ndarray],
    *,
    C: float,
    tol: float,
    progress: Progress,
) -> Side:
    """Fit scikit-learn's estimator; the parameters are those of `fit_ours`."""
    model = Peer(C=C, tol=tol, solver=PEER_SOLVER, max_iter=1000)
    # In the order that it works in, so that its time holds no copy.
    rows = pd.DataFrame(np.ascontiguousarray(X.to_numpy()), columns=X.columns, copy=False)
    small = Peer(C=C, solver=PEER_SOLVER, max_iter=2)
    warm_up = _warm_up(small, rows.iloc[:_WARM_UP_ROWS], y[:_WARM_UP_ROWS])
    with progress.step("fitting by scikit-learn"):
        seconds, warned = fit(model, rows, y, None, None)
    objective = objective_of(model, rows.to_numpy(), y, C)
    return Side(model, seconds, objective, judge(model, *held_out), warned, warm_up)


def objective_of(model: Any, X: np.ndarray, y: np.ndarray, C: float) -> float:
    """Return mean log-loss plus ``||w||^2 / (2 C n)``, the objective without weights.

    Parameters
    ----------
    model : estimator
        Fitted, with ``coef_`` and ``intercept_``.
    X : ndarray of shape (n_rows, n_columns)
        The rows it was fitted to.
    y : ndarray of bool, shape (n_rows,)
        Their labels.
    C : float
        Inverse strength of the penalty.
    """
    coef = model.coef_.ravel().astype(np.float64)
    odds = X @ coef + float(model.intercept_[0])
    loss = np.logaddexp(0.0, np.where(y, -odds, odds)).mean()
    return float(loss + coef @ coef / (2.0 * C * len(y)))


def largest_difference(one: Any, other: Any) -> float:
    """Return the largest difference between the coefficients of two fits, intercept included."""
    first, second = (np.append(model.coef_.ravel(), model.intercept_) for model in (one, other))
    return float(np.abs(first - second).max())


def _fortran(X: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in the order of the whole one, for which other kernels would be loaded."""
    return pd.DataFrame(np.asfortranarray(X.to_numpy()), columns=X.columns, copy=False)


def _warm_up(model: Any, X: pd.DataFrame, y: np.ndarray) -> float:
    """Fit a few rows, so that all code is loaded; return the seconds."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is not meant to converge
        model.fit(X, y)
        model.decision_function(X)
    return time.perf_counter() - began
