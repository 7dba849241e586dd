"""Checks that are borrowed from scikit-learn and NumPy, with errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastlogreg.errors import FastLogRegError, InvalidDataError, InvalidDataTypeError

__all__ = ["borrowed_checks"]


@contextmanager
def borrowed_checks(name: str) -> Iterator[None]:
    """Raise as an error of ours, in the same words, what checks of others find wrong.

    Parameters
    ----------
    name : str
        The argument that is checked.

    Raises
    ------
    InvalidDataError, InvalidDataTypeError
        For a ValueError, or a number that no float64 holds, and for a TypeError.
    """
    try:
        yield
    except FastLogRegError:
        raise
    except TypeError as error:
        raise InvalidDataTypeError(str(error)) from error
    except ValueError as error:
        raise InvalidDataError(str(error)) from error
    except ArithmeticError as error:
        raise InvalidDataError(
            f"{name} holds a number beyond the range of float64 ({error}); expected numbers that "
            "float64 holds. Scale it, or drop those rows."
        ) from error
