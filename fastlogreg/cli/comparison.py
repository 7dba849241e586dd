"""One fit by this package and by scikit-learn, judged by the same yardstick."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.preprocessing import OneHotEncoder

from fastlogreg.cli.progress import Progress
from fastlogreg.cli.quality import Quality, judge
from fastlogreg.cli.training import fit
from fastlogreg.estimators.logistic_regression import LogisticRegression

__all__ = [
    "PEER_SOLVER",
    "OneHot",
    "Side",
    "fit_ours",
    "fit_peer",
    "largest_difference",
    "objective_of",
]

PEER_SOLVER = "newton-cg"  # scikit-learn's fastest for thousands of sparse columns
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
    before : float
        Seconds spent before: by ours on loading code, and on compiling kernels where they
        are new; by scikit-learn's on one-hot encoding.
    """

    model: Any
    seconds: float
    objective: float
    held_out: Quality
    warnings: list[str]
    before: float


class OneHot:
    """A table with a column for each level, for scikit-learn and for the judge.

    Parameters
    ----------
    table : Table
        Dictionaries of text, and after them numbers.
    """

    def __init__(self, table: pa.Table) -> None:
        self._levels = [n for n in table.column_names if pa.types.is_dictionary(table[n].type)]
        self._numbers = [n for n in table.column_names if n not in self._levels]
        # What is known beside the rows that are fitted has no column, as in ours.
        self._encoder = OneHotEncoder(handle_unknown="ignore").fit(self._text(table))

    def matrix(self, table: pa.Table) -> sparse.csr_array:
        """Return the rows of a table of these columns."""
        numbers = [sparse.csc_array(table[name].to_numpy()[:, None]) for name in self._numbers]
        levels = sparse.csr_array(self._encoder.transform(self._text(table)))
        return sparse.hstack([levels, *numbers], format="csr")

    def _text(self, table: pa.Table) -> np.ndarray:
        columns = [table[name].to_pandas().to_numpy(dtype=object) for name in self._levels]
        return np.stack(columns, axis=1)


def fit_ours(
    X: pa.Table,
    y: np.ndarray,
    held_out: tuple[pa.Table, np.ndarray],
    one_hot: OneHot,
    *,
    C: float,
    tol: float,
    progress: Progress,
) -> Side:
    """Fit this package's estimator; code and kernels are loaded before, and timed apart.

    Parameters
    ----------
    X : Table of n_rows rows
        The rows to fit to.
    y : ndarray of bool, shape (n_rows,)
        Their labels.
    held_out : tuple
        X and y to judge on.
    one_hot : OneHot
        What makes the matrix that the objective is judged by.
    C, tol : float
        The estimators' parameters.
    progress : Progress
        Where to tell.
    """
    model = LogisticRegression(C=C, tol=tol, handle_unknown="ignore")
    with progress.step("loading kernels"):
        # The whole fit: its last passes take other kernels than its first.
        before = _warm_up(LogisticRegression(C=C, tol=tol), X, y)
    with progress.step(f"fitting {X.num_rows:,} x {X.num_columns:,}"):
        seconds, warned = fit(model, X, y, None, progress)
    objective = objective_of(model, one_hot.matrix(X), y, C)
    return Side(model, seconds, objective, judge(model, *held_out), warned, before)


def fit_peer(
    X: pa.Table,
    y: np.ndarray,
    held_out: tuple[pa.Table, np.ndarray],
    *,
    C: float,
    tol: float,
    progress: Progress,
) -> Side:
    """Fit scikit-learn's estimator to the one-hot table; the parameters are as in `fit_ours`."""
    began = time.perf_counter()
    with progress.step("one-hot encoding"):
        one_hot = OneHot(X)
        matrix = one_hot.matrix(X)
    before = time.perf_counter() - began
    few = matrix[:_WARM_UP_ROWS], y[:_WARM_UP_ROWS]
    _warm_up(Peer(C=C, solver=PEER_SOLVER, max_iter=2), *few)
    model = Peer(C=C, tol=tol, solver=PEER_SOLVER, max_iter=1000)
    with progress.step("fitting by scikit-learn"):
        seconds, warned = fit(model, matrix, y, None, None)
    objective = objective_of(model, matrix, y, C)
    quality = judge(model, one_hot.matrix(held_out[0]), held_out[1])
    return Side(model, seconds, objective, quality, warned, before)


def objective_of(model: Any, X: sparse.csr_array, y: np.ndarray, C: float) -> float:
    """Return mean log-loss plus ``||w||^2 / (2 C n)``, the objective without weights.

    Parameters
    ----------
    model : estimator
        Fitted, with ``coef_`` and ``intercept_``.
    X : csr_array of shape (n_rows, n_coefficients)
        The rows it was fitted to, one-hot.
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


def _warm_up(model: Any, X: Any, y: np.ndarray) -> float:
    """Fit so that all code is loaded; return the seconds."""
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is not meant to converge
        model.fit(X, y)
        model.decision_function(X)
    return time.perf_counter() - began
