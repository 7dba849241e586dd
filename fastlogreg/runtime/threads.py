"""The one place for threads: how many, and how they share the blocks of a pass.

A pass is cut into blocks by the shape of X alone, each block writes its own part of
the result, and nobody else reads it before all are done.  So the number of threads
changes the time and never a bit.

The threads are Python's, over kernels that release the GIL.  numba's ``prange`` is not
entered at all: its layer ``workqueue`` aborts a process in which two threads enter it at
once, a GNU OpenMP runtime kills a forked child that enters it, and either spins against
the threads of a BLAS.  ``python -m bench.drivers`` shows what each costs.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["available_threads", "run_blocks"]


@functools.cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Return a pool of so many threads, kept: starting one costs more than a small pass."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="fastlogreg")


if hasattr(os, "register_at_fork"):
    # A pool's threads do not come along into a forked child.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def available_threads() -> tuple[int, str]:
    """Return how many threads a pass may use by default, and what said so."""
    import joblib

    found = [(joblib.cpu_count(), "CPUs available to this process")]
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        limit = os.environ.get(name, "")
        if limit.isdigit() and int(limit) > 0:
            found.append((int(limit), name))
    return min(found, key=lambda choice: choice[0])


def run_blocks(block: Callable[[int, int], object], n_blocks: int, n_threads: int) -> None:
    """Run *block* over all blocks, each writing its own part of the result.

    Parameters
    ----------
    block : callable ``(first, last)``
        The work on the blocks ``first`` to ``last - 1``.
    n_blocks : int
        How many there are.
    n_threads : int
        How many threads work, the caller's included; the result does not depend on it.
    """
    n_threads = min(n_threads, n_blocks)
    if n_threads == 1:
        block(0, n_blocks)
        return
    shares = _Shares(n_blocks, n_threads)

    def work() -> None:
        for first, last in shares:
            block(first, last)

    others = [_pool(n_threads - 1).submit(work) for _ in range(n_threads - 1)]
    try:
        work()
    finally:
        _finish(others)


class _Shares:
    """Hands out ranges of blocks, large ones first, to whoever asks next.

    A thread that starts late or is held up takes fewer, so none waits long at the end;
    a range instead of a block a time keeps the calls few.
    """

    def __init__(self, n_blocks: int, n_threads: int) -> None:
        self._next, self._end, self._n_threads = 0, n_blocks, n_threads
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while True:
            with self._lock:
                first = self._next
                left = self._end - first
                self._next = last = first + max(left // (2 * self._n_threads), min(left, 1))
            if first == last:
                return
            yield first, last


def _finish(others: Sequence[Future[None]]) -> None:
    """Wait for the threads that write into the caller's arrays; raise what they raised."""
    started = [other for other in others if not other.cancel()]
    for other in started:
        other.exception()
    for other in started:
        other.result()
