"""A fitted model as a fitted model of scikit-learn.

The numbers of a model without categories are those of a ``LogisticRegression`` as they are.
Categories become columns of zeros and ones again: adjacent numbers pass, and each category
has a ``OneHotEncoder``, so that the coefficients keep their order.

The encoders are fitted, to a table made for it in which each level has as many rows as its
being frequent or infrequent asks for; nothing private of scikit-learn is set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression as Classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_is_fitted

from fastlogreg.errors import ConversionError
from fastlogreg.tables.encoding import Encoding, Feature
from fastlogreg.tables.factors import Factor
from fastlogreg.tables.levels import Levels, Policy

if TYPE_CHECKING:
    from fastlogreg.estimators.logistic_regression import LogisticRegression

__all__ = ["convert"]

_UNKNOWN = {"error": "error", "ignore": "ignore", "infrequent": "infrequent_if_exist"}


def convert(model: LogisticRegression) -> Classifier | Pipeline:
    """Return a fitted estimator of scikit-learn with the same probabilities.

    Raises
    ------
    NotFittedError
        The model is not fitted.
    ConversionError
        A category whose values are neither all text nor all numbers.
    ImportError
        pandas is not installed, and there are categories in named columns.
    """
    check_is_fitted(model, "coef_")
    encoding: Encoding | None = vars(model).get("_encoding")
    if encoding is None:
        classifier = _classifier(model, model.coef_.copy())
        if hasattr(model, "feature_names_in_"):
            classifier.feature_names_in_ = model.feature_names_in_.copy()
        return classifier
    policy = Policy(model.handle_unknown, model.handle_missing)
    columns = [
        None if feature.levels is None else _expressed(feature, feature.levels, policy)
        for feature in encoding.features
    ]
    names = getattr(model, "feature_names_in_", None)
    transformer = _transformer(columns, names, model)
    return Pipeline(
        [("columns", transformer), ("classifier", _classifier(model, _spread(model, columns)))]
    )


def _classifier(model: LogisticRegression, coef: np.ndarray) -> Classifier:
    """Return a fitted classifier; of its parameters, those that mean the same are ours."""
    has_l1 = bool(model.l1_ratio > 0.0 and np.isfinite(model.C))
    classifier = Classifier(
        C=float(model.C),
        l1_ratio=float(model.l1_ratio) if has_l1 else 0.0,
        fit_intercept=bool(model.fit_intercept),
        class_weight=model.class_weight,
        max_iter=int(model.max_iter),
        solver="saga" if has_l1 else "lbfgs",
        random_state=model.random_state,
    )
    classifier.classes_ = model.classes_.copy()
    classifier.coef_ = coef
    classifier.intercept_ = model.intercept_.copy()
    classifier.n_features_in_ = coef.shape[1]
    classifier.n_iter_ = model.n_iter_.copy()
    return classifier


@dataclass(frozen=True)
class _Column:
    """A category as an encoder takes it.

    Parameters
    ----------
    categories : ndarray
        Of the encoder: the values in order, then missing ones.
    is_infrequent : ndarray of bool
        Which of them share a column.
    places : ndarray of int
        For each column of the encoder, which of the feature's coefficients it has; -1 for 0.
    n_coefficients : int
        Those of the feature.
    """

    categories: np.ndarray
    is_infrequent: np.ndarray
    places: np.ndarray
    n_coefficients: int

    @property
    def n_rows(self) -> int:
        """Rows that a table needs to show what is infrequent."""
        return int(np.where(self.is_infrequent, 1, 2).sum())

    def filled(self, n_rows: int) -> np.ndarray:
        """Return rows in which frequent categories occur twice or more, the others once.

        Where none is frequent, they occur at most *n_rows* times.
        """
        counts = np.where(self.is_infrequent, 1, 2)
        counts[np.argmin(self.is_infrequent)] += n_rows - self.n_rows
        return self.categories.repeat(counts)

    def threshold(self, n_rows: int) -> int:
        """Return the ``min_frequency`` that tells them apart in `filled`."""
        return n_rows + 1 if self.is_infrequent.all() else 2


def _expressed(feature: Feature, levels: Levels, policy: Policy) -> _Column:
    """Return the levels of a category in the terms of an encoder.

    Raises
    ------
    ConversionError
        The values are neither all text nor all numbers.
    """
    known = [*levels.values, *levels.infrequent]
    is_text = bool(known) and all(isinstance(value, str) for value in known)
    if not is_text:
        _check_numbers(feature.name, known)
    values: list[Any] = sorted(known)
    # An ignored missing value has a column without a coefficient, for an encoder that would
    # otherwise take it for an unknown one.
    is_ignored = policy.missing == "ignore" and policy.unknown != "ignore"
    if is_ignored or (policy.missing == "category" and levels.has_missing):
        values += [None, math.nan] if is_text else [math.nan]
    infrequent = set(levels.infrequent)
    is_infrequent = np.array([value in infrequent for value in values])
    outputs = [value for value in values if value not in infrequent]
    outputs += levels.infrequent[:1]
    places = levels.encode(Factor(np.arange(len(outputs)), outputs), feature.name, policy).codes
    categories = np.array(values, dtype=object if is_text else None)
    return _Column(categories, is_infrequent, np.asarray(places), len(levels.labels))


def _check_numbers(name: str, values: list[Any]) -> None:
    """Raise unless values are numbers that an array holds as they are, and finite."""
    if all(isinstance(value, bool | int | float) for value in values):
        array = np.array(values)
        if array.dtype.kind in "biuf" and array.tolist() == values and np.isfinite(array).all():
            return
    types = ", ".join(sorted({type(value).__name__ for value in values}))
    raise ConversionError(
        f"column {name!r} has categories ({types}) that scikit-learn's OneHotEncoder cannot hold; "
        "expected all of them to be text, or all finite numbers of up to 64 bits. Convert the "
        "column, e.g. with X.astype({name: str}) in pandas, and fit again."
    )


def _transformer(
    columns: list[_Column | None], names: np.ndarray | None, model: LogisticRegression
) -> ColumnTransformer:
    """Return a fitted transformer into the columns of the coefficients."""
    n_rows = max(column.n_rows for column in columns if column is not None)
    steps: list[tuple[str, Any, list[Any]]] = []
    for j, column in enumerate(columns):
        selected = j if names is None else str(names[j])
        if column is not None:
            encoder = OneHotEncoder(
                categories=[column.categories],
                handle_unknown=_UNKNOWN[model.handle_unknown],
                min_frequency=column.threshold(n_rows),
            )
            steps.append((f"category_{j}", encoder, [selected]))
        elif steps and steps[-1][1] == "passthrough":
            steps[-1][2].append(selected)
        else:
            steps.append((f"numbers_{j}", "passthrough", [selected]))
    transformer = ColumnTransformer(steps, verbose_feature_names_out=False)
    with config_context(transform_output="default"):
        transformer.fit(_table(columns, names, n_rows))
    for _, step, _ in [*transformer.transformers, *transformer.transformers_]:
        if isinstance(step, OneHotEncoder):
            step.set_params(min_frequency=model.min_frequency)
    return transformer


def _table(columns: list[_Column | None], names: np.ndarray | None, n_rows: int) -> Any:
    """Return a table that shows the encoders what there is, and what of it is infrequent.

    Raises
    ------
    ImportError
        pandas is not installed, and the columns have names.
    """
    parts = [np.zeros(n_rows) if c is None else c.filled(n_rows) for c in columns]
    if names is None:
        dtype = np.result_type(*(c.categories for c in columns if c is not None))
        return np.stack([part.astype(dtype) for part in parts], axis=1)
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            "to_sklearn() of a model with categories in named columns fits scikit-learn's "
            "ColumnTransformer to a pandas DataFrame, and pandas is not installed: "
            "pip install pandas"
        ) from None
    pairs = zip(names, parts, strict=True)
    return pd.DataFrame({str(name): pd.Series(part, dtype=part.dtype) for name, part in pairs})


def _spread(model: LogisticRegression, columns: list[_Column | None]) -> np.ndarray:
    """Return the coefficients of the encoders' columns, 0 of those that have none here."""
    places = []
    start = 0
    for column in columns:
        if column is None:
            places.append(np.array([start]))
            start += 1
        else:
            places.append(np.where(column.places < 0, -1, start + column.places.astype(np.intp)))
            start += column.n_coefficients
    chosen = np.concatenate(places)
    return np.where(chosen < 0, model.coef_.dtype.type(0.0), model.coef_[:, chosen])
