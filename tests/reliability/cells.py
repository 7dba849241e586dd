"""The ways to run fits in threads and processes: ``python -m tests.reliability.cells WAY``.

Each runs the workload in many places at once and yields the digests it got there.
"""

import asyncio
import atexit
import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

from fastlogreg.runtime.threads import available_threads
from tests.reliability.workload import digest, model, table

__all__ = ["WAYS"]

LIMIT = 60  # seconds, after which every thread's place is printed and the process ends


def python_threads(storage):
    """Eight threads at once, with different numbers of threads each."""
    together = threading.Barrier(8)

    def fits(n_threads):
        together.wait(60)
        return [digest(storage, n_threads) for _ in range(2)]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(fits, (1, 2, 3, 7, 2, 3, 7, 2)):
            yield from found


def joblib_threading(storage):
    """joblib's threads."""
    yield from _with_joblib(storage, "threading", 8)


def joblib_loky(storage):
    """joblib's processes, after a fit in this one; a limit that they are told is kept."""
    from joblib import Parallel, delayed, parallel_config

    yield digest(storage)
    yield from _with_joblib(storage, "loky", 2)
    with parallel_config("loky", inner_max_num_threads=1):
        told = Parallel(2)(delayed(available_threads)() for _ in range(2))
    assert {n_threads for n_threads, _ in told} == {1}, told


def _with_joblib(storage, backend, n_jobs):
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs, backend=backend)(
        delayed(digest)(storage, n_threads) for n_threads in (1, 2, 3, 7, None, 2, 3, 7)
    )


def fork_after_fit(storage):
    """multiprocessing's forked children of a process that fitted."""
    yield digest(storage)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        yield from pool.map(digest, [storage] * 4, chunksize=1)
    yield digest(storage)


def fork_from_thread(storage):
    """Forks from a thread, and from a thread of its child, while other threads fit."""
    digest(storage)
    done = threading.Event()

    def fits():
        found = set()
        while not done.is_set():
            found.add(digest(storage))
        return found

    def fork():
        return _forked(lambda: {_forked(lambda: {digest(storage)}).pop(), digest(storage)})

    with ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(fits) for _ in range(2)]
        try:
            for _ in range(3):
                yield from pool.submit(fork).result()
        finally:
            done.set()
        for one in busy:
            yield from one.result()


def _forked(work):
    """Return what *work* returns in a forked child: a set of digests."""
    end, child_end = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            child_end.send(work())
        finally:
            os._exit(0)
    child_end.close()
    if not end.poll(LIMIT // 2):
        os.kill(child, signal.SIGABRT)  # it then prints where it hangs
    found = end.recv()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return found


def spawn(storage):
    """multiprocessing's spawned children."""
    digest(storage)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        yield from pool.map(digest, [storage] * 4, chunksize=1)


def nested_fits(storage):
    """A search over parameters in processes, in threads, and in threads of threads."""
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    X, y = table(storage)

    def search(n_jobs):
        grid = GridSearchCV(model(), {"C": [0.01, 1.0]}, n_jobs=n_jobs, cv=2)
        best = grid.fit(X, y)
        return best.best_estimator_.coef_.tobytes(), str(best.cv_results_["mean_test_score"])

    alone = search(1)
    for backend in ("loky", "threading"):
        with parallel_config(backend):
            assert search(2) == alone
    with ThreadPoolExecutor(2) as pool, parallel_config("threading"):
        assert {one.result() for one in [pool.submit(search, 2) for _ in range(2)]} == {alone}
    yield digest(storage)


def dask_worker(storage):
    """A worker of Dask with four threads, in this process and in one of its own."""
    from distributed import Client, LocalCluster

    for processes in (False, True):
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=4,
            processes=processes,
            dashboard_address=None,
            silence_logs=50,
        )
        with cluster, Client(cluster) as client:
            tasks = [client.submit(digest, storage, n, pure=False) for n in (1, 2, 3, 7, None, 2)]
            yield from client.gather(tasks)
            if processes:  # a process of Dask's own is told a limit
                assert client.submit(available_threads).result()[0] == 1


def asyncio_to_thread(storage):
    """Threads of an event loop."""

    async def gather():
        return await asyncio.gather(*(asyncio.to_thread(digest, storage) for _ in range(6)))

    yield from asyncio.run(gather())


def beside_parallel_numba(storage):
    """Fits in threads while a function of another numba library runs parallel loops."""
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def sums(numbers):
        total = 0.0
        for i in numba.prange(len(numbers)):
            total += numbers[i]
        return total

    numbers, done = np.ones(100_000), threading.Event()
    assert sums(numbers) == 100_000.0
    layer = os.environ["NUMBA_THREADING_LAYER"]
    assert numba.threading_layer() == layer, numba.threading_layer()

    def launch():
        launched = 0
        while not done.is_set():
            assert sums(numbers) == 100_000.0
            launched += 1
        return launched

    with ThreadPoolExecutor(5) as pool:
        other = pool.submit(launch)
        try:
            yield from pool.map(digest, [storage] * 8)
        finally:
            done.set()
        assert other.result() > 10
    assert sums(numbers) == 100_000.0


def fork_while_compiling(storage):
    """Forks while another thread compiles what the children need as well."""
    compiling = threading.Thread(target=digest, args=(storage,))
    compiling.start()
    time.sleep(1.0)
    for _ in range(2):
        yield from _forked(lambda: {digest(storage)})
        time.sleep(0.5)
    compiling.join()
    yield digest(storage)


def end_while_threads_fit(storage):
    """A process ends while daemon threads fit; a late thread and an exit handler fit too."""
    expected = digest(storage)

    def forever():
        while True:
            digest(storage)

    def late():
        time.sleep(0.5)
        assert digest(storage) == expected
        print("late", expected)

    for _ in range(3):
        threading.Thread(target=forever, daemon=True).start()
    threading.Thread(target=late).start()
    atexit.register(lambda: print("at exit", digest(storage)))
    yield expected


def interrupts(storage):
    """Ctrl-C at any moment of a fit, eighty times; the next fit is as if nothing had been."""
    X, y = table(storage)
    yield digest(storage)
    began = time.perf_counter()
    model().fit(X, y)
    seconds = time.perf_counter() - began
    interrupted = sum(_interrupted(X, y, seconds, seed) for seed in range(80))
    assert interrupted > 20, interrupted
    yield digest(storage)
    assert threading.active_count() <= 3, threading.enumerate()


def interrupts_while_compiling(storage):
    """Ctrl-C while kernels are compiled; the next fit does not wait for ever."""
    import fastlogreg.kernels.dense  # noqa: F401 # an interrupt inside of that is numba's

    X, y = table(storage)
    assert sum(_interrupted(X, y, 1.5, seed) for seed in range(6)) > 0
    yield digest(storage)


def _interrupted(X, y, seconds, seed):
    """Return whether a fit was interrupted, some moment within that many seconds."""
    armed = True

    def interrupt(*_):
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, random.Random(seed).uniform(1e-4, seconds))
        model().fit(X, y)
        armed = False
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # or it strikes the next before its try
    return False


WAYS = {
    way.__name__: way
    for way in (
        python_threads,
        joblib_threading,
        joblib_loky,
        fork_after_fit,
        fork_from_thread,
        spawn,
        nested_fits,
        dask_worker,
        asyncio_to_thread,
        beside_parallel_numba,
        fork_while_compiling,
        end_while_threads_fit,
        interrupts,
        interrupts_while_compiling,
    )
}


def main():
    faulthandler.enable()
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    # Newer Pythons warn of every fork of a process with threads, which is what is tried.
    warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
    for found in WAYS[sys.argv[1]](sys.argv[2]):
        print("digest", found, flush=True)


if __name__ == "__main__":
    main()
