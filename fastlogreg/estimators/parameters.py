"""Checks of constructor parameters: what came, what was expected, what to do."""

from __future__ import annotations

import numbers
from collections.abc import Collection
from typing import Any

import numpy as np

from fastlogreg.errors import InvalidParameterError, InvalidParameterTypeError

__all__ = ["check_boolean", "check_choice", "check_integer", "check_real"]

_BOOLEANS = (bool, np.bool_)


def check_real(
    name: str, value: Any, *, low: float, high: float = np.inf, low_open: bool = False
) -> float:
    """Return *value* as a float in [low, high], or (low, high] if *low_open*."""
    if isinstance(value, _BOOLEANS) or not isinstance(value, numbers.Real):
        raise InvalidParameterTypeError(
            f"{name} is {value!r} of type {type(value).__name__}; "
            f"expected a real number in {_interval(low, high, low_open)}."
        )
    number = float(value)
    inside = (low < number if low_open else low <= number) and number <= high
    if not inside:
        raise InvalidParameterError(
            f"{name} is {value!r}; expected a real number in {_interval(low, high, low_open)}."
        )
    return number


def _interval(low: float, high: float, low_open: bool) -> str:
    return f"{'(' if low_open else '['}{low:g}, {high:g}]"


def check_integer(name: str, value: Any, *, low: int) -> int:
    """Return *value* as an int of at least *low*."""
    if isinstance(value, _BOOLEANS) or not isinstance(value, numbers.Integral):
        raise InvalidParameterTypeError(
            f"{name} is {value!r} of type {type(value).__name__}; "
            f"expected an integer of at least {low}."
        )
    if value < low:
        raise InvalidParameterError(f"{name} is {value!r}; expected an integer of at least {low}.")
    return int(value)


def check_boolean(name: str, value: Any) -> bool:
    """Return *value* if it is True or False."""
    if not isinstance(value, _BOOLEANS):
        raise InvalidParameterTypeError(
            f"{name} is {value!r} of type {type(value).__name__}; expected True or False."
        )
    return bool(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return *value* if it is one of *choices*."""
    expected = ", ".join(repr(choice) for choice in choices)
    if not isinstance(value, str):
        raise InvalidParameterTypeError(
            f"{name} is {value!r} of type {type(value).__name__}; expected one of {expected}."
        )
    if value not in choices:
        raise InvalidParameterError(f"{name} is {value!r}; expected one of {expected}.")
    return value
