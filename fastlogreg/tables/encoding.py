"""What a fit learns of the columns of a table, and other tables read in the same way.

Coefficients count the columns that the table would have if each category were replaced, in
place, by a column of zeros and ones a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlogreg.design import Categorical
from fastlogreg.errors import InvalidDataError
from fastlogreg.tables.frames import Column
from fastlogreg.tables.levels import Levels, Policy

__all__ = ["Encoding", "Feature", "Learning"]

_SHOWN = 5


@dataclass(frozen=True)
class Feature:
    """A column of the table that was fitted.

    Parameters
    ----------
    name : str
        Its name, "x3" where it had none.
    levels : Levels or None
        Those of a category; None for numbers.
    """

    name: str
    levels: Levels | None = None

    @property
    def labels(self) -> list[Any]:
        """What its coefficients stand for; None for numbers."""
        return [None] if self.levels is None else self.levels.labels

    @property
    def names_out(self) -> list[str]:
        """Names of its coefficients, as scikit-learn's OneHotEncoder gives them."""
        if self.levels is None:
            return [self.name]
        return [f"{self.name}_{label}" for label in self.levels.labels]


@dataclass(frozen=True)
class Learning:
    """How categories are learned.

    Parameters
    ----------
    policy : Policy
        What becomes of missing values.
    min_frequency : int, float or None
        Values in fewer rows, or in a smaller share of them, share a column.
    has_references : bool
        Whether the first level of each category is left out: without a penalty its
        coefficient would not be determined beside the intercept and the others.
    has_intercept : bool
        Without an intercept the first category is determined with all of its levels.
    """

    policy: Policy
    min_frequency: float | None = None
    has_references: bool = False
    has_intercept: bool = True


@dataclass(frozen=True)
class Encoding:
    """The columns of a table as the coefficients count them.

    Parameters
    ----------
    features : tuple of Feature
        In the order of the table.
    """

    features: tuple[Feature, ...]

    @classmethod
    def learn(
        cls, columns: Sequence[Column], is_category: Sequence[bool], how: Learning
    ) -> tuple[Encoding, list[np.ndarray | Categorical]]:
        """Return the encoding of a table, and its columns in it.

        Parameters
        ----------
        columns : sequence of Column
            The table.
        is_category : sequence of bool
            Which columns are categories.
        how : Learning
            How they are learned.

        Raises
        ------
        InvalidDataError
            Columns that are neither numbers nor declared categories; missing categories.
        """
        others = [c for c, chosen in zip(columns, is_category, strict=True) if not chosen]
        _check_numbers(others, at_fit=True)
        features = []
        encoded: list[np.ndarray | Categorical] = []
        has_reference = how.has_references and how.has_intercept
        for j, (column, chosen) in enumerate(zip(columns, is_category, strict=True)):
            name = f"x{j}" if isinstance(column.name, int) else str(column.name)
            if not chosen:
                features.append(Feature(name))
                encoded.append(column.numbers())
                continue
            levels, codes = Levels.learn(
                column.factor(),
                column.name,
                how.policy,
                min_frequency=how.min_frequency,
                has_reference=has_reference,
            )
            has_reference = how.has_references
            features.append(Feature(name, levels))
            encoded.append(codes)
        return cls(tuple(features)), encoded

    def encode(self, columns: Sequence[Column], policy: Policy) -> list[np.ndarray | Categorical]:
        """Return the columns of another table, categories matched by value.

        Raises
        ------
        InvalidDataError
            Columns that are no numbers where the fit had numbers; unknown or missing
            categories, where the policy makes them an error.
        """
        pairs = list(zip(self.features, columns, strict=True))
        others = [column for feature, column in pairs if feature.levels is None]
        _check_numbers(others, at_fit=False)
        return [
            column.numbers()
            if feature.levels is None
            else feature.levels.encode(column.factor(), column.name, policy)
            for feature, column in pairs
        ]

    @property
    def n_coefficients(self) -> int:
        """How many coefficients there are."""
        return sum(len(feature.labels) for feature in self.features)

    @property
    def names_out(self) -> list[str]:
        """Names of the coefficients."""
        return [name for feature in self.features for name in feature.names_out]


def _check_numbers(columns: Sequence[Column], *, at_fit: bool) -> None:
    """Raise if a column is not of numbers: what it is, and how it is declared."""
    bad = [column for column in columns if not column.is_numeric]
    if bad and not at_fit:
        raise InvalidDataError(
            f"X has {_named(bad)} that are not numbers, and held numbers at fit; expected "
            "numbers. Convert them, e.g. with X.astype({name: float}) in pandas, or fit with "
            "them as categories."
        )
    dates = [c for c in bad if c.kind == "other"]
    if dates:
        raise InvalidDataError(
            f"X has {_named(dates)} that hold neither numbers nor categories; expected numbers, "
            "booleans or categories. Derive numbers from dates (hour, weekday, age), convert "
            "or drop the rest."
        )
    if bad:
        shown = [c.name for c in bad[:_SHOWN]]
        raise InvalidDataError(
            f"X has {_named(bad)} that are not numbers; expected numeric columns or declared "
            f"categories. Declare categories: categorical_features={shown!r}, or give the "
            "columns a categorical type, e.g. X.astype({name: 'category'}) in pandas."
        )


def _named(columns: Sequence[Column]) -> str:
    shown = ", ".join(f"{c.name!r} ({c.type_name})" for c in columns[:_SHOWN])
    more = ", ..." * (len(columns) > _SHOWN)
    return f"{len(columns)} column{'s' * (len(columns) > 1)}, {shown}{more},"
