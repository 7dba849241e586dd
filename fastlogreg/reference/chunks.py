"""Rows a chunk at a time, their weights, and the sums over them, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = ["add_rows", "chunks", "is_weighted", "row_weights"]

_CHUNK_CELLS = 65_536  # 512 KiB of float64 stay in L2
_CHUNK_LEAST = 256


def chunks(X: np.ndarray, width: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of each chunk and the chunk in float64.

    *width* is how many numbers a row has in what is made of it: both it and the chunk
    are to stay in the cache.
    """
    n, d = X.shape
    step = max(_CHUNK_CELLS // max(d, width), _CHUNK_LEAST)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        yield rows, X[rows].astype(np.float64, copy=False)


def is_weighted(weights: np.ndarray | None, class_weights: np.ndarray) -> bool:
    """Return whether any row may count other than 1."""
    return weights is not None or any(weight != 1.0 for weight in class_weights.tolist())


def row_weights(
    codes: np.ndarray, weights: np.ndarray | None, class_weights: np.ndarray, rows: slice
) -> np.ndarray:
    """Return class weight times sample weight of a chunk, ``(rows, 1)``."""
    weight: np.ndarray = class_weights.take(codes[rows])
    if weights is not None:
        weight *= weights[rows]
    return weight[:, None]


def add_rows(chunk: np.ndarray, residual: np.ndarray, out: np.ndarray) -> None:
    """Add ``sum_i [x_i, 1] residual_i`` to out ``(d + 1, n_outputs)``."""
    out[:-1] += chunk.T @ residual
    out[-1] += residual.sum(axis=0)
