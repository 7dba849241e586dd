"""Checks of constructor parameters: what came, what was expected, what to do."""

from __future__ import annotations

import numbers
from collections.abc import Collection
from typing import Any

import numpy as np

from fastlogreg.errors import InvalidParameterError, InvalidParameterTypeError
from fastlogreg.solvers import L1_SOLVERS, SOLVERS

__all__ = [
    "CATEGORICAL_CHOICES",
    "check_boolean",
    "check_callback",
    "check_categories",
    "check_choice",
    "check_integer",
    "check_random_state",
    "check_real",
    "check_solver",
    "has_l1",
    "seed_of",
]

_BOOLEANS = (bool, np.bool_)
# What may be said of values of categories that were not there at fit, and of missing ones.
CATEGORICAL_CHOICES = {
    "handle_unknown": ("error", "ignore", "infrequent"),
    "handle_missing": ("error", "category", "ignore"),
}


def check_real(
    name: str, value: Any, *, low: float, high: float = np.inf, low_open: bool = False
) -> float:
    """Return *value* as a float in [low, high], or (low, high] if *low_open*."""
    if isinstance(value, _BOOLEANS) or not isinstance(value, numbers.Real):
        raise InvalidParameterTypeError(
            f"{name} is {value!r} of type {type(value).__name__}; "
            f"expected a real number in {_interval(low, high, low_open)}."
        )
    try:
        number = float(value)
    except OverflowError:  # of a whole number or a fraction
        raise InvalidParameterError(
            f"{name} is of type {type(value).__name__} and beyond the range of float64; "
            f"expected a real number in {_interval(low, high, low_open)}."
        ) from None
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


def check_callback(callback: Any) -> None:
    """Raise unless *callback* is None or can be called."""
    if callback is not None and not callable(callback):
        raise InvalidParameterTypeError(
            f"callback is {callback!r}; expected a callable that takes a Step, or None."
        )


def check_random_state(random_state: Any) -> None:
    """Raise unless *random_state* is None, a seed or a ``RandomState``."""
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return
    if isinstance(random_state, _BOOLEANS) or not isinstance(random_state, numbers.Integral):
        raise InvalidParameterTypeError(
            f"random_state is {random_state!r} of type {type(random_state).__name__}; expected "
            "None, a seed (an integer of at least 0) or a numpy.random.RandomState."
        )
    check_integer("random_state", random_state, low=0)


def seed_of(random_state: Any) -> int:
    """Return the seed that a valid *random_state* gives; the global generator is not read."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    return 0 if random_state is None else int(random_state)


def check_solver(solver: Any, l1_ratio: float, C: float) -> None:
    """Raise unless *solver* is known and can minimise an objective with that penalty."""
    check_choice("solver", solver, ("auto", *SOLVERS))
    l1 = has_l1(l1_ratio, C)
    if solver == "auto" or l1 == (solver in L1_SOLVERS):
        return
    able = [name for name in SOLVERS if l1 == (name in L1_SOLVERS)]
    no_penalty = " and C=inf, which is no penalty" if l1_ratio > 0.0 and not l1 else ""
    raise InvalidParameterError(
        f"solver is {solver!r}, which cannot be with l1_ratio={l1_ratio!r}{no_penalty}: "
        f"the objective {'has an' if l1 else 'has no'} L1 part; expected "
        f"{', '.join(repr(name) for name in ('auto', *able))}. Change either."
    )


def has_l1(l1_ratio: float, C: float) -> bool:
    """Return whether the objective has an L1 part."""
    return l1_ratio > 0.0 and float(C) != np.inf


def check_categories(
    categorical_features: Any, handle_unknown: Any, min_frequency: Any, handle_missing: Any
) -> None:
    """Raise unless the parameters of categories are what they can be; columns are not looked at."""
    if isinstance(categorical_features, str):
        check_choice("categorical_features", categorical_features, ("from_dtype",))
    elif categorical_features is not None and (
        not isinstance(categorical_features, Collection)
        or isinstance(categorical_features, bytes | dict)
    ):
        raise InvalidParameterTypeError(
            f"categorical_features is {categorical_features!r} of type "
            f"{type(categorical_features).__name__}; expected 'from_dtype', None, or names, "
            "numbers or a mask of columns."
        )
    check_choice("handle_unknown", handle_unknown, CATEGORICAL_CHOICES["handle_unknown"])
    check_choice("handle_missing", handle_missing, CATEGORICAL_CHOICES["handle_missing"])
    if min_frequency is None:
        return
    if isinstance(min_frequency, numbers.Integral):
        check_integer("min_frequency", min_frequency, low=1)
    else:
        check_real("min_frequency", min_frequency, low=0.0, high=1.0, low_open=True)
