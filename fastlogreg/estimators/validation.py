"""Checks of X, y and sample_weight, and what they become for the objective.

The finiteness of X is not checked here by a read of its own: the first pass over X shows
it, and the table then looks for where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from fastlogreg.design import DTYPES, class_totals
from fastlogreg.errors import (
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    InvalidParameterTypeError,
)
from fastlogreg.estimators.borrowed import borrowed_checks
from fastlogreg.tables import DenseTable, SparseTable, Table, check_finite, check_not_masked

__all__ = [
    "check_scale",
    "check_table",
    "check_weights",
    "class_weights_of",
    "explain_not_numeric",
]

_TABLE_TYPES = tuple(map(np.dtype, DTYPES))  # byte-swapped types are unequal to these
# Sum of the weights from which rounding to the smallest floats is nothing beside it.
_LEAST_WEIGHT = 1e-300


def check_table(estimator: Any, X: Any, *, reset: bool) -> Table:
    """Return X as a table, read where it lies as far as that can be.

    scikit-learn's `validate_data` checks X and its names.  It takes longer than a pass over
    a small table, so a plain array, of which it would change nothing and say nothing, goes
    past it.

    Parameters
    ----------
    estimator : object
        Has, or with *reset* gets, ``n_features_in_`` and ``feature_names_in_``.
    X : array-like or sparse matrix
        The table.
    reset : bool
        Whether X defines the columns, or must have those of before.

    Raises
    ------
    InvalidDataError, InvalidDataTypeError
        X is no table of numbers and categories, or has other columns than before.
    """
    check_not_masked("X", X)
    with borrowed_checks("X"):
        return _read_table(estimator, X, reset=reset)


def _read_table(estimator: Any, X: Any, *, reset: bool) -> Table:
    if _has_columns(estimator, X, reset=reset):
        from fastlogreg.estimators.reading import read_mixed

        return read_mixed(estimator, X, reset=reset)
    if getattr(getattr(X, "dtype", None), "kind", "") in ("M", "m"):
        raise InvalidDataTypeError(
            f"X is of {X.dtype}; expected numbers. Derive numbers from dates, such as the days "
            "since one of them, the month or the hour."
        )
    if reset:
        vars(estimator).pop("_encoding", None)
    if issparse(X):
        table = SparseTable(X)
        if not _takes_unnamed(estimator, X.shape[1], reset=reset):
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        return table
    if _is_plain_table(X) and _takes_unnamed(estimator, X.shape[1], reset=reset):
        return DenseTable(X)
    try:
        matrix = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=list(_TABLE_TYPES),
            ensure_all_finite=False,
        )
    except (TypeError, ValueError) as error:
        if "could not convert" in str(error) or hasattr(X, "columns"):
            raise explain_not_numeric(X, error) from None
        raise
    return DenseTable(np.asarray(matrix), getattr(estimator, "feature_names_in_", None))


def _has_columns(estimator: Any, X: Any, *, reset: bool) -> bool:
    """Return whether X is to be read by column: a frame, or an array with categories."""
    if type(X) is not np.ndarray and (
        any(hasattr(X, f"__arrow_c_{way}__") for way in ("stream", "array"))
        or hasattr(X, "__dataframe__")
        or hasattr(X, "iloc")
    ):
        return getattr(X, "ndim", 2) == 2
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        return True  # a query, which is told how to become a frame
    if not reset:
        return "_encoding" in vars(estimator)
    wanted = estimator.categorical_features
    return not (wanted is None or isinstance(wanted, str) or len(wanted) == 0)


def _is_plain_table(X: Any) -> bool:
    """Return whether X is a NumPy array, of no subclass, that needs no conversion."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype in _TABLE_TYPES and X.size > 0


def _takes_unnamed(estimator: Any, n_columns: int, *, reset: bool) -> bool:
    """Return whether so many columns without names are as they must be, or define them."""
    state = vars(estimator)
    if reset:
        state.pop("feature_names_in_", None)
        state["n_features_in_"] = n_columns
        return True
    return "feature_names_in_" not in state and state.get("n_features_in_") == n_columns


def explain_not_numeric(X: Any, error: TypeError | ValueError) -> TypeError | ValueError:
    """Return an error that names the columns of X that are not numbers, or *error* itself."""
    columns = getattr(X, "columns", None)
    table = np.asarray(X, dtype=object)
    if table.ndim != 2:
        return error
    names = list(columns) if columns is not None else list(range(table.shape[1]))
    bad = [name for j, name in enumerate(names) if not _is_numeric(table[:, j])]
    if not bad:
        return error
    shown = ", ".join(repr(name) for name in bad[:5]) + ", ..." * (len(bad) > 5)
    return InvalidDataError(
        f"X has {len(bad)} column{'s' * (len(bad) > 1)} that are not numbers: {shown} "
        f"({error}); expected numeric columns. Encode them, e.g. with "
        "sklearn.preprocessing.OneHotEncoder, or drop them."
    )


def _is_numeric(column: np.ndarray) -> bool:
    try:
        column.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def check_weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Return sample weights as float64 ``(n_rows,)``, or None for none.

    Raises
    ------
    InvalidDataError
        Weights of another shape, not numbers, not finite, negative, or all zero.
    """
    if sample_weight is None:
        return None
    check_not_masked("sample_weight", sample_weight)
    try:
        given = np.asarray(sample_weight)
        if given.dtype.kind in "cMmV":
            raise TypeError(f"their type is {given.dtype}")
        weights = given.astype(np.float64, copy=False)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise InvalidDataError(
            f"sample_weight does not hold numbers ({error}); expected one number per row."
        ) from None
    if weights.ndim == 0:
        weights = np.full(n_rows, weights)
    if weights.shape != (n_rows,):
        raise InvalidDataError(
            f"sample_weight has shape {weights.shape}, but X has {n_rows} rows; "
            f"expected shape ({n_rows},)."
        )
    check_finite("sample_weight", weights, "give those rows the weight 0, or drop them")
    if (weights < 0.0).any():
        first = int(np.argmax(weights < 0.0))
        raise InvalidDataError(
            f"sample_weight contains {int((weights < 0.0).sum())} negative values, the first "
            f"({weights[first]:g}) at {first}; expected weights of at least 0 "
            "(Negative values in data passed)."
        )
    if not weights.any():
        raise InvalidDataError(
            "sample_weight is zero for every row; expected a positive weight in each class."
        )
    return np.ascontiguousarray(weights)


def check_scale(total_weight: float, strength: float, C: float) -> None:
    """Raise if the weights' sum, or the penalty's strength ``1 / (C S)``, is no usable number.

    Raises
    ------
    InvalidDataError
        The weights sum to infinity in float64, or to 0 or so little that products with them
        lose their digits.
    InvalidParameterError
        The penalty's strength is infinite in float64.
    """
    if not (_LEAST_WEIGHT <= total_weight < np.inf):
        raise InvalidDataError(
            f"sample_weight times class_weight sums to {total_weight:g} in float64; expected a "
            f"finite sum of at least {_LEAST_WEIGHT:g}. Scale the weights: only their ratios and C "
            "times their sum matter."
        )
    if not np.isfinite(strength):
        raise InvalidParameterError(
            f"C is {C!r}, and 1 / (C * {total_weight:g}), with the sum of the weights, leaves the "
            "range of float64; expected a larger C, or larger weights."
        )


def class_weights_of(
    class_weight: Any, classes: np.ndarray, codes: np.ndarray, weights: np.ndarray | None
) -> np.ndarray:
    """Return the weight of each class, float64 ``(n_classes,)``.

    Raises
    ------
    InvalidDataError
        A class whose rows weigh nothing.
    InvalidParameterError, InvalidParameterTypeError
        *class_weight* is none of None, "balanced" and a dict of classes to weights.
    """
    totals = class_totals(codes, weights, len(classes))
    if not totals.all():
        empty = classes.tolist()[int(np.argmin(totals))]
        left = "one class only is left" if len(classes) == 2 else "nothing tells of it"
        raise InvalidDataError(
            f"all rows of class {empty!r} have sample_weight 0, so {left}; "
            "expected a positive weight in each class. Leave out the rows of that class."
        )
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise InvalidParameterError(
                f"class_weight is {class_weight!r}; expected None, 'balanced' or a dict."
            )
        return np.asarray(totals.sum() / (len(classes) * totals))
    if not isinstance(class_weight, dict):
        raise InvalidParameterTypeError(
            f"class_weight is of type {type(class_weight).__name__}; "
            "expected None, 'balanced' or a dict of classes to weights."
        )
    return _class_weights_from(class_weight, classes)


def _class_weights_from(class_weight: dict[Any, Any], classes: np.ndarray) -> np.ndarray:
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown and not all(label in class_weight for label in labels):
        raise InvalidParameterError(
            f"class_weight names {unknown!r}, which y does not hold; y holds {labels!r}."
        )
    try:
        found = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    except (TypeError, ValueError, ArithmeticError):
        found = np.array([np.nan])
    if not np.isfinite(found).all() or (found < 0.0).any() or not found.all():
        raise InvalidParameterError(
            f"class_weight is {class_weight!r}; expected positive, finite weights."
        )
    return found
