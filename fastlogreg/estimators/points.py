"""Checks of X and y where a point is a column: X of shape (dims, n_points)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from fastlogreg.errors import InvalidDataError
from fastlogreg.tables import check_finite, check_not_masked

__all__ = ["check_finite_points", "check_labels", "check_points", "magnitude"]


def check_points(X: Any) -> np.ndarray:
    """Return X as float32 or float64 (dims, n_points), without a copy where it is that.

    Raises
    ------
    InvalidDataError
        Not an array of numbers with two axes, or empty.
    """
    expected = "an array of numbers of shape (dims, n_points), a point a column"
    if issparse(X):
        raise InvalidDataError(
            f"X is a sparse {type(X).__name__}; expected {expected}. Pass X.toarray()."
        )
    points = _check_numbers("X", X, expected)
    if points.ndim != 2:
        raise InvalidDataError(
            f"X has shape {points.shape}; expected {expected}. Reshape your data: "
            "X.reshape(1, -1) for points of one dimension, X.reshape(-1, 1) for one point."
        )
    if points.size == 0:
        raise InvalidDataError(
            f"X is empty, of shape {points.shape}; expected {expected}, at least one of each."
        )
    if points.dtype not in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            points = points.astype(np.float64)
    return points


def check_labels(y: Any, points: np.ndarray) -> np.ndarray:
    """Return the class of each point, int8 (n_points,).

    Raises
    ------
    InvalidDataError
        Not one label a point, or a label other than 0 and 1.
    """
    labels = _check_numbers("y", y, "the label 0 or 1 of each point")
    n = points.shape[1]
    if labels.shape not in ((n,), (1, n)):
        advice = "Pass one label per point."
        if len(points) == labels.size:
            advice = "X is (dims, n_points), a point a column: did you mean X.T?"
        raise InvalidDataError(
            f"y has shape {labels.shape}, but X of shape {points.shape} holds {n} points; "
            f"expected y of shape ({n},) or (1, {n}). {advice}"
        )
    labels = labels.reshape(n)
    check_finite("y", labels, "drop the points without a label")
    positive = np.asarray(labels == 1)
    known = positive | (labels == 0)
    if not known.all():
        first = int(np.argmin(known))
        raise InvalidDataError(
            f"y holds {n - int(known.sum())} labels other than 0 and 1, the first "
            f"({labels[first]}) at point {first}; expected 0 and 1. Recode them, e.g. "
            "(y == positive).astype(int)."
        )
    return positive.view(np.int8)


def _check_numbers(name: str, value: Any, expected: str) -> np.ndarray:
    check_not_masked(name, value)
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InvalidDataError(
            f"{name} does not hold numbers ({error}); expected {expected}. "
            "Turn text and categories into numbers first."
        ) from None
    if array.dtype.kind not in "biuf":
        raise InvalidDataError(
            f"{name} has the type {array.dtype}; expected {expected}. "
            "Turn text and categories into numbers first."
        )
    return array


def check_finite_points(points: np.ndarray) -> None:
    """Raise `InvalidDataError` if X holds NaN or infinity."""
    check_finite("X[dimension, point]", points, "drop those points, or fill them")


def magnitude(points: np.ndarray) -> float:
    """Return the largest absolute value."""
    return max(abs(float(points.max())), abs(float(points.min())))
