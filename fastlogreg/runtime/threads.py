"""The one place for threads: how many, and how they share the blocks of a pass.

A pass is cut into blocks by the shape of X alone, each block writes its own part of
the result, and nobody else reads it before all are done.  So the number of threads
changes the time and never a bit.

The threads are Python's, over kernels that release the GIL.  numba's ``prange`` is not
entered at all: its layer ``workqueue`` aborts a process in which two threads enter it at
once, a GNU OpenMP runtime kills a forked child that enters it, and either spins against
the threads of a BLAS.  ``python -m bench.drivers`` shows what each costs.

Helpers
-------
The caller of a pass works on it himself, and helpers join him where they are free.  So a
pass ends however many are busy elsewhere, were not let start (a limit of the system, or an
interpreter that is on its way out) or stayed behind in the parent of a fork; and a pass
inside a pass, or many at once, cannot wait for each other.

Helpers are daemons: an idle one keeps no process alive, and one at work has a caller who
waits for it.  An executor of the standard library takes no work once the main thread is
done, while other threads and exit handlers may still fit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from fastlogreg.runtime.cpus import available_threads

__all__ = ["available_threads", "run_blocks"]


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

    Raises
    ------
    BaseException
        What *block* raised, or an interrupt.  No thread is in *block* any more then.
    """
    n_threads = min(n_threads, n_blocks)
    if n_threads == 1:
        block(0, n_blocks)
        return
    shared = _Pass(block, n_blocks, n_threads)
    try:
        _crew.help_with(shared, n_threads - 1)
        shared.work()
    finally:
        shared.end()
    shared.raise_error()


class _Pass:
    """A pass that several threads work on.

    It hands out ranges of blocks, large ones first, to whoever asks next.  A thread that
    starts late or is held up takes fewer, so none waits long at the end; a range instead
    of a block a time keeps the calls few.
    """

    def __init__(self, block: Callable[[int, int], object], n_blocks: int, n_threads: int) -> None:
        self._block: Callable[[int, int], object] | None = block
        self._next, self._end, self._n_threads = 0, n_blocks, n_threads
        self._helping = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition(threading.Lock())

    def work(self) -> None:
        """Do blocks until none is left."""
        block = self._block
        for first, last in self._ranges():
            block(first, last)  # type: ignore[misc] # a range is left, so there is a block

    def help(self) -> None:
        """Do blocks until none is left, in a thread for which the caller then waits."""
        with self._changed:
            if self._next == self._end:
                return
            self._helping += 1
        try:
            self.work()
        except BaseException as error:
            self._stop(error)
        finally:
            with self._changed:
                self._helping -= 1
                self._changed.notify()

    def _ranges(self) -> Iterator[tuple[int, int]]:
        while True:
            with self._changed:
                first = self._next
                left = self._end - first
                self._next = last = first + max(left // (2 * self._n_threads), min(left, 1))
            if first == last:
                return
            yield first, last

    def _stop(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._next = self._end
            self._error = self._error or error

    def end(self) -> None:
        """Hand out nothing more, and wait for the threads that write into the caller's arrays.

        An interrupt is raised after that: it cannot leave a thread writing.
        """
        interrupt = None
        while True:
            try:
                self._stop()
                with self._changed:
                    while self._helping:
                        self._changed.wait()
                break
            except BaseException as error:
                interrupt = error
        self._block = None  # a helper that comes late finds the pass, and no table in it
        if interrupt is not None:
            raise interrupt

    def raise_error(self) -> None:
        """Raise what *block* raised in a helper."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it knows this frame by its traceback


class _Crew:
    """The helpers: as many as any pass has asked for, kept, since a start costs more than
    a small pass.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Pass] = SimpleQueue()
        self._size = 0
        self._growing = threading.RLock()  # a signal's handler may fit inside a fit

    def help_with(self, shared: _Pass, n_helpers: int) -> None:
        """Let that many helpers join a pass, or as many as there can be."""
        if self._size < n_helpers:
            self._grow(n_helpers)
        for _ in range(min(n_helpers, self._size)):
            self._waiting.put(shared)

    def _grow(self, size: int) -> None:
        with self._growing:
            while self._size < size:
                helper = threading.Thread(
                    target=_serve, args=(self._waiting,), name="fastlogreg", daemon=True
                )
                try:
                    helper.start()
                except RuntimeError:  # no more threads for this process
                    return
                self._size += 1


def _serve(waiting: SimpleQueue[_Pass]) -> None:
    while True:
        # The pass gets no name here: it would be kept until the next one.
        waiting.get().help()


_crew = _Crew()


def _start_anew() -> None:
    """Forget helpers and locks of the parent, in a forked child: threads do not come along."""
    global _crew
    _crew = _Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
