"""The categories of a model as JSON data."""

from __future__ import annotations

from typing import Any

from fastlogreg.errors import ModelFileError
from fastlogreg.persistence.values import decode, encode, take
from fastlogreg.tables.encoding import Encoding, Feature
from fastlogreg.tables.levels import Levels

__all__ = ["read_encoding", "write_encoding"]


def write_encoding(encoding: Encoding | None) -> list[dict[str, Any]] | None:
    """Return a feature per column of the table, None for a model without categories.

    Raises
    ------
    InvalidParameterTypeError
        A level that is neither text, number nor boolean.
    """
    if encoding is None:
        return None
    return [
        {"name": feature.name, "levels": _write_levels(feature)} for feature in encoding.features
    ]


def read_encoding(features: Any) -> Encoding | None:
    """Return the encoding that `write_encoding` was given.

    Raises
    ------
    ModelFileError
        The data make no sense.
    """
    if features is None:
        return None
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise ModelFileError("'encoding' is no list of features. Train again.")
    return Encoding(
        tuple(Feature(take(each, "name", str), _read_levels(each)) for each in features)
    )


def _write_levels(feature: Feature) -> dict[str, Any] | None:
    levels = feature.levels
    if levels is None:
        return None
    name = f"the levels of column {feature.name!r}"
    return {
        "values": encode(name, list(levels.values)),
        "infrequent": encode(name, list(levels.infrequent)),
        "has_missing": levels.has_missing,
        "has_reference": levels.has_reference,
    }


def _read_levels(feature: dict[str, Any]) -> Levels | None:
    if feature.get("levels") is None:
        return None
    parts = take(feature, "levels", dict)
    values, infrequent = (decode(take(parts, name, list)) for name in ("values", "infrequent"))
    has_missing = take(parts, "has_missing", bool)
    both = [*values, *infrequent]
    try:
        is_known = len(set(both)) == len(both) and bool(both or has_missing)
    except TypeError:  # a list is no level
        is_known = False
    if not is_known:
        raise ModelFileError(
            f"the levels of column {take(feature, 'name', str)!r} are none, or not all "
            "different. Train again."
        )
    has_reference = take(parts, "has_reference", bool)
    return Levels(tuple(values), tuple(infrequent), has_missing, has_reference)
