"""One fit of a DataFrame in the process that asks: time, memory, and what it reached."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np
import pandas as pd

from bench.children import hand_back, peak_memory_since, watch_memory
from bench.frame_fits import FRAME_FITS
from bench.frame_tables import FRAMES, one_hot
from bench.judge import judge
from bench.readtime import Reader

__all__ = ["run_frame_fit"]

_HEAD_ROWS = 150_000  # enough for compiled kernels to be chosen, and loaded
_WARM_TOL = 1e-2
_REST = 0.05  # threads of a BLAS or of OpenMP spin on after their work


def run_frame_fit(*, table: str, fit: str, tol: float, quick: bool) -> dict[str, Any]:
    """Return seconds, memory and verdict of a fit, whose code is loaded before on a few rows.

    Parameters
    ----------
    table : str
        A name in `bench.frame_tables.FRAMES`.
    fit : str
        A name in `bench.frame_fits.FRAME_FITS`.
    tol : float
    quick : bool
        Whether the table is the small one.
    """
    frame, y = FRAMES[table](quick)
    FRAME_FITS[fit](_head(frame), y[:_HEAD_ROWS], _WARM_TOL)
    gc.collect()
    hand_back()
    time.sleep(_REST)
    before, way = watch_memory()
    gc.disable()
    began = time.perf_counter()
    fitted = FRAME_FITS[fit](frame, y, tol)
    seconds = time.perf_counter() - began
    gc.enable()
    memory = peak_memory_since(way) - before
    assert fitted.coef is not None
    matrix = one_hot(frame)
    verdict = judge(matrix, y, fitted.coef, fitted.intercept)
    return {
        "seconds": seconds,
        "bytes": memory,
        "way": way,
        "rows": len(y),
        "columns": matrix.shape[1],
        "table_bytes": _bytes_of(frame),
        "read": _plain_read(_bytes_of(frame)),
        "objective": verdict.objective,
        "gradient_norm": verdict.gradient_norm,
        "iterations": fitted.iterations,
        "passes": fitted.passes,
        "solver": fitted.solver,
        "says": fitted.outcome,
    }


def _head(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the first rows, with the categories that occur there."""
    head = frame.head(_HEAD_ROWS).copy()
    for name in head:
        if isinstance(head[name].dtype, pd.CategoricalDtype):
            head[name] = head[name].cat.remove_unused_categories()
    return head


def _bytes_of(frame: pd.DataFrame) -> int:
    """Return the bytes of the columns that a pass reads: codes and numbers."""
    return sum(
        (column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column).nbytes
        for _, column in frame.items()
    )


def _plain_read(n_bytes: int) -> float:
    """Return the seconds of a plain read of so many bytes."""
    reader = Reader(np.ones((n_bytes // 8, 1)))
    reader.sample(5)
    return reader.time().seconds
