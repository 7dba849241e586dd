"""Real tables: flights, and two of scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

__all__ = ["REAL_TABLES"]

_SEED = 0


def _flights() -> tuple[np.ndarray, np.ndarray]:
    """Return 327,346 flights, a column a level but for the tail numbers; was the arrival late?"""
    import pandas as pd
    import pyarrow as pa

    from fastlogreg.cli.flights import TARGET, load_flights

    table = pa.concat_tables(load_flights(None, _SEED)).drop_columns("tailnum").to_pandas()
    X = pd.get_dummies(table.drop(columns=TARGET)).to_numpy(dtype=np.float64)
    return np.ascontiguousarray(X), table[TARGET].to_numpy().astype(np.int64)


def _breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Return 569 x 30 as measured, scales from 1e-3 to 4e3."""
    X, y = load_breast_cancer(return_X_y=True)
    return X, y.astype(np.int64)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 1,797 x 64 of ten classes; some columns are constant."""
    X, y = load_digits(return_X_y=True)
    return np.ascontiguousarray(X), y.astype(np.int64)


REAL_TABLES: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "flights": _flights,
    "breast_cancer": _breast_cancer,
    "digits": _digits,
}
