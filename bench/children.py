"""Measurements that need a process of their own.

`in_new_process` runs one of the functions below by name in a fresh interpreter and
returns what it returned.  This module imports nothing but the standard library, and so
does each function until its clock runs: what a measurement loads is part of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "driven_passes",
    "first_fit",
    "frame_fit",
    "hand_back",
    "imports",
    "in_new_process",
    "peak_memory",
    "peak_memory_since",
    "watch_memory",
]


def in_new_process(
    name: str,
    *,
    environment: Mapping[str, str] | None = None,
    limit: float | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Return what a function of this module returns in a fresh interpreter.

    Parameters
    ----------
    name : str
        The function.
    environment : mapping of str to str, optional
        Variables set on top of this process's own.
    limit : float, optional
        Seconds after which the process is ended; what "says" tells of it is then all there is.
    **arguments
        Its arguments, as plain values.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.children", name, json.dumps(arguments)],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            text=True,
            check=limit is None,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return {"says": f"no end in {limit:g} s"}
    if done.returncode:  # a peer may run out of memory
        return {"says": f"its process ended with {done.returncode}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def imports() -> dict[str, float]:
    """Return the seconds of importing scikit-learn's estimators, and then of ours."""
    seconds = {}
    for key, module in (
        ("sklearn.linear_model", "sklearn.linear_model"),
        ("fastlogreg", "fastlogreg"),
        ("estimator", "fastlogreg.estimators.logistic_regression"),
    ):
        began = time.perf_counter()
        importlib.import_module(module)
        seconds[key] = time.perf_counter() - began
    return seconds


def driven_passes(**arguments: Any) -> dict[str, Any]:
    """Return what `bench.driving.time_passes` does: no other driver's threads are here."""
    from bench.driving import time_passes

    return time_passes(**arguments)


def first_fit(
    *,
    rows: int,
    columns: int,
    backend: str,
    load_first: bool,
    solver: str = "auto",
    storage: str = "dense",
    n_classes: int = 2,
) -> dict[str, Any]:
    """Return the seconds of the first and of the second fit in this process.

    Parameters
    ----------
    rows, columns : int
        Shape of X, float64 in C order; of another storage, its cells and width.
    backend, solver : str
        Parameters of the estimator.
    load_first : bool
        Whether numba and the kernels are imported before the clock of the first fit
        starts, and counted with the imports, and numba's own start, in which it compiles a
        function that does nothing, is taken apart; kernels are compiled or loaded in the
        fit in either case.
    storage : str
        "dense" or one in `bench.structured_crossover.STRUCTURED_TABLES`.
    n_classes : int
        Classes of a dense table.
    """
    if storage == "dense":
        from bench.tables import make_problem

        X, y, _ = make_problem(rows, columns, n_classes=n_classes)
    else:
        from bench.structured_crossover import STRUCTURED_TABLES

        X, y = STRUCTURED_TABLES[storage](rows, columns)
    began = time.perf_counter()
    estimator = importlib.import_module("fastlogreg").LogisticRegression
    if load_first:
        importlib.import_module("fastlogreg.design").load_backend(backend)
    imported = time.perf_counter()
    if load_first and backend == "numba":
        importlib.import_module("numba").njit(_nothing)()
    started = time.perf_counter()
    model = estimator(backend=backend, solver=solver, max_iter=1_000)
    marks = [time.perf_counter()]
    for _ in range(2):
        model.fit(X, y)
        marks.append(time.perf_counter())
    return {
        "imports": imported - began,
        "compiler_start": started - imported,
        "first_fit": marks[1] - marks[0],
        "second_fit": marks[2] - marks[1],
        "passes": model.n_passes_,
        "objective": model.objective_,
        "converged": model.status_.is_optimum,
        "numba_loaded": "numba" in sys.modules,
    }


def _nothing() -> None:
    """Do nothing, once compiled."""


def peak_memory(
    *,
    library: str,
    rows: int,
    columns: int,
    dtype: str,
    order: str,
    parameters: dict[str, Any],
    mapped: bool = False,
) -> dict[str, Any]:
    """Return how far a fit raises this process's memory above what it held before.

    A small fit comes first, so that code, threads and their stacks are not counted; what
    it freed is handed back, so that the large fit cannot use it uncounted.

    Parameters
    ----------
    library : str
        Module whose ``LogisticRegression`` is fitted.
    rows, columns, dtype, order
        X.
    parameters : dict
        Parameters of the estimator.
    mapped : bool
        Whether X is mapped read-only from a file, and not in memory of its own.
    """
    from bench.tables import head_of, make_problem

    estimator = importlib.import_module(library).LogisticRegression
    problem = make_problem(rows, columns, dtype=dtype, order=order)
    head = head_of(problem)
    X, y = _mapped(problem.X) if mapped else problem.X, problem.y
    del problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator(**parameters).fit(head.X, head.y)
        del head
        gc.collect()
        hand_back()
        before, way = watch_memory()
        model = estimator(**parameters).fit(X, y)
    return {
        "bytes": peak_memory_since(way) - before,
        "table_bytes": X.nbytes,
        "labels_bytes": y.nbytes,
        "way": way,
        "iterations": int(max(model.n_iter_)),
    }


def frame_fit(**arguments: Any) -> dict[str, Any]:
    """Return what `bench.frame_run.run_frame_fit` does."""
    from bench.frame_run import run_frame_fit

    return run_frame_fit(**arguments)


def _mapped(X: Any) -> Any:
    """Return X mapped read-only from a file that goes with it, every page of it read."""
    import numpy as np

    with tempfile.TemporaryFile() as file:
        # As open_memmap does, of a file without a name.
        file.write(X.tobytes(order="A"))
        file.flush()
        order = "C" if X.flags.c_contiguous else "F"
        mapped = np.memmap(file, dtype=X.dtype, mode="r", shape=X.shape, order=order)
    mapped.sum()
    return mapped


def hand_back() -> None:
    """Return freed memory to the system, where the C library can."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def watch_memory() -> tuple[int, str]:
    """Return the memory held now, and the way in which the peak will be known."""
    try:
        # Linux: 5 resets the high-water mark to what is held now.
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS"), "VmHWM, reset before the fit"
    except OSError:
        return peak_memory_since("ru_maxrss"), "ru_maxrss, never reset: a lower bound"


def peak_memory_since(way: str) -> int:
    """Return the peak of this process's memory, in the way that `watch_memory` returned."""
    if way.startswith("VmHWM"):
        return _status("VmHWM")
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else 1024 * peak)


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {key}")


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
