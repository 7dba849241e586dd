"""How good a fitted model is on some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score

__all__ = ["Quality", "judge"]


@dataclass(frozen=True)
class Quality:
    """Measures of a model on rows with known labels.

    Parameters
    ----------
    rows : int
        How many.
    log_loss : float
        Mean negative log-likelihood.
    roc_auc : float or None
        Area under the ROC curve; of several classes the mean of those of each class
        against the rest, over the classes there are.  None where the rows are of one.
    accuracy : float
        Share of right classes.
    """

    rows: int
    log_loss: float
    roc_auc: float | None
    accuracy: float


def judge(model: Any, X: Any, codes: np.ndarray, weights: np.ndarray | None = None) -> Quality:
    """Return the quality of a fitted classifier.

    Parameters
    ----------
    model : estimator
        Anything with ``decision_function``, of two classes log-odds of the second, of more
        a column each, the logs of the probabilities but for a number a row.
    X : table
        The rows.
    codes : ndarray of integers or bool, shape (n_rows,)
        The class of each, from 0.
    weights : ndarray of shape (n_rows,) or None
        Their weights, for all measures.
    """
    decision = np.asarray(model.decision_function(X), dtype=np.float64)
    if decision.ndim == 1:
        positive = np.asarray(codes == 1)
        losses = np.logaddexp(0.0, np.where(positive, -decision, decision))
        right = (decision > 0.0) == positive
        scores = [(positive, decision)]
    else:
        log_proba = decision - logsumexp(decision, axis=1, keepdims=True)
        losses = -np.take_along_axis(log_proba, codes[:, None], axis=1)[:, 0]
        right = decision.argmax(axis=1) == codes
        scores = [(codes == code, score) for code, score in enumerate(log_proba.T)]
    areas = [
        roc_auc_score(own, score, sample_weight=weights)
        for own, score in scores
        if own.any() and not own.all()
    ]
    return Quality(
        rows=len(decision),
        log_loss=float(np.average(losses, weights=weights)),
        roc_auc=float(np.mean(areas)) if areas else None,
        accuracy=float(np.average(right, weights=weights)),
    )
