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
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from typing import TypeVar

from fastlogreg.runtime.cpus import available_threads

__all__ = ["available_threads", "run_blocks", "run_uninterrupted"]

T = TypeVar("T")


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


def run_uninterrupted(work: Callable[[], T]) -> T:
    """Return what *work* returns; an interrupt ends the waiting for it, and not the work.

    An interrupt strikes the main thread, between any two instructions of Python.  Work that
    takes locks is then done in another thread, and no lock stays taken for ever.  A process
    does not end before that thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    context, found, done = copy_context(), Future[T](), SimpleQueue[None]()

    def run() -> None:
        try:
            found.set_result(context.run(work))
        except BaseException as error:
            found.set_exception(error)
        done.put(None)

    try:
        threading.Thread(target=run, name="fastlogreg-work").start()
    except RuntimeError:  # no more threads for this process
        return work()
    done.get()
    return found.result()


class _Pass:
    """A pass that several threads work on.

    It takes no lock, since an interrupt may strike between taking one and holding it.
    Every step on a deque or a queue is whole or has not been; the order of the steps makes up
    for the rest.
    """

    def __init__(self, block: Callable[[int, int], object], n_blocks: int, n_threads: int) -> None:
        self._block: Callable[[int, int], object] | None = block
        self._ranges = deque(_shrinking_ranges(n_blocks, n_threads))
        self._begun: deque[None] = deque()
        self._ended: deque[None] = deque()
        self._one_ended: SimpleQueue[None] = SimpleQueue()
        self._errors: deque[BaseException] = deque()

    def work(self) -> None:
        """Do blocks until none is left."""
        block = self._block
        while True:
            try:
                first, last = self._ranges.popleft()
            except IndexError:
                return
            block(first, last)  # type: ignore[misc] # a range is left, so there is a block

    def help(self) -> None:
        """Do blocks until none is left, in a thread for which the caller then waits."""
        # Who begins after the caller has counted finds no range, and is not waited for.
        self._begun.append(None)
        try:
            self.work()
        except BaseException as error:
            self._errors.append(error)
            self._ranges.clear()
        finally:
            self._ended.append(None)
            self._one_ended.put(None)

    def end(self) -> None:
        """Hand out nothing more, and wait for the threads that write into the caller's arrays.

        An interrupt is raised after that: it cannot leave a thread writing.
        """
        interrupt = None
        while True:
            try:
                self._ranges.clear()
                while len(self._ended) < len(self._begun):
                    self._one_ended.get()
                break
            except BaseException as error:
                interrupt = error
        self._block = None  # a helper that comes late finds the pass, and no table in it
        if interrupt is not None:
            raise interrupt

    def raise_error(self) -> None:
        """Raise what *block* raised in a helper."""
        if self._errors:
            error = self._errors.popleft()
            self._errors.clear()
            try:
                raise error
            finally:
                del error  # it knows this frame by its traceback


def _shrinking_ranges(n_blocks: int, n_threads: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of blocks, large ones first.

    A thread that starts late or is held up takes fewer, so none waits long at the end; a
    range instead of a block a time keeps the calls few.
    """
    first = 0
    while first < n_blocks:
        last = first + max((n_blocks - first) // (2 * n_threads), 1)
        yield first, last
        first = last


class _Crew:
    """The helpers: as many as a pass ever asked for, kept, for a start costs much."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Pass] = SimpleQueue()
        self._helpers: dict[int, threading.Thread] = {}

    def help_with(self, shared: _Pass, n_helpers: int) -> None:
        """Let that many helpers join a pass, or as many as there can be."""
        for number in range(n_helpers):
            if number not in self._helpers and not self._start(number):
                return
            self._waiting.put(shared)

    def _start(self, number: int) -> bool:
        """Start the helper of that number, and return whether there is one."""
        helper = threading.Thread(
            target=_serve, args=(self._waiting,), name=f"fastlogreg-{number}", daemon=True
        )
        try:
            if self._helpers.setdefault(number, helper) is helper:
                helper.start()
        except BaseException as error:
            if helper.ident is None:
                self._helpers.pop(number, None)
            if not isinstance(error, RuntimeError):
                raise
            return False  # the process may start no more threads
        return True


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
