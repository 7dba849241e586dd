"""Models in files: JSON that is read back to the bit and executes nothing.

A file is one JSON object::

    format    "fastlogreg model"
    version   3; 2 had no categories, 1 two classes only, and no curvature in the history
    kind      what "model" describes: a name in the registry of kinds below
    model, sections
    sha256    of all the other members, as JSON with sorted keys and no spaces

The values are those of `fastlogreg.persistence.values`.  ``sections`` holds what others
keep beside a model, by name, as plain JSON; it is not interpreted here.

A second kind of model is a second `_Kind` in ``_KINDS``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from fastlogreg.errors import InvalidParameterTypeError, ModelFileError
from fastlogreg.estimators.logistic_regression import LogisticRegression
from fastlogreg.persistence.logistic import read_logistic, write_logistic
from fastlogreg.persistence.values import check_text, take
from fastlogreg.runtime.files import replacing

__all__ = ["ModelFile", "load", "load_file", "save"]

_FORMAT = "fastlogreg model"
_VERSION = 3
_VERSIONS = (1, 2, 3)


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
    text = json.dumps(body, indent=1) + "\n"
    try:
        check_text(body["model"], len(text))
    except ModelFileError as error:
        raise InvalidParameterTypeError(f"the model is not saved: {error}") from None
    with replacing(path) as beside:
        beside.write_text(text, encoding="ascii")


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
        check_text(body["model"], len(raw))
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
    kind = take(body, "kind", str)
    if kind not in _KINDS:
        raise ModelFileError(
            f"the model is of kind {kind!r}; expected "
            f"{' or '.join(map(repr, _KINDS))}. Upgrade fastlogreg."
        )
    take(body, "model", dict)
    take(body, "sections", dict)


@dataclass(frozen=True)
class _Kind:
    """How the models of one class are written and read."""

    name: str
    estimator: type
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[dict[str, Any]], Any]


_KINDS = {
    kind.name: kind
    for kind in [
        _Kind("LogisticRegression", LogisticRegression, write_logistic, read_logistic),
    ]
}
