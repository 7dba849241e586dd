"""What a fitted model says of rows: decisions, classes and probabilities."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import log_expit
from sklearn.utils.validation import check_is_fitted

from fastlogreg.estimators.validation import check_table
from fastlogreg.planner import choose_backend, choose_threads

__all__ = ["LinearPrediction", "log_softmax"]


class LinearPrediction:
    """The methods of a model with ``coef_``, ``intercept_`` and ``classes_``."""

    coef_: np.ndarray
    intercept_: np.ndarray
    classes_: np.ndarray
    backend: str
    n_threads: int | None

    def decision_function(self, X: Any) -> np.ndarray:
        """Return ``x W + b`` for every row, float32 where X is, else float64.

        Of two classes it is the log-odds of the second, shape (n_samples,); of more it has
        a column a class, shape (n_samples, n_classes).

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
            The table, with the columns of the fit.

        Raises
        ------
        NotFittedError
            Before `fit`.
        InvalidDataError
            NaN or infinity in X, unknown or missing categories where they are an error.
        ValueError
            Other columns than at fit.
        """
        decision = self._predicted(X, "decision")
        return decision if decision.shape[1] > 1 else decision[:, 0]

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of every row, shape (n_samples,); see `decision_function`."""
        decision = self.decision_function(X)
        if decision.ndim == 1:
            return np.asarray(self.classes_[(decision > 0.0).astype(np.intp)])
        return np.asarray(self.classes_[decision.argmax(axis=1)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n_samples, n_classes).

        See `decision_function`.
        """
        return self._predicted(X, "probability")

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log of `predict_proba`, accurate where a probability is near 0 or 1."""
        decision = self.decision_function(X)
        if decision.ndim == 1:
            return np.stack([log_expit(-decision), log_expit(decision)], axis=1)
        return log_softmax(decision)

    def _predicted(self, X: Any, what: Literal["decision", "probability"]) -> np.ndarray:
        """Return what a design's method of that name does, from one read of X."""
        check_is_fitted(self, "coef_")
        with np.errstate(all="ignore"):  # what leaves float64 is told of as not finite
            table = check_table(self, X, reset=False)
            backend = choose_backend(table.shape, self.backend).value
            threads = choose_threads(self.n_threads, backend).value
            coef = np.concatenate([self.coef_.T, self.intercept_[None]]).astype(np.float64)
            design = table.design(backend, threads)
            if what == "decision":
                predicted, finite = design.decision(coef)
            else:
                predicted, finite = design.probability(coef, softmax=len(self.classes_) > 2)
            if not finite:
                raise table.explain_not_finite()
            return predicted


def log_softmax(decision: np.ndarray) -> np.ndarray:
    """Return the log of the softmax of each row; 1 - p of the largest is never formed."""
    every = np.arange(len(decision))
    largest = decision.argmax(axis=1)
    with np.errstate(over="ignore"):  # infinitely far behind
        behind = decision - decision[every, largest][:, None]
    others = np.exp(behind)
    others[every, largest] = 0.0
    return np.asarray(behind - np.log1p(others.sum(axis=1))[:, None])
