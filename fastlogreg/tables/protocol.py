"""What an estimator needs of a table that it was given, whatever it is made of."""

from __future__ import annotations

from typing import Protocol

from fastlogreg.design import Design, Shape
from fastlogreg.errors import InvalidDataError

__all__ = ["Table"]


class Table(Protocol):
    """A checked table, whose numbers are read where they lie."""

    @property
    def shape(self) -> Shape:
        """What decides how it is fitted."""

    def design(self, backend: str, n_threads: int) -> Design:
        """Return X as an operator on a backend, "numba" or "numpy"."""

    def explain_not_finite(self) -> InvalidDataError:
        """Return the error for a pass whose result is not finite: where X is to blame for it."""
