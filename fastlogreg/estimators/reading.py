"""DataFrames, and arrays with categories, as tables for a fit or for the model of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from fastlogreg.errors import (
    InvalidDataError,
    InvalidParameterError,
    InvalidParameterTypeError,
)
from fastlogreg.tables import DenseTable, MixedTable, Table
from fastlogreg.tables.encoding import Encoding, Learning
from fastlogreg.tables.frames import (
    Column,
    array_columns,
    frame_block,
    is_frame,
    one_block,
    read_columns,
)
from fastlogreg.tables.levels import Policy

__all__ = ["read_mixed"]

# Below, one copy of all columns as float64 takes less than reading them one by one.
_FEW_CELLS = 4_000_000


def read_mixed(estimator: Any, X: Any, *, reset: bool) -> Table:
    """Return a table of columns.

    Parameters
    ----------
    estimator : LogisticRegression
        Has, or with *reset* gets, ``n_features_in_``, ``feature_names_in_`` and, where
        there are categories, their encoding.
    X : array-like or DataFrame
        The table.
    reset : bool
        Whether X defines the columns, or must have those of before.
    """
    state = vars(estimator)
    has_categories = "_encoding" in state and not reset
    by_type = estimator.categorical_features is None or isinstance(
        estimator.categorical_features, str
    )
    block = frame_block(X) if by_type and not has_categories else None
    if block is not None:
        state.pop("_encoding", None)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return DenseTable(block, getattr(estimator, "feature_names_in_", None))
    columns = _columns_of(estimator, X, reset=reset)
    n_rows = _n_rows(columns)
    names = [column.name for column in columns]
    policy = Policy(estimator.handle_unknown, estimator.handle_missing)
    if not reset:
        if has_categories:
            return MixedTable(state["_encoding"].encode(columns, policy), n_rows, names)
        return _table_of_numbers(estimator, columns, n_rows)
    state.pop("_encoding", None)
    is_category = _chosen(estimator.categorical_features, columns)
    if not any(is_category):
        return _table_of_numbers(estimator, columns, n_rows)
    how = Learning(
        policy,
        estimator.min_frequency,
        has_references=float(estimator.C) == np.inf,
        has_intercept=bool(estimator.fit_intercept),
    )
    state["_encoding"], encoded = Encoding.learn(columns, is_category, how)
    return MixedTable(encoded, n_rows, names)


def _columns_of(estimator: Any, X: Any, *, reset: bool) -> list[Column]:
    """Return the columns of X, of which names and number are as they must be."""
    if is_frame(X):
        columns, X = read_columns(X)
        shape = (_n_rows(columns) if columns else 0, len(columns))
        if 0 in shape:
            what = "sample" if columns else "feature"
            raise InvalidDataError(
                f"Found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required: "
                "expected at least one row and one column in X."
            )
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return columns
    if isinstance(X, list | tuple):  # NumPy would make text of numbers beside it
        X = np.asarray(X, dtype=object)
    array = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return array_columns(array)


def _n_rows(columns: Sequence[Column]) -> int:
    return len(columns[0].native)


def _table_of_numbers(estimator: Any, columns: Sequence[Column], n_rows: int) -> Table:
    """Return a table without categories: as one matrix where it is one, or is small."""
    _, arrays = Encoding.learn(columns, [False] * len(columns), Learning(Policy()))
    numbers = [array for array in arrays if isinstance(array, np.ndarray)]
    names = getattr(estimator, "feature_names_in_", None)
    matrix = one_block(numbers)
    if matrix is not None:
        return DenseTable(matrix, names)
    if n_rows * len(numbers) <= _FEW_CELLS:
        return DenseTable(np.stack(numbers, axis=1).astype(_common(numbers), copy=False), names)
    return MixedTable(numbers, n_rows, [column.name for column in columns])


def _common(numbers: Sequence[np.ndarray]) -> np.dtype[Any]:
    """Return float32 where all columns are, else float64."""
    single = all(column.dtype == np.float32 for column in numbers)
    return np.dtype(np.float32 if single else np.float64)


def _chosen(wanted: Any, columns: Sequence[Column]) -> list[bool]:
    """Return which columns are categories.

    Raises
    ------
    InvalidParameterError, InvalidParameterTypeError
        *wanted* names no columns of the table.
    """
    if wanted is None:
        return [False] * len(columns)
    if isinstance(wanted, str):
        return [column.kind == "category" for column in columns]
    names = [column.name for column in columns]
    chosen = np.asarray(wanted)
    if chosen.size == 0:
        return [False] * len(columns)
    if chosen.dtype.kind == "b":
        if chosen.shape != (len(columns),):
            raise InvalidParameterError(
                f"categorical_features is a mask of shape {chosen.shape}, but X has "
                f"{len(columns)} columns; expected one bool per column."
            )
        return [bool(each) for each in chosen]
    if chosen.dtype.kind in "iu" and chosen.ndim == 1:
        beyond = [int(j) for j in chosen if not 0 <= j < len(columns)]
        if beyond:
            raise InvalidParameterError(
                f"categorical_features holds {beyond[0]}, but X has {len(columns)} columns; "
                f"expected numbers of columns from 0 to {len(columns) - 1}."
            )
        members = set(chosen.tolist())
        return [j in members for j in range(len(columns))]
    if chosen.dtype.kind not in "UO" or chosen.ndim != 1:
        raise InvalidParameterTypeError(
            f"categorical_features is {wanted!r}; expected 'from_dtype', None, or names, numbers "
            "or a mask of columns."
        )
    unknown = [name for name in chosen.tolist() if name not in names]
    if unknown:
        has_names = not isinstance(names[0], int)
        raise InvalidParameterError(
            f"categorical_features names {unknown[0]!r}, which is no column of X; "
            + (f"its columns are {names[:8]!r}." if has_names else "X has no names of columns.")
        )
    members = set(chosen.tolist())
    return [name in members for name in names]
