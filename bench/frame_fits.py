"""Fits of a DataFrame with categories, ours and the peers', each from the frame itself.

A peer that takes numbers only is timed with its one-hot encoding.  All minimise the mean
log-loss plus ``||w||^2 / (2 n)`` with an unpenalised intercept.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.preprocessing import OneHotEncoder

from bench.fits import Fitted, fit_model
from fastlogreg import LogisticRegression
from fastlogreg.cli.peers import MAX_ITER, glum_model

__all__ = ["FRAME_FITS", "OURS", "FrameFit", "missing_fits"]

FrameFit = Callable[[pd.DataFrame, np.ndarray, float], Fitted]

OURS = "fastlogreg"
_GLUM = "glum"


def _ours(frame: pd.DataFrame, y: np.ndarray, tol: float) -> Fitted:
    return fit_model(LogisticRegression(tol=tol, max_iter=MAX_ITER), frame, y)


def _scikit_learn(solver: str, frame: pd.DataFrame, y: np.ndarray, tol: float) -> Fitted:
    categories = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    encoder = ColumnTransformer(
        [("levels", OneHotEncoder(dtype=np.float64), categories)],
        remainder="passthrough",
        sparse_threshold=1.0,
    )
    X = encoder.fit_transform(frame)
    return fit_model(SklearnLogisticRegression(solver=solver, tol=tol, max_iter=MAX_ITER), X, y)


def _glum(solver: str, frame: pd.DataFrame, y: np.ndarray, tol: float) -> Fitted:
    model = glum_model(solver, 1.0, tol, len(y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_model(model, frame, y)


FRAME_FITS: dict[str, FrameFit] = {
    OURS: _ours,
    **{
        f"one-hot + scikit-learn {solver}": partial(_scikit_learn, solver)
        for solver in ("newton-cg", "lbfgs", "newton-cholesky")
    },
    **{f"{_GLUM} {solver}, categories": partial(_glum, solver) for solver in ("irls-ls", "lbfgs")},
}


def missing_fits() -> list[str]:
    """Return the names of the fits whose package is not installed."""
    has_glum = importlib.util.find_spec(_GLUM) is not None
    return [name for name in FRAME_FITS if name.startswith(_GLUM) and not has_glum]
