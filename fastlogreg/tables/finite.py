"""Where numbers are not finite, and how an error says so."""

from __future__ import annotations

import numpy as np

from fastlogreg.errors import InvalidDataError

__all__ = [
    "check_finite",
    "check_not_masked",
    "count_not_finite",
    "explain_range",
    "not_finite_message",
]

_SCAN_CELLS = 1_048_576


def check_finite(name: str, array: np.ndarray, advice: str) -> None:
    """Raise `InvalidDataError` if a floating-point *array* holds NaN or infinity."""
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    nan, infinite, first = count_not_finite(array.reshape(len(array), -1))
    if nan + infinite:
        position = first[0] if array.ndim == 1 else first
        raise InvalidDataError(not_finite_message(name, nan, infinite, position, advice))


def check_not_masked(name: str, value: object) -> None:
    """Raise `InvalidDataError` if *value* is a masked array with something masked.

    What lies under the mask is not meant to be read, and as an array it would be.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        count = int(np.ma.getmaskarray(value).sum())
        raise InvalidDataError(
            f"{name} is a masked array in which {count} values are masked; "
            f"expected none. Fill them, e.g. with {name}.filled(0), or drop those rows."
        )


def count_not_finite(X: np.ndarray) -> tuple[int, int, tuple[int, int]]:
    """Return how many NaN and infinities X holds, and the first position by row."""
    nan = infinite = 0
    first = (-1, -1)
    step = max(_SCAN_CELLS // max(X.shape[1], 1), 1)
    for start in range(0, len(X), step):
        chunk = X[start : start + step]
        bad = ~np.isfinite(chunk)
        if bad.any():
            if nan + infinite == 0:
                row, column = np.argwhere(bad)[0]
                first = (int(start + row), int(column))
            missing = int(np.isnan(chunk).sum())
            nan += missing
            infinite += int(bad.sum()) - missing
    return nan, infinite, first


def not_finite_message(name: str, nan: int, infinite: int, where: object, advice: str) -> str:
    """Return what an error says of so many NaN and infinities."""
    found = [f"{nan} NaN"] * (nan > 0)
    found += [f"{infinite} infinite value{'s' * (infinite > 1)} (inf)"] * (infinite > 0)
    return (
        f"{name} contains {' and '.join(found)}, the first at {where}; "
        f"expected finite numbers. Advice: {advice}."
    )


def explain_range(largest: float, dtype: np.dtype[np.generic]) -> InvalidDataError:
    """Return the error for finite values of X with which a pass leaves the range of its type."""
    return InvalidDataError(
        f"X, {dtype}, holds values up to {largest:.3g} in magnitude, with which a product with "
        f"the coefficients or a sum leaves the range of {dtype}; expected columns of moderate "
        "scale. Scale them, e.g. with sklearn.preprocessing.StandardScaler; with "
        "warm_start=True, start anew from smaller coefficients."
    )
