"""The gate's tables: made once, kept in files, and loaded by every process that measures.

Both revisions so get the same numbers, and a process of a second does not spend another
on drawing them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.tables import make_problem

__all__ = ["Loaded", "TableSpec", "load_table", "make_table"]

_SPARSE_A_ROW = 30
_LEVELS = (12, 300)


class Loaded(NamedTuple):
    """A table, its labels, and the coefficients they were drawn with."""

    X: Any
    y: np.ndarray
    coef: np.ndarray


@dataclass(frozen=True)
class TableSpec:
    """What a table is like.

    Parameters
    ----------
    rows, columns : int
        Shape of X.
    dtype : str
    order : "C" or "F"
    n_classes : int
    informative : int or None
        Columns with coefficients other than 0.
    storage : "dense", "sparse" or "tabular"
        An array, a CSR matrix, or a frame with two categorical columns more.
    """

    rows: int
    columns: int
    dtype: str = "float64"
    order: str = "C"
    n_classes: int = 2
    informative: int | None = None
    storage: str = "dense"

    def layout(self, dtype: str, order: str) -> TableSpec:
        """Return the same table in another type and order."""
        return replace(self, dtype=dtype, order=order)

    @property
    def file_stem(self) -> str:
        """What the folder of its files is called."""
        parts = (self.storage, self.rows, self.columns, self.dtype, self.order)
        return "-".join(map(str, (*parts, self.n_classes, self.informative)))

    def __str__(self) -> str:
        shape = f"{self.rows:,} x {self.columns:,}"
        if self.storage != "dense":
            return f"{shape} {self.storage}"
        return f"{shape} {self.dtype} {self.order}" + (
            f", {self.n_classes} classes" if self.n_classes > 2 else ""
        )


def make_table(spec: TableSpec, folder: Path) -> None:
    """Write the files of a table, unless they are there."""
    path = folder / spec.file_stem
    if path.is_dir():
        return
    arrays = _sparse(spec) if spec.storage == "sparse" else _dense(spec)
    beside = path.with_suffix(".part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(beside / f"{name}.npy", array)
    beside.rename(path)


def load_table(spec: TableSpec, folder: Path) -> Loaded:
    """Return a table, in memory of its own."""
    arrays = {path.stem: np.load(path) for path in (folder / spec.file_stem).glob("*.npy")}
    y, coef = arrays["y"], arrays["coef"]
    if spec.storage == "sparse":
        from scipy.sparse import csr_matrix

        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return Loaded(csr_matrix(parts, shape=(spec.rows, spec.columns)), y, coef)
    if spec.storage == "tabular":
        import pandas as pd

        frame = pd.DataFrame({f"x{j}": column for j, column in enumerate(arrays["X"].T)})
        for j, codes in enumerate(arrays["codes"]):
            frame[f"c{j}"] = pd.Categorical.from_codes(codes, [f"l{k}" for k in range(_LEVELS[j])])
        return Loaded(frame, y, coef)
    return Loaded(arrays["X"], y, coef)


def _dense(spec: TableSpec) -> dict[str, np.ndarray]:
    X, y, coef = make_problem(
        spec.rows,
        spec.columns,
        dtype=spec.dtype,
        order=spec.order,  # type: ignore[arg-type]
        n_classes=spec.n_classes,
        informative=spec.informative,
    )
    arrays = {"X": X, "y": y, "coef": coef}
    if spec.storage == "tabular":
        rng = np.random.default_rng(1)
        arrays["codes"] = np.array([rng.integers(0, levels, spec.rows) for levels in _LEVELS])
    return arrays


def _sparse(spec: TableSpec) -> dict[str, np.ndarray]:
    """Return a CSR matrix of so many values a row, rare columns among them."""
    rng = np.random.default_rng(0)
    shape = (spec.rows, _SPARSE_A_ROW)
    # Columns by a power law, as words are; the strides keep those of a row apart.
    step = spec.columns // _SPARSE_A_ROW
    indices = (step * rng.random(shape) ** 3).astype(np.int32)
    indices += step * np.arange(_SPARSE_A_ROW, dtype=np.int32)
    data = rng.standard_normal(shape)
    signal = rng.standard_normal(spec.columns) / np.sqrt(_SPARSE_A_ROW)
    odds = (data * signal[indices]).sum(axis=1)
    y = (rng.random(spec.rows) * (1.0 + np.exp(-odds)) < 1.0).astype(np.int64)
    return {
        "data": data.ravel(),
        "indices": indices.ravel(),
        "indptr": np.arange(0, indices.size + 1, _SPARSE_A_ROW, dtype=np.int32),
        "y": y,
        "coef": np.append(signal, 0.0)[:, None],
    }
