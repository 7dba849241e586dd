"""Models in files: JSON that is read back to the bit and executes nothing.

A file is one JSON object::

    format    "fastlogreg model"
    version   2; 1 had two classes only, and no curvature in the history
    kind      what "model" describes: a name in the registry of kinds below
    model, sections
    sha256    of all the other members, as JSON with sorted keys and no spaces

Numbers are written as the shortest decimals that give the same bits back.  What JSON
lacks is an object with one member: ``$array`` (dtype, shape, values; numpy scalars are
arrays without a shape), ``$float`` (nan, inf, -inf) and ``$dict`` (pairs, because keys may
be numbers).  ``sections`` holds what others keep beside a model, by name, as plain JSON; it
is not interpreted here.

A second kind of model is a second `_Kind` in ``_KINDS``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastlogreg.errors import InvalidParameterTypeError, ModelFileError
from fastlogreg.estimators.logistic_regression import LogisticRegression
from fastlogreg.planner import Choice, Plan
from fastlogreg.runtime.files import replacing
from fastlogreg.solvers import Status, Step

__all__ = ["ModelFile", "load", "load_file", "save"]

_FORMAT = "fastlogreg model"
_VERSION = 2
_VERSIONS = (1, 2)
# The only types an array in a file may have: a name is never handed to numpy unseen.
_DTYPES = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|str\d{1,4}|object")

T = TypeVar("T")


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds.

    Parameters
    ----------
    model : LogisticRegression
        The fitted estimator.
    sections : dict
        What else was saved with it, by name.
    """

    model: Any
    sections: dict[str, Any]


def save(
    model: Any, path: str | os.PathLike[str], *, sections: Mapping[str, Any] | None = None
) -> None:
    """Write a fitted model to a file that `load` reads back to the bit.

    The file is written beside its place and renamed: whatever happens meanwhile, *path*
    holds either what it held before or the whole new model.

    Parameters
    ----------
    model : LogisticRegression
        A fitted estimator.  Its ``callback`` watches a fit and is no part of the model:
        it is left out, and None after `load`.
    path : str or path-like
        The file; an existing one is replaced.
    sections : mapping of str to plain JSON data, optional
        What to keep beside the model, by name; `load_file` returns it.

    Raises
    ------
    NotFittedError
        The model is not fitted.
    InvalidParameterTypeError
        The model is of another class, or a parameter or class label is of a type that a
        model file does not hold, such as a ``RandomState``.
    OSError
        The file cannot be written.
    """
    kind = next((kind for kind in _KINDS.values() if type(model) is kind.estimator), None)
    if kind is None:
        raise InvalidParameterTypeError(
            f"model is of type {type(model).__name__}; expected a fitted "
            f"{' or '.join(known.estimator.__name__ for known in _KINDS.values())}. "
            "Save the fitted estimator itself, not what wraps it."
        )
    check_is_fitted(model)
    body = {
        "format": _FORMAT,
        "version": _VERSION,
        "kind": kind.name,
        "model": kind.write(model),
        "sections": dict(sections or {}),
    }
    try:
        body["sha256"] = _digest(body)
    except (TypeError, ValueError) as error:
        raise InvalidParameterTypeError(
            f"sections holds what JSON cannot ({error}); expected dicts with string keys, "
            "lists, strings, finite numbers, booleans and None."
        ) from None
    with replacing(path) as beside:
        beside.write_text(json.dumps(body, indent=1) + "\n", encoding="ascii")


def load(path: str | os.PathLike[str]) -> Any:
    """Return the fitted model that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        A file written by `save`.

    Returns
    -------
    LogisticRegression
        The fitted estimator, its attributes the same to the bit.

    Raises
    ------
    ModelFileError
        The file is no model file, damaged, of a newer format or of an unknown kind.
    OSError
        The file cannot be read.
    """
    return load_file(path).model


def load_file(path: str | os.PathLike[str]) -> ModelFile:
    """Return the model and the sections that `save` wrote; see `load`."""
    raw = Path(path).read_bytes()
    try:
        body = _parse(raw)
        _check_body(body)
        kind = _KINDS[body["kind"]]
        return ModelFile(kind.read(body["model"]), body["sections"])
    except (ModelFileError, RecursionError) as error:
        raise ModelFileError(f"{os.fspath(path)!r}: {error}") from None


def _digest(body: Mapping[str, Any]) -> str:
    content = {name: value for name, value in body.items() if name != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _parse(raw: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except ValueError as error:
        raise ModelFileError(
            f"this is no JSON ({error}), so no model file, or one that was cut off; "
            "expected a file written by fastlogreg.save or 'fastlogreg train'."
        ) from None


def _check_body(body: Any) -> None:
    """Raise `ModelFileError` unless the file is whole and of a format and kind known here."""
    if not isinstance(body, dict) or body.get("format") != _FORMAT:
        raise ModelFileError(
            "this is JSON, but no fastlogreg model; expected a file written by "
            "fastlogreg.save or 'fastlogreg train'."
        )
    version = body.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise ModelFileError(
            f"format version {version} is newer than {_VERSION}, the newest that this "
            "fastlogreg reads. Upgrade fastlogreg."
        )
    try:
        is_whole = version in _VERSIONS and body.get("sha256") == _digest(body)
    except ValueError:  # a number beyond float64
        is_whole = False
    if not is_whole:
        raise ModelFileError(
            "the file is damaged: its content does not give the checksum that it holds. "
            "Restore it from a copy, or train again."
        )
    if body.get("kind") not in _KINDS:
        raise ModelFileError(
            f"the model is of kind {body.get('kind')!r}; expected "
            f"{' or '.join(map(repr, _KINDS))}. Upgrade fastlogreg."
        )
    _take(body, "model", dict)
    _take(body, "sections", dict)


def _take(parts: Mapping[str, Any], name: str, expected: type[T]) -> T:
    """Return a member of a file, or raise `ModelFileError`."""
    if name not in parts:
        raise ModelFileError(f"{name!r} is missing in the file. Train again.")
    value = parts[name]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise ModelFileError(
            f"{name!r} is of type {type(value).__name__}; expected {expected.__name__}."
        )
    return value


# Values: what JSON holds, and the four things it lacks.


def _encode(name: str, value: Any) -> Any:
    """Return *value* as JSON data; *name* is what an error calls it."""
    if isinstance(value, np.ndarray | np.generic):
        return {"$array": _encode_array(name, np.asarray(value))}
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if type(value) is list:
        return [_encode(name, item) for item in value]
    if type(value) is dict:
        return {"$dict": [[_encode(name, k), _encode(name, v)] for k, v in value.items()]}
    raise InvalidParameterTypeError(
        f"{name} holds {value!r} of type {type(value).__name__}; a model file holds None, "
        "booleans, numbers, strings, and lists, dicts and arrays of them. "
        "Replace it before saving."
    )


def _encode_array(name: str, array: np.ndarray) -> dict[str, Any]:
    if array.dtype.kind == "U":
        dtype = f"str{array.dtype.itemsize // np.dtype('U1').itemsize}"
    else:
        dtype = array.dtype.newbyteorder("=").name
    if not _DTYPES.fullmatch(dtype):
        raise InvalidParameterTypeError(
            f"{name} is an array of {array.dtype}; a model file holds arrays of booleans, "
            "integers, floats up to 64 bits and strings. Convert it before saving."
        )
    values = [_encode(name, item) for item in array.ravel().tolist()]
    return {"dtype": dtype, "shape": list(array.shape), "values": values}


def _decode(value: Any) -> Any:
    """Return what `_encode` was given."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        ((tag, content),) = value.items()
        return _DECODERS[tag](content)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"a value in the file makes no sense ({error!r}).") from None


def _decode_array(content: dict[str, Any]) -> Any:
    dtype = content["dtype"]
    if not _DTYPES.fullmatch(dtype):
        raise ValueError(f"dtype {dtype!r}")
    values = [_decode(item) for item in content["values"]]
    array = np.array(values, dtype=dtype.replace("str", "U"))
    return array.reshape(content["shape"])[()]


def _decode_float(content: str) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError(f"float {content!r}")
    return float(content)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$array": _decode_array,
    "$float": _decode_float,
    "$dict": lambda content: {_decode(k): _decode(v) for k, v in content},
}


# Kinds of models.


@dataclass(frozen=True)
class _Kind:
    """How the models of one class are written and read."""

    name: str
    estimator: type
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[dict[str, Any]], Any]


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


def _write_logistic(model: LogisticRegression) -> dict[str, Any]:
    parameters = model.get_params(deep=False)
    del parameters["callback"]
    attributes = {name: getattr(model, name) for name in _ATTRIBUTES}
    attributes["n_passes_"] = float(model.n_passes_)
    attributes["objective_"] = float(model.objective_)
    if hasattr(model, "feature_names_in_"):
        attributes["feature_names_in_"] = model.feature_names_in_
    choices = {field.name: getattr(model.plan_, field.name) for field in fields(model.plan_)}
    return {
        "parameters": {name: _encode(name, value) for name, value in parameters.items()},
        "attributes": {name: _encode(name, value) for name, value in attributes.items()},
        "status": model.status_.name,
        "plan": {name: [choice.value, choice.reason] for name, choice in choices.items()},
        "history": [
            [
                step.iteration,
                *(_encode("history_", float(item)) for item in step[1:-1]),
                step.curvature,
            ]
            for step in model.history_
        ],
    }


def _read_logistic(parts: dict[str, Any]) -> LogisticRegression:
    parameters = {k: _decode(v) for k, v in _take(parts, "parameters", dict).items()}
    unknown = set(parameters) - set(LogisticRegression().get_params())
    if unknown:
        raise ModelFileError(
            "the model has parameters that this fastlogreg does not know: "
            f"{', '.join(sorted(unknown))}. Upgrade fastlogreg."
        )
    model = LogisticRegression(**parameters)
    attributes = {k: _decode(v) for k, v in _take(parts, "attributes", dict).items()}
    for name, expected in _ATTRIBUTES.items():
        setattr(model, name, _take(attributes, name, expected))
    if "feature_names_in_" in attributes:
        model.feature_names_in_ = _take(attributes, "feature_names_in_", np.ndarray)
    _check_shapes(model)
    status = _take(parts, "status", str)
    try:
        model.status_ = Status[status]
        model.plan_ = Plan(**{k: Choice(*v) for k, v in _take(parts, "plan", dict).items()})
        model.history_ = tuple(Step(*_decode(row)) for row in _take(parts, "history", list))
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"status, plan or history make no sense ({error!r}).") from None
    return model


def _check_shapes(model: LogisticRegression) -> None:
    d, n_classes = model.n_features_in_, model.classes_.size
    k = n_classes if n_classes > 2 else 1
    found = {
        "classes_": (model.classes_.shape, (max(n_classes, 2),)),
        "coef_": (model.coef_.shape, (k, d)),
        "intercept_": (model.intercept_.shape, (k,)),
        "feature_names_in_": (getattr(model, "feature_names_in_", np.empty(d)).shape, (d,)),
    }
    for name, (shape, expected) in found.items():
        if shape != expected:
            raise ModelFileError(f"{name!r} has shape {shape}; expected {expected}.")
    for name in ("coef_", "intercept_"):
        if getattr(model, name).dtype.kind != "f":
            raise ModelFileError(
                f"{name!r} is of {getattr(model, name).dtype}; expected floating-point numbers."
            )


_KINDS = {
    kind.name: kind
    for kind in [
        _Kind("LogisticRegression", LogisticRegression, _write_logistic, _read_logistic),
    ]
}
