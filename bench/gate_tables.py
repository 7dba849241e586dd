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

_FORMAT = 2  # of the files: tables of another one lie beside these
_SPARSE_A_ROW = 30
_MIXED_LEVELS = (12, 300)
_MANY_LEVELS = 100_000


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
    storage : "dense", "sparse", "tabular", "flights" or "levels"
        An array; a CSR matrix; or a frame: with two categorical columns more, of real flights,
        or with one column of 100,000 levels.
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
        return "-".join(map(str, (*parts, self.n_classes, self.informative, _FORMAT)))

    def __str__(self) -> str:
        shape = f"{self.rows:,} x {self.columns:,}"
        kind = f"{self.dtype} {self.order}" if self.storage == "dense" else self.storage
        classes = f", {self.n_classes} classes" if self.n_classes > 2 else ""
        return f"{shape} {kind}{classes}"


def make_table(spec: TableSpec, folder: Path) -> None:
    """Write the files of a table, unless they are there.

    Raises
    ------
    ModuleNotFoundError
        The flights are not installed.
    """
    path = folder / spec.file_stem
    if path.is_dir():
        return
    arrays = _MAKERS[spec.storage](spec)
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
    if spec.storage != "dense":
        return Loaded(_frame(arrays), y, coef)
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
    return {"X": X, "y": y, "coef": coef}


def _tabular(spec: TableSpec) -> dict[str, np.ndarray]:
    """Return numbers as they are in arrays, and two categories that mean nothing."""
    rng = np.random.default_rng(1)
    arrays = _dense(spec)
    for j, levels in enumerate(_MIXED_LEVELS):
        arrays[f"codes-c{j}"] = rng.integers(0, levels, spec.rows).astype(np.int32)
        arrays[f"names-c{j}"] = np.array([f"l{k}" for k in range(levels)])
    return arrays


def _flights(spec: TableSpec) -> dict[str, np.ndarray]:
    from bench.frame_tables import FRAMES

    return _arrays(*FRAMES["flights"](False))


def _levels(spec: TableSpec) -> dict[str, np.ndarray]:
    from bench.frame_tables import make_levels

    return _arrays(*make_levels(spec.rows, _MANY_LEVELS, spec.columns - 1))


def _arrays(frame: Any, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return a frame's numbers, and codes and names of each of its categories."""
    numbers = frame.select_dtypes("number")
    arrays = {"X": numbers.to_numpy(dtype=np.float64), "y": y, "coef": np.zeros((1, 1))}
    for name in frame.columns.difference(numbers.columns, sort=False):
        arrays[f"codes-{name}"] = frame[name].cat.codes.to_numpy()
        arrays[f"names-{name}"] = frame[name].cat.categories.to_numpy().astype(str)
    return arrays


def _frame(arrays: dict[str, np.ndarray]) -> Any:
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in sorted(name for name in arrays if name.startswith("codes-")):
        names = arrays[name.replace("codes-", "names-", 1)].astype(object)
        columns[name.partition("-")[2]] = pd.Categorical.from_codes(arrays[name], names)
    return pd.DataFrame({f"x{j}": column for j, column in enumerate(arrays["X"].T)} | columns)


def _sparse(spec: TableSpec) -> dict[str, np.ndarray]:
    """Return a CSR matrix of so many values a row, rare columns among them."""
    rng = np.random.default_rng(0)
    shape = (spec.rows, _SPARSE_A_ROW)
    # Columns by a power law, as words are; the strides keep those of a row apart.
    step = spec.columns // _SPARSE_A_ROW
    indices = (step * rng.random(shape) ** 3).astype(np.int32)
    indices += step * np.arange(_SPARSE_A_ROW, dtype=np.int32)
    data = rng.standard_normal(shape)
    n_outputs = spec.n_classes if spec.n_classes > 2 else 1
    signal = rng.standard_normal((spec.columns, n_outputs)) / np.sqrt(_SPARSE_A_ROW)
    odds = np.einsum("ij,ijk->ik", data, signal[indices])
    if n_outputs > 1:
        y = np.argmax(odds + rng.gumbel(size=odds.shape), axis=1)
    else:
        y = (rng.random(spec.rows) * (1.0 + np.exp(-odds[:, 0])) < 1.0).astype(np.int64)
    return {
        "data": data.ravel(),
        "indices": indices.ravel(),
        "indptr": np.arange(0, indices.size + 1, _SPARSE_A_ROW, dtype=np.int32),
        "y": y,
        "coef": np.vstack([signal, np.zeros((1, n_outputs))]),
    }


_MAKERS = {
    "dense": _dense,
    "sparse": _sparse,
    "tabular": _tabular,
    "flights": _flights,
    "levels": _levels,
}
