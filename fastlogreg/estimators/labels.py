"""Labels of any kind become class codes, without sorting them where that can be.

Two classes take two comparisons.  Integers of a small range, whole floats among them, are
looked up in a table; text is compared with each class while those are few; more text and
other objects go through a dict.  Only numbers far apart are sorted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from fastlogreg.errors import InvalidDataError
from fastlogreg.estimators.borrowed import borrowed_checks
from fastlogreg.tables import check_finite, check_not_masked

__all__ = ["MOST_CLASSES", "encode_labels"]

MOST_CLASSES = int(np.iinfo(np.int16).max)
_MOST_COMPARED = 12  # classes, one comparison of all labels each
_WIDEST_RANGE = 1 << 20  # of a table of codes
_LARGEST_EXACT = 1 << 53  # float up to which all whole numbers are
_CHUNK = 1 << 16
_ADVICE = "drop the rows without a label"


def encode_labels(y: Any, n_rows: int, estimator: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, sorted, and the code of each row.

    Codes are int8, int16 for more than 127 classes, and count from 0.

    Raises
    ------
    InvalidDataError
        Not one label per row, missing labels, one class, or too many; labels that have
        no order.
    """
    y = _as_column(y, n_rows, estimator)
    first = y[0]
    is_first = _rows_of(first, y)
    if is_first.all():
        raise InvalidDataError(
            f"y holds one class only, {y[:1].tolist()[0]!r}; expected at least two classes. "
            "Check how the label was made or how the rows were chosen."
        )
    second = y[int(np.argmin(is_first))]
    is_second = _rows_of(second, y)
    pair = np.array([first, second], dtype=y.dtype)
    if _has_fractions(pair) or not (is_first | is_second).all():
        return _encode_many(y)
    if _in_order(first, second):
        return pair, is_second.view(np.int8)
    return pair[::-1].copy(), is_first.view(np.int8)


def _rows_of(label: Any, y: np.ndarray) -> np.ndarray:
    """Return which rows have a label, bool (n_rows,)."""
    if isinstance(label, tuple | list | np.ndarray):  # it would be compared part by part
        raise _not_told_apart(f"{label!r} is a {type(label).__name__}")
    return np.asarray(y == label, dtype=bool)


def _as_column(y: Any, n_rows: int, estimator: str) -> np.ndarray:
    """Return y as an array ``(n_rows,)`` without missing labels."""
    if y is None:
        raise InvalidDataError(
            f"{estimator} requires y to be passed, but the target y is None; "
            "expected one label per row of X."
        )
    check_not_masked("y", y)
    if not _is_plain_column(y):
        with borrowed_checks("y"):
            y = column_or_1d(y, warn=True)
    if len(y) != n_rows:
        raise InvalidDataError(
            f"y has {len(y)} labels, but X has {n_rows} rows (inconsistent numbers of samples); "
            "expected one label per row."
        )
    check_finite("y", y, _ADVICE)
    if y.dtype.kind == "O":
        _check_no_missing_object(y)
    return np.asarray(y)


def _is_plain_column(y: Any) -> bool:
    """Return whether y is an array of numbers that `column_or_1d` would return as it is."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biuf" and y.flags.c_contiguous


def _check_no_missing_object(y: np.ndarray) -> None:
    try:
        nothing = np.array([None], dtype=object)
        missing = ((y != y) | (y == nothing)).astype(bool)
    except (TypeError, ValueError, ArithmeticError):  # as pandas.NA, which has no truth value
        missing = np.array([label is None or _is_missing_scalar(label) for label in y])
    if missing.any():
        raise InvalidDataError(
            f"y contains {int(missing.sum())} missing labels (NaN or None), the first at "
            f"{int(np.argmax(missing))}; expected a label for every row. Advice: {_ADVICE}."
        )


def _is_missing_scalar(label: object) -> bool:
    if isinstance(label, str | bytes | int):
        return False
    try:
        return bool(label != label)
    except TypeError:  # pandas.NA has no truth value
        return True
    except (ValueError, ArithmeticError):  # an array has several, a signalling NaN none
        raise _not_told_apart(label) from None


def _has_fractions(y: np.ndarray) -> bool:
    return y.dtype.kind == "f" and bool((y != np.floor(y)).any())


def _in_order(first: Any, second: Any) -> bool:
    try:
        return bool(first < second)
    except TypeError:
        raise _without_order(first, second) from None


def _not_told_apart(reason: object) -> InvalidDataError:
    return InvalidDataError(
        f"y holds labels that cannot be told apart ({reason}); expected text, whole numbers "
        "or booleans, one per row."
    )


def _without_order(first: Any, second: Any) -> InvalidDataError:
    """Return the error for two labels of which neither is the first."""
    if type(first) is type(second):
        return InvalidDataError(
            f"y holds labels of type {type(first).__name__}, which have no order; expected text, "
            "whole numbers or booleans. Convert them, e.g. to str."
        )
    return InvalidDataError(
        f"y mixes labels of types {type(first).__name__} and {type(second).__name__}; "
        "expected labels of one type. Convert them, e.g. to str."
    )


def _encode_many(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes and codes of labels that may be of more than two classes."""
    if _has_fractions(y):
        with borrowed_checks("y"):  # raises: the target is continuous
            check_classification_targets(y)
    encoded = None
    if y.dtype.kind in "iuf":
        encoded = _by_table(y)
    elif y.dtype.kind == "O":
        encoded = _by_dict(y)
    elif y.dtype.kind in "US":
        encoded = _by_comparison(y) or _by_dict(y)
    if encoded is None:
        classes, codes = np.unique(y, return_inverse=True)
        _check_number(len(classes))
        encoded = classes, codes.astype(_code_type(len(classes)))
    return encoded


def _code_type(n_classes: int) -> type[np.signedinteger[Any]]:
    return np.int8 if n_classes <= np.iinfo(np.int8).max else np.int16


def _check_number(n_classes: int) -> None:
    if n_classes > MOST_CLASSES:
        raise InvalidDataError(
            f"y holds {n_classes:,} classes; expected at most {MOST_CLASSES:,}. A number to be "
            "predicted is no label: make classes of it, or fit a regression."
        )


def _by_table(y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Encode numbers by a table of the range they lie in; None where that is too wide."""
    low, high = int(y.min()), int(y.max())
    if y.dtype.kind == "f" and max(-low, high) > _LARGEST_EXACT:
        return None
    if high - low >= min(_WIDEST_RANGE, max(16 * len(y), 1024)):
        return None
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(y), _CHUNK)]
    present = np.zeros(high - low + 1, dtype=bool)
    for rows in chunks:
        present[_offsets(y[rows], low)] = True
    values = np.flatnonzero(present)
    _check_number(len(values))
    table = np.zeros(len(present), dtype=_code_type(len(values)))
    table[values] = np.arange(len(values))
    codes = np.empty(len(y), dtype=table.dtype)
    for rows in chunks:
        np.take(table, _offsets(y[rows], low), out=codes[rows])
    classes = np.array([low + value for value in values.tolist()], dtype=y.dtype)
    return classes, codes


def _offsets(y: np.ndarray, low: int) -> np.ndarray:
    """Return how far above *low* whole numbers are."""
    if y.dtype == np.uint64:
        return (y - np.uint64(low)).astype(np.intp)
    return np.asarray(y.astype(np.int64) - low)


def _by_comparison(y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Encode text of few classes by comparing it with each; None for more."""
    found: list[Any] = []
    members = []
    rest = np.ones(len(y), dtype=bool)
    while rest.any():
        if len(found) == _MOST_COMPARED:
            return None
        found.append(y[int(np.argmax(rest))])
        members.append(np.asarray(y == found[-1], dtype=bool))
        rest &= ~members[-1]
    classes = np.array(found, dtype=y.dtype)
    order = np.argsort(classes)
    codes = np.zeros(len(y), dtype=np.int8)
    for code, which in enumerate(order):
        codes[members[which]] = code
    return classes[order], codes


def _by_dict(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encode objects, or text, by their hash."""
    number: dict[Any, int] = {}
    try:
        codes = [number.setdefault(label, len(number)) for label in y.tolist()]
    except TypeError as error:
        raise _not_told_apart(error) from None
    found = list(number)
    fraction = next((x for x in found if isinstance(x, float) and not x.is_integer()), None)
    if fraction is not None:
        raise InvalidDataError(
            f"Unknown label type: continuous. y holds {fraction!r}; expected labels: text, whole "
            "numbers or booleans. Make classes of it, or fit a regression."
        )
    _check_number(len(found))
    try:
        order = sorted(range(len(found)), key=found.__getitem__)
    except TypeError:
        other = next((x for x in found if type(x) is not type(found[0])), found[0])
        raise _without_order(found[0], other) from None
    ranks = np.empty(len(found), dtype=_code_type(len(found)))
    ranks[order] = np.arange(len(found))
    classes = np.empty(len(found), dtype=y.dtype)
    classes[:] = [found[which] for which in order]
    return classes, ranks[np.array(codes, dtype=np.intp)]
