"""Properties that are computed once for each object, without a lock.

`functools.cached_property` of Python 3.11 holds one lock for all objects of a class: threads
wait for each other, and a child that is forked while one of them computes waits for ever.
Here two threads may both compute a value, which is then the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["cached_property"]

T = TypeVar("T")


class cached_property(Generic[T]):  # as in functools
    """A property that an object keeps in its ``__dict__``; frozen dataclasses may have some."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self._function = function
        self._name = function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | cached_property[T]:
        """Return the value; asked for again, it is found before this is."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
