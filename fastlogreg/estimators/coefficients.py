"""What the coefficients of a model stand for: features, and levels of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    import pandas as pd

    from fastlogreg.tables.encoding import Encoding

__all__ = ["NamedCoefficients"]


class NamedCoefficients:
    """The methods and attributes of a model that name its coefficients."""

    coef_: np.ndarray
    intercept_: np.ndarray
    classes_: np.ndarray
    n_features_in_: int

    @property
    def is_categorical_(self) -> np.ndarray | None:
        """Which columns of X are categories, bool (n_features,); None if none is."""
        check_is_fitted(self, "coef_")
        encoding = self._encoding_or_none()
        if encoding is None:
            return None
        return np.array([feature.levels is not None for feature in encoding.features])

    @property
    def categories_(self) -> list[np.ndarray]:
        """Values with a coefficient of their own, of each category in the order of X."""
        check_is_fitted(self, "coef_")
        return [_array(levels.values) for _, levels in self._levels()]

    @property
    def infrequent_categories_(self) -> list[np.ndarray | None]:
        """Values that share a coefficient, of each category; None where there are none."""
        check_is_fitted(self, "coef_")
        return [
            _array(levels.infrequent) if levels.infrequent else None for _, levels in self._levels()
        ]

    @property
    def reference_levels_(self) -> dict[str, Any]:
        """The level of each category that has no coefficient, by the feature's name.

        Without a penalty (``C=np.inf``) it is what the others are compared with; with one
        there is none.
        """
        check_is_fitted(self, "coef_")
        return {name: levels.reference for name, levels in self._levels() if levels.has_reference}

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the coefficients: columns, and levels as ``column_level``.

        Parameters
        ----------
        input_features : array-like of str, or None
            Names of the columns of X; by default those of the fit, or x0, x1, ...

        Returns
        -------
        ndarray of str objects, shape (n_coefficients,)
        """
        check_is_fitted(self, "coef_")
        names = self._input_names(input_features)
        encoding = self._encoding_or_none()
        if encoding is None:
            return np.array(names, dtype=object)
        out = []
        for name, feature in zip(names, encoding.features, strict=True):
            if feature.levels is None:
                out.append(name)
            else:
                out += [f"{name}_{label}" for label in feature.levels.labels]
        return np.array(out, dtype=object)

    def coefficients(self) -> pd.DataFrame:
        """Return the coefficients with what they stand for.

        Returns
        -------
        DataFrame
            Columns ``feature``, ``level`` (None for a number) and ``coefficient``, of more
            than two classes ``class`` before it; a row a coefficient, with the reference
            levels, which have 0, and the intercept, "(intercept)", last.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        check_is_fitted(self, "coef_")
        try:
            import pandas as pd
        except ImportError:
            raise ImportError(
                "coefficients() returns a pandas DataFrame, and pandas is not installed: "
                "pip install pandas"
            ) from None
        terms = self._terms()
        parts = []
        for k, (coef, intercept) in enumerate(zip(self.coef_, self.intercept_, strict=True)):
            values = [0.0 if j is None else float(coef[j]) for _, _, j in terms]
            part = {
                "feature": [*(feature for feature, _, _ in terms), "(intercept)"],
                "level": np.array([*(level for _, level, _ in terms), None], dtype=object),
                "coefficient": [*values, float(intercept)],
            }
            if len(self.coef_) > 1:
                part["class"] = [self.classes_[k]] * (len(terms) + 1)
            parts.append(pd.DataFrame(part))
        frame = pd.concat(parts, ignore_index=True)
        order = ["feature", "level", "class", "coefficient"]
        return frame[[name for name in order if name in frame]]

    def _terms(self) -> list[tuple[str, Any, int | None]]:
        """Return feature, level and place in ``coef_``, None for a reference level."""
        encoding = self._encoding_or_none()
        if encoding is None:
            return [(name, None, j) for j, name in enumerate(self._input_names(None))]
        terms: list[tuple[str, Any, int | None]] = []
        j = 0
        for feature in encoding.features:
            if feature.levels is not None and feature.levels.has_reference:
                terms.append((feature.name, feature.levels.reference, None))
            for label in feature.labels:
                terms.append((feature.name, label, j))
                j += 1
        return terms

    def _input_names(self, given: Any) -> list[str]:
        known = getattr(self, "feature_names_in_", None)
        if given is not None:
            names = [str(name) for name in given]
            if len(names) != self.n_features_in_ or (
                known is not None and names != [str(name) for name in known]
            ):
                raise ValueError(
                    f"input_features is {given!r}; expected the {self.n_features_in_} columns of "
                    "the fit, in their order."
                )
            return names
        if known is not None:
            return [str(name) for name in known]
        return [f"x{j}" for j in range(self.n_features_in_)]

    def _encoding_or_none(self) -> Encoding | None:
        found: Encoding | None = vars(self).get("_encoding")
        return found

    def _levels(self) -> list[tuple[str, Any]]:
        """Return name and levels of each category."""
        encoding = self._encoding_or_none()
        features = () if encoding is None else encoding.features
        return [(f.name, f.levels) for f in features if f.levels is not None]


def _array(values: tuple[Any, ...]) -> np.ndarray:
    """Return values as an array of their common type, of objects where they have none."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= {int, float, bool}:
        return np.array(values)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out
