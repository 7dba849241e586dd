"""What a model file holds of a `LogisticRegression`, and the estimator made of it again."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from fastlogreg.errors import ModelFileError
from fastlogreg.estimators.logistic_regression import LogisticRegression
from fastlogreg.persistence.encodings import read_encoding, write_encoding
from fastlogreg.persistence.values import decode, encode, take
from fastlogreg.planner import Choice, Plan
from fastlogreg.solvers import Status, Step

__all__ = ["read_logistic", "write_logistic"]

_ATTRIBUTES: dict[str, type] = {
    "classes_": np.ndarray,
    "coef_": np.ndarray,
    "intercept_": np.ndarray,
    "n_features_in_": int,
    "n_iter_": np.ndarray,
    "n_passes_": float,
    "objective_": float,
    "solver_": str,
    "backend_": str,
}


def write_logistic(model: LogisticRegression) -> dict[str, Any]:
    """Return a fitted estimator as JSON data."""
    parameters = model.get_params(deep=False)
    del parameters["callback"]
    attributes = {name: getattr(model, name) for name in _ATTRIBUTES}
    attributes["n_passes_"] = float(model.n_passes_)
    attributes["objective_"] = float(model.objective_)
    if hasattr(model, "feature_names_in_"):
        attributes["feature_names_in_"] = model.feature_names_in_
    choices = {field.name: getattr(model.plan_, field.name) for field in fields(model.plan_)}
    return {
        "parameters": {name: encode(name, value) for name, value in parameters.items()},
        "attributes": {name: encode(name, value) for name, value in attributes.items()},
        "encoding": write_encoding(vars(model).get("_encoding")),
        "status": model.status_.name,
        "plan": {name: [choice.value, choice.reason] for name, choice in choices.items()},
        "history": [
            [
                step.iteration,
                *(encode("history_", float(item)) for item in step[1:-1]),
                step.curvature,
            ]
            for step in model.history_
        ],
    }


def read_logistic(parts: dict[str, Any]) -> LogisticRegression:
    """Return the estimator; raise `ModelFileError` where its parts do not fit each other."""
    parameters = {k: decode(v) for k, v in take(parts, "parameters", dict).items()}
    unknown = set(parameters) - set(LogisticRegression().get_params())
    if unknown:
        raise ModelFileError(
            "the model has parameters that this fastlogreg does not know: "
            f"{', '.join(sorted(unknown))}. Upgrade fastlogreg."
        )
    model = LogisticRegression(**parameters)
    attributes = {k: decode(v) for k, v in take(parts, "attributes", dict).items()}
    for name, expected in _ATTRIBUTES.items():
        setattr(model, name, take(attributes, name, expected))
    if "feature_names_in_" in attributes:
        model.feature_names_in_ = take(attributes, "feature_names_in_", np.ndarray)
    encoding = read_encoding(parts.get("encoding"))
    if encoding is not None:
        model.__dict__["_encoding"] = encoding
    _check_shapes(model)
    status = take(parts, "status", str)
    try:
        model.status_ = Status[status]
        model.plan_ = Plan(**{k: Choice(*v) for k, v in take(parts, "plan", dict).items()})
        model.history_ = tuple(Step(*decode(row)) for row in take(parts, "history", list))
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"status, plan or history make no sense ({error!r}).") from None
    return model


def _check_shapes(model: LogisticRegression) -> None:
    d, n_classes = model.n_features_in_, model.classes_.size
    encoding = vars(model).get("_encoding")
    if encoding is not None and len(encoding.features) != d:
        raise ModelFileError(f"'encoding' has {len(encoding.features)} columns; expected {d}.")
    n_coefficients = d if encoding is None else encoding.n_coefficients
    k = n_classes if n_classes > 2 else 1
    found = {
        "classes_": (model.classes_.shape, (max(n_classes, 2),)),
        "coef_": (model.coef_.shape, (k, n_coefficients)),
        "intercept_": (model.intercept_.shape, (k,)),
    }
    if hasattr(model, "feature_names_in_"):
        found["feature_names_in_"] = (model.feature_names_in_.shape, (d,))
    for name, (shape, expected) in found.items():
        if shape != expected:
            raise ModelFileError(f"{name!r} has shape {shape}; expected {expected}.")
    for name in ("coef_", "intercept_"):
        if getattr(model, name).dtype.kind != "f":
            raise ModelFileError(
                f"{name!r} is of {getattr(model, name).dtype}; expected floating-point numbers."
            )
