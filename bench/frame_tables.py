"""DataFrames to measure on: categories first, then numbers, so that all agree on an order.

That order is also the one of the one-hot matrix by which every fit is judged: a column a
level, sorted, category by category, then the numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse

from bench.tables import make_problem

__all__ = ["FRAMES", "FrameMaker", "make_levels", "one_hot"]

FrameMaker = Callable[[bool], tuple[pd.DataFrame, np.ndarray]]

_SEED = 0
_COPIES = 10
_QUICK_FLIGHTS = 20_000
_LEVELS, _LEVEL_ROWS, _LEVEL_NUMBERS = 100_000, 1_000_000, 20
_QUICK_LEVELS, _QUICK_LEVEL_ROWS = 500, 10_000
_LEVEL_EFFECT = 0.7  # standard deviation, in log-odds


def one_hot(frame: pd.DataFrame) -> sparse.csr_array:
    """Return the matrix of a frame, a column for each level that occurs."""
    parts = []
    for _, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels, codes = np.unique(column.cat.codes.to_numpy(), return_inverse=True)
            rows = np.arange(len(frame) + 1)
            shape = (len(frame), len(levels))
            parts.append(sparse.csr_array((np.ones(len(frame)), codes, rows), shape=shape))
        else:
            parts.append(sparse.csr_array(column.to_numpy(dtype=np.float64)[:, None]))
    return sparse.hstack(parts, format="csr")


def _flights(quick: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return 327,346 flights, 7 categories of 4,198 levels and 3 numbers; arrived late?"""
    import pyarrow as pa

    from fastlogreg.cli.flights import TARGET, load_flights

    table = pa.concat_tables(load_flights(_QUICK_FLIGHTS if quick else None, _SEED))
    frame = table.to_pandas()
    y = frame.pop(TARGET).to_numpy().astype(np.int64)
    frame = frame.drop(columns="year", errors="ignore")
    is_number = {name: frame[name].dtype.kind == "f" for name in frame}
    for name in frame:
        if not is_number[name]:
            frame[name] = frame[name].astype(str).astype("category")
    return frame[sorted(frame, key=is_number.__getitem__)], y


def _many_flights(quick: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the flights ten times over."""
    frame, y = _flights(quick)
    rows = np.tile(np.arange(len(y)), _COPIES)
    return frame.take(rows).reset_index(drop=True), y[rows]


def _many_levels(quick: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return one category, some of its levels far more frequent than others, and numbers."""
    if quick:
        return make_levels(_QUICK_LEVEL_ROWS, _QUICK_LEVELS, _LEVEL_NUMBERS)
    return make_levels(_LEVEL_ROWS, _LEVELS, _LEVEL_NUMBERS)


def make_levels(n_rows: int, n_levels: int, n_numbers: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a frame with one category of so many levels and so many numbers, and labels."""
    rng = np.random.default_rng(_SEED)
    X, _, coef = make_problem(n_rows, n_numbers, seed=_SEED)
    codes = (n_levels * rng.random(n_rows) ** 2).astype(np.int32)
    effects = _LEVEL_EFFECT * rng.standard_normal(n_levels)
    odds = X @ coef[:-1, 0] + coef[-1, 0] + effects[codes]
    y = (rng.random(n_rows) * (1.0 + np.exp(-odds)) < 1.0).astype(np.int64)
    names = [f"level {code:06d}" for code in range(n_levels)]
    frame = pd.DataFrame({"level": pd.Categorical.from_codes(codes, names)})
    numbers = pd.DataFrame(X, columns=[f"x{j}" for j in range(n_numbers)])
    return pd.concat([frame, numbers], axis=1), y


FRAMES: dict[str, FrameMaker] = {
    "flights": _flights,
    "flights, 10 times": _many_flights,
    "100,000 levels": _many_levels,
}
