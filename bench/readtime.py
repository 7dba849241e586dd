"""The plain read of a table, the unit that wall times are stated in.

A *read-time* is a wall time divided by the time of a plain read of the same X on the
same machine in the same run.  The plain read is a sum over X as it lies in memory: the
fastest of NumPy's and a compiled one, each on one and on all threads.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from bench.read_kernels import read_block
from bench.timing import clock
from fastlogreg.runtime.threads import available_threads, run_blocks

__all__ = ["ReadTime", "Reader"]

_BLOCKS = 64


@dataclass(frozen=True)
class ReadTime:
    """How long a plain read takes.

    Parameters
    ----------
    seconds : float
        Median time of the fastest way.
    gb_s : float
        Gigabytes (1e9) a second in it.
    way : str
        Which way that was.
    ways : dict of str to float
        Median seconds of each way.
    """

    seconds: float
    gb_s: float
    way: str
    ways: dict[str, float]

    def times(self, seconds: float) -> float:
        """Return a wall time in read-times."""
        return seconds / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{1e3 * self.seconds:.3f} ms, {self.gb_s:.1f} GB/s ({self.way})"


class Reader:
    """Reads X plainly, again and again, and keeps the times.

    Call `sample` between other measurements, so that the yardstick is of the same
    minutes as they are, then `time`.

    Parameters
    ----------
    X : ndarray, or sparse matrix
        In C or F order; of a sparse one values and indices are read.
    """

    def __init__(self, X: Any) -> None:
        arrays = [X.data, X.indices] if sparse.issparse(X) else [_flat(X)]
        self._bytes = sum(array.nbytes for array in arrays)
        ways = [_ways(_read_only(array), available_threads()[0]) for array in arrays]
        self._ways = {name: partial(_run_all, [way[name] for way in ways]) for name in ways[0]}
        self._seconds: dict[str, list[float]] = {name: [] for name in self._ways}
        for read in self._ways.values():  # compiles, starts threads, maps pages
            read()

    def sample(self, rounds: int = 1) -> None:
        """Time every way once a round."""
        for _ in range(rounds):
            for name, read in self._ways.items():
                self._seconds[name].append(clock(read)[0])

    def time(self) -> ReadTime:
        """Return the plain read by the samples so far."""
        if not next(iter(self._seconds.values())):
            self.sample()
        medians = {name: statistics.median(taken) for name, taken in self._seconds.items()}
        way = min(medians, key=medians.__getitem__)
        return ReadTime(medians[way], self._bytes / medians[way] / 1e9, way, medians)


def _flat(X: np.ndarray) -> np.ndarray:
    flat = X.ravel(order="K")
    if not np.shares_memory(flat, X):
        raise ValueError(f"X has strides {X.strides}; expected a table in C or F order.")
    return flat


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _run_all(reads: list[Callable[[], object]]) -> None:
    for read in reads:
        read()


def _ways(flat: np.ndarray, n_threads: int) -> dict[str, Callable[[], object]]:
    edges = np.linspace(0, flat.size, _BLOCKS + 1).astype(np.int64)
    out = np.empty(_BLOCKS, dtype=flat.dtype)
    compiled = partial(run_blocks, partial(read_block, flat, out, edges), _BLOCKS)
    ways: dict[str, Callable[[], object]] = {
        "NumPy, 1 thread": flat.sum,
        "compiled, 1 thread": partial(compiled, 1),
    }
    if n_threads > 1:
        pool = ThreadPoolExecutor(n_threads)
        stripes = np.array_split(flat, n_threads)
        ways[f"NumPy, {n_threads} threads"] = lambda: list(pool.map(np.sum, stripes))
        ways[f"compiled, {n_threads} threads"] = partial(compiled, n_threads)
    return ways
