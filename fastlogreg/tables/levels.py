"""The levels of a category: which columns they are, and the codes of other tables in them."""

from __future__ import annotations

import difflib
import numbers
from dataclasses import dataclass
from itertools import compress, islice
from operator import lt
from typing import Any

import numpy as np

from fastlogreg.design import Categorical
from fastlogreg.errors import InvalidDataError
from fastlogreg.runtime.cached import cached_property
from fastlogreg.tables.factors import Factor, is_missing, sorted_values

__all__ = ["INFREQUENT", "MISSING", "Levels", "Policy"]

MISSING = "missing"  # what columns of no value of their own are called
INFREQUENT = "infrequent"
_NO_LEVEL = -1
_REFUSED = -2


@dataclass(frozen=True)
class Policy:
    """What becomes of values without a column of their own.

    Parameters
    ----------
    unknown : {"error", "ignore", "infrequent"}
        Of one that was not there at fit: none of the columns, or the infrequent one.
    missing : {"error", "category", "ignore"}
        Of one that is missing: a column of its own, or none of the columns.
    """

    unknown: str = "error"
    missing: str = "error"


@dataclass(frozen=True)
class Levels:
    """The columns that a category stands for.

    They are its values in order, then one for missing values, then one for all infrequent
    values together; without the first of them where that is the reference.

    Parameters
    ----------
    values : tuple
        Values with a column of their own, Python objects in order.
    infrequent : tuple
        Values that share a column.
    has_missing : bool
        Whether missing values have a column.
    has_reference : bool
        Whether the first column is left out: the level that the others are compared with.
    """

    values: tuple[Any, ...]
    infrequent: tuple[Any, ...] = ()
    has_missing: bool = False
    has_reference: bool = False

    @classmethod
    def learn(
        cls,
        factor: Factor,
        name: Any,
        policy: Policy,
        *,
        min_frequency: float | None,
        has_reference: bool,
    ) -> tuple[Levels, Categorical]:
        """Return the levels of a column, and the column in them.

        Parameters
        ----------
        factor : Factor
            The column.
        name : object
            What an error calls it.
        policy : Policy
            Only what it says of missing values matters.
        min_frequency : int, float or None
            Values in fewer rows, or in a smaller share of them, are infrequent.
        has_reference : bool
            Whether the first level gets no column.

        Raises
        ------
        InvalidDataError
            Missing values that are an error, or no value at all.
        """
        has_missing, frequent, infrequent = _found(factor, min_frequency)
        levels = cls(
            tuple(sorted_values(frequent)),
            tuple(sorted_values(infrequent)),
            has_missing and policy.missing == "category",
            has_reference,
        )
        column = levels.encode(factor, name, policy)
        if not (frequent or infrequent or levels.has_missing):
            raise InvalidDataError(
                f"column {name!r} has no value but missing ones; expected some. Drop it, or let "
                "them be a category: handle_missing='category'."
            )
        return levels, column

    @cached_property
    def all_labels(self) -> list[Any]:
        """What the columns stand for, the reference included."""
        grouped = [MISSING] * self.has_missing + [INFREQUENT] * bool(self.infrequent)
        return [*self.values, *grouped]

    @property
    def labels(self) -> list[Any]:
        """What the columns stand for."""
        return self.all_labels[self.has_reference :]

    @property
    def reference(self) -> Any:
        """The level without a column, None where there is none."""
        return self.all_labels[0] if self.has_reference else None

    @cached_property
    def _number(self) -> dict[Any, int]:
        """The column of each value, -1 for the reference."""
        number = {value: j - self.has_reference for j, value in enumerate(self.values)}
        grouped = len(self.all_labels) - 1 - self.has_reference
        return number | dict.fromkeys(self.infrequent, grouped)

    def encode(self, factor: Factor, name: Any, policy: Policy) -> Categorical:
        """Return a column in these levels, matched by value.

        Raises
        ------
        InvalidDataError
            Values that were not there at fit, or missing ones, where they are an error.
        """
        missing = self._of_missing(policy)
        unknown = self._of_unknown(policy)
        names = np.empty(len(factor.values) + 1, dtype=np.int64)
        if _are_text(factor.values):
            names[:-1] = self._names_of_text(factor.values, unknown)
        else:
            names[:-1] = [
                missing if is_missing(value) else self._number.get(value, unknown)
                for value in factor.values
            ]
        names[-1] = missing
        refused = names == _REFUSED
        if refused.any():
            if refused[:-1].any() or factor.has_gaps(0):
                self._check(factor, refused, name)
            names[refused] = _NO_LEVEL  # values that a type knows and no row has
        return Categorical(factor.renamed(names), len(self.labels))

    def _names_of_text(self, values: list[str], unknown: int) -> np.ndarray:
        """Return the column of each; of values in order none is looked up."""
        if not self.infrequent and all(map(lt, values, islice(values, 1, None))):
            known = self.values
            names, j = [], 0
            for value in values:
                if j < len(known) and known[j] == value:
                    names.append(j - self.has_reference)
                    j += 1
                else:
                    names.append(unknown)
            if j == len(known):
                return np.array(names, dtype=np.int64)
        number = self._number
        return np.array([number.get(value, unknown) for value in values], dtype=np.int64)

    def _of_missing(self, policy: Policy) -> int:
        if self.has_missing and policy.missing == "category":
            return len(self.values) - self.has_reference
        if policy.missing == "ignore":
            return _NO_LEVEL
        return self._of_unknown(policy) if policy.missing == "category" else _REFUSED

    def _of_unknown(self, policy: Policy) -> int:
        if policy.unknown == "error":
            return _REFUSED
        if policy.unknown == "infrequent" and self.infrequent:
            return len(self.labels) - 1
        return _NO_LEVEL

    def _check(self, factor: Factor, refused: np.ndarray, name: Any) -> None:
        """Raise if a row has a value that is refused."""
        bad = refused[factor.codes]
        count = int(np.count_nonzero(bad))
        if not count:
            return
        row = int(np.argmax(bad))
        code = int(factor.codes[row])
        value = None if code < 0 else factor.values[code]
        where = f"the first in row {row} (counted from 0)"
        if is_missing(value):
            raise InvalidDataError(
                f"column {name!r} has {count:,} missing value{'s' * (count > 1)}, {where}; "
                "expected none. Fill them or drop those rows, or say what they are: "
                "handle_missing='category' or 'ignore'."
            )
        raise InvalidDataError(
            f"column {name!r} has {value!r}, a value that was not there at fit; such values are "
            f"in {count:,} row{'s' * (count > 1)}, {where}. Expected one of the "
            f"{len(self._number):,} values of the fit{self._hint(value)}. Correct them, or fit "
            "with handle_unknown='ignore' or 'infrequent'."
        )

    def _hint(self, value: Any) -> str:
        known = [level for level in self._number if isinstance(level, str)]
        close = difflib.get_close_matches(value, known) if isinstance(value, str) else []
        return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _found(factor: Factor, min_frequency: float | None) -> tuple[bool, list[Any], list[Any]]:
    """Return whether values are missing, and those that are frequent and those that are not."""
    if min_frequency is None:
        occurs, has_missing = factor.present()
        values = list(dict.fromkeys(compress(factor.values, occurs.tolist())))
        known = values if _are_text(values) else [v for v in values if not is_missing(v)]
        return has_missing or len(known) < len(values), known, []
    counts, n_missing = factor.counts()
    total: dict[Any, int] = {}
    for value, count in zip(factor.values, counts.tolist(), strict=True):
        if is_missing(value):
            n_missing += count
        elif count:
            total[value] = total.get(value, 0) + count
    least = float(min_frequency)
    if not isinstance(min_frequency, numbers.Integral):
        least *= len(factor.codes)
    frequent = [value for value, count in total.items() if count >= least]
    return n_missing > 0, frequent, [value for value, count in total.items() if count < least]


def _are_text(values: list[Any]) -> bool:
    return set(map(type, values)) <= {str}
