"""What a process of the gate does: prepares a case, and runs it when it is its turn.

What runs on one thread runs on one processor, the same one for both sides: two of a shared
machine differ by up to a fifth, each process keeps to its own for seconds, and that looked
like a difference of the code.

The yardsticks share no code with the package, so that no change of it moves them.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.gate_cases import ALL, ONE, Case, find_case
from bench.gate_tables import Loaded, TableSpec, load_table

__all__ = ["answer", "gemm_yardstick"]

_SIDE = 512  # of the product's square matrices
# After a product, the threads of a BLAS spin on for some 30 ms and would take the cores.
_REST = 0.04
# A turn is several runs, of which the least counts: the first finds the threads asleep.
_TURN = 0.012
_LEAST_RUNS, _MOST_RUNS = 2, 4
_LONG_RUN = 0.02  # from here on one has to do
_FACTS = {
    "objective": "objective_",
    "passes": "n_passes_",
    "backend": "backend_",
    "solver": "solver_",
}


def _processors() -> set[int]:
    """Return those that this process may run on, none where the system does not say."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()


def _run_on(processors: set[int]) -> None:
    if processors and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, processors)


_PROCESSORS = _processors()


class _Ready:
    """The case that is prepared, and the table that the last ones shared."""

    def __init__(self) -> None:
        self.spec: TableSpec | None = None
        self.loaded: Loaded | None = None
        self.case: Callable[[], Any] | None = None
        self.yardstick: Callable[[], object] | None = None
        self.runs = 1
        self.rest = self.share = 0.0
        self.one_thread = False
        self.limits = ExitStack()

    def prepare(self, key: str, tables: str) -> dict[str, Any]:
        """Load, set up and run a case once; return what it found.

        No clock runs, so that both sides may do this at once.
        """
        self.limits.close()
        _run_on(_PROCESSORS)
        case, name, mode = find_case(key)
        if case is None:
            return {"error": f"there is no case {name!r}"}
        try:
            return self._prepare(case, mode, Path(tables))
        except Exception as error:  # an older revision may lack anything
            return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}

    def size(self, processor: int | None) -> dict[str, Any]:
        """Go to the processor, on one thread, and return seconds of a run and runs of a turn."""
        assert self.case is not None
        if self.one_thread and processor is not None:
            _run_on({processor})
        seconds = _clock(self.case)[0]
        self.runs = min(max(round(_TURN / seconds), _LEAST_RUNS), _MOST_RUNS)
        if seconds > _LONG_RUN:
            self.runs = 1
        return {"seconds": seconds, "runs": self.runs, "share": self.share}

    def turn(self) -> float:
        """Return the seconds of the case, the least of its runs in this turn."""
        assert self.case is not None
        return min(_clock(self.case)[0] for _ in range(self.runs))

    def measure(self, count: int) -> list[float]:
        """Return the seconds of the yardstick, so many times."""
        assert self.yardstick is not None
        seconds = [_clock(self.yardstick)[0] for _ in range(count)]
        time.sleep(self.rest)
        return seconds

    def _prepare(self, case: Case, mode: str, tables: Path) -> dict[str, Any]:
        self.case = self.yardstick = None
        if self.spec != case.table or self.loaded is None:
            self.loaded = None  # its memory must not be held twice
            self.spec, self.loaded = case.table, load_table(case.table, tables)
        n_threads = _all_threads() if mode == ALL else 1
        self.one_thread = mode == ONE
        self.limits.enter_context(threadpool_limits(n_threads))
        self.case = case.prepare(self.loaded, n_threads)
        self.yardstick = self._yardstick(case, self.loaded, n_threads)
        self.rest = _REST if case.yardstick == "gemm" else 0.0
        self.share = case.share
        gc.enable()
        gc.collect()
        gc.disable()
        self.yardstick()
        result = self.case()  # loads or compiles code
        gc.freeze()  # modules and code stay, and need no look the next time
        found = {name: getattr(result, attribute, None) for name, attribute in _FACTS.items()}
        facts = {name: value for name, value in found.items() if value is not None}
        if case.yardstick == "read":
            facts["read_bytes"] = _flat(self.loaded.X).nbytes
        return {"facts": facts}

    def _yardstick(self, case: Case, loaded: Loaded, n_threads: int) -> Callable[[], object]:
        if case.yardstick == "gemm":
            return gemm_yardstick(case.operations)
        if case.yardstick == "interpreter":
            return _small_calls
        flat = _flat(loaded.X)
        if n_threads == 1:
            return flat.sum
        stripes = np.array_split(flat, n_threads)
        pool = self.limits.enter_context(ThreadPoolExecutor(n_threads))
        return lambda: list(pool.map(np.sum, stripes))


_ready = _Ready()


def answer(
    do: str,
    key: str = "",
    tables: str = "",
    processor: int | None = None,
    runs: int | None = None,
    count: int = 1,
) -> dict[str, Any]:
    """Return what a request asks for.

    Parameters
    ----------
    do : "versions", "prepare", "size", "turn" or "yardstick"
    key, tables : str
        Of "prepare": the case at a number of threads, and where the tables lie.
    processor : int, optional
        Of "size": where a case on one thread is to run, where the system lets one choose.
    runs : int, optional
        Of "turn": runs of a turn from here on, so that both sides do the same.
    count : int
        Of "yardstick": how often.
    """
    if do == "versions":
        return _versions()
    if do == "prepare":
        return _ready.prepare(key, tables)
    if do == "size":
        return _ready.size(processor)
    if do == "yardstick":
        return {"seconds": _ready.measure(count)}
    _ready.runs = runs or _ready.runs
    return {"seconds": _ready.turn()}


def gemm_yardstick(operations: float) -> Callable[[], object]:
    """Return matrix products of that many floating-point operations, about."""
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, _SIDE, _SIDE))
    out = np.empty((_SIDE, _SIDE))
    count = max(round(operations / (2.0 * _SIDE**3)), 1)

    def products() -> None:
        for _ in range(count):
            np.matmul(one, other, out=out)

    return products


def _flat(X: Any) -> np.ndarray:
    """Return the numbers of a table as they lie in memory."""
    if isinstance(X, np.ndarray):
        return X.ravel(order="K")
    if hasattr(X, "indptr"):
        return np.asarray(X.data)
    return np.asarray(X.select_dtypes("number").to_numpy()).ravel(order="K")


def _small_calls() -> None:
    """Spend a few milliseconds as a small fit does: on NumPy calls of next to no data."""
    matrix = np.linspace(0.0, 1.0, 900).reshape(30, 30)
    vector = np.linspace(-1.0, 1.0, 30)
    for number in range(300):
        product = matrix @ vector
        np.exp(-np.abs(product), out=product)
        total = {"sum": float(product.sum()), "number": number}
        vector = vector + 1e-9 * total["sum"]


def _clock(function: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def _all_threads() -> int:
    import joblib

    return int(joblib.cpu_count()) or os.cpu_count() or 1


def _versions() -> dict[str, Any]:
    """Return the versions, and where a process may run."""
    names = ("numpy", "scipy", "scikit-learn", "numba")
    return {name: metadata.version(name) for name in names} | {
        "python": sys.version.split()[0],
        "threads": _all_threads(),
        "processors": sorted(_PROCESSORS),
    }
