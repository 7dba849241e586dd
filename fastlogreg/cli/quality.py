"""How good a fitted model is on some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
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
        Area under the ROC curve; None where the rows are of one class.
    accuracy : float
        Share of right classes.
    """

    rows: int
    log_loss: float
    roc_auc: float | None
    accuracy: float


def judge(model: Any, X: Any, positive: np.ndarray, weights: np.ndarray | None = None) -> Quality:
    """Return the quality of a fitted binary classifier.

    Parameters
    ----------
    model : estimator
        Anything with ``decision_function``, log-odds of the second class.
    X : table
        The rows.
    positive : ndarray of bool, shape (n_rows,)
        Which are of the second class.
    weights : ndarray of shape (n_rows,) or None
        Their weights, for all measures.
    """
    odds = np.asarray(model.decision_function(X), dtype=np.float64)
    margin = np.where(positive, odds, -odds)
    one_class = positive.all() or not positive.any()
    return Quality(
        rows=len(odds),
        log_loss=float(np.average(np.logaddexp(0.0, -margin), weights=weights)),
        roc_auc=None if one_class else float(roc_auc_score(positive, odds, sample_weight=weights)),
        accuracy=float(np.average((odds > 0.0) == positive, weights=weights)),
    )
