"""The one place for threads: how many, and who drives the blocks of a pass.

A pass is cut into blocks by the shape of X alone, each block writes its own part of
the result, and nobody else reads it before all are done.  So the driver changes the
time and never a bit:

- *serial*: one thread, or one block;
- *parallel*: numba's ``prange``, the cheapest to start;
- *pool*: the caller and Python threads over the same nogil kernels, a stripe of blocks
  each, where numba's threading layer is not safe: the layer ``workqueue`` aborts the process
  when two threads enter it at once, and a GNU OpenMP runtime kills a forked child
  that enters it.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

__all__ = ["available_threads", "driver_for", "run_blocks"]

_forked = False


@functools.cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Return a pool of so many threads, kept: starting one costs more than a small pass."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="fastlogreg")


def _mark_forked() -> None:
    global _forked
    _forked = True
    _pool.cache_clear()  # its threads did not come along


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)


def available_threads() -> tuple[int, str]:
    """Return how many threads a pass may use by default, and what said so."""
    import joblib

    found = [(joblib.cpu_count(), "CPUs available to this process")]
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        limit = os.environ.get(name, "")
        if limit.isdigit() and int(limit) > 0:
            found.append((int(limit), name))
    return min(found, key=lambda choice: choice[0])


def driver_for(n_threads: int) -> str:
    """Return "serial", "parallel" or "pool": who may drive that many threads now."""
    if n_threads == 1:
        return "serial"
    from numba import config

    if n_threads > config.NUMBA_NUM_THREADS:
        return "pool"
    layer = _threading_layer()
    if layer == "tbb" or (layer == "omp" and not _forked):
        return "parallel"
    return "pool"


def run_blocks(
    drive: Callable[..., object],
    block: Callable[..., object],
    arguments: Sequence[Any],
    edges: np.ndarray,
    n_threads: int,
) -> None:
    """Run *block* on each block of rows, each writing its own part of the result.

    Parameters
    ----------
    drive : callable ``(*arguments, edges)``
        The ``prange`` over all blocks.
    block : callable ``(*arguments, edges, b)``
        The work on rows ``edges[b]:edges[b + 1]``.
    arguments : sequence
        What every block needs, the array that receives the parts included.
    edges : ndarray of int64, shape (n_blocks + 1,)
        The first row of each block, and the number of rows.
    n_threads : int
        How many threads work; the result does not depend on it.
    """
    n_blocks = len(edges) - 1
    n_threads = min(n_threads, n_blocks)
    driver = driver_for(n_threads)
    if driver == "parallel":
        _with_numba_threads(n_threads, drive, (*arguments, edges))
        return

    def stripe(first: int) -> None:
        for b in range(first, n_blocks, n_threads):
            block(*arguments, edges, b)

    if driver == "serial":
        stripe(0)
        return
    others = [_pool(n_threads - 1).submit(stripe, first) for first in range(1, n_threads)]
    try:
        stripe(0)
    finally:
        wait(others)  # they write into the caller's arrays
    for done in others:
        done.result()


def _with_numba_threads(
    n_threads: int, function: Callable[..., object], arguments: Sequence[Any]
) -> None:
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(n_threads)
    try:
        function(*arguments)
    finally:
        numba.set_num_threads(before)


def _threading_layer() -> str:
    """Return the layer that numba has entered or would enter, without entering it."""
    import numba

    try:
        return str(numba.threading_layer())
    except ValueError:  # no parallel function has run yet
        pass
    requested = str(numba.config.THREADING_LAYER)
    orders = {
        "default": tuple(numba.config.THREADING_LAYER_PRIORITY),
        "safe": ("tbb",),
        "threadsafe": ("tbb", "omp"),
        "forksafe": ("tbb", "workqueue"),
    }
    for name in orders.get(requested, (requested,)):
        if name == "workqueue" or _importable(f"numba.np.ufunc.{name}pool"):
            return str(name)
    return "none"


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
