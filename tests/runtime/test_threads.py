"""The thread count and the driver change the time, never a bit; no driver kills the process."""

import pytest

SAME_BITS = """
import threading
import numpy as np
import numba
from fastlogreg.kernels import dense
from fastlogreg.runtime import threads
from fastlogreg import LogisticRegression
from tests.problems import correlated

recorded = []
original = threads._with_numba_threads

def spy(n_threads, function, arguments):
    def counted(*a):
        recorded.append(("parallel", numba.get_num_threads()))
        return function(*a)
    return original(n_threads, counted, arguments)

threads._with_numba_threads = spy

pool_of = threads._pool

def counted_pool(n_threads):
    pool = pool_of(n_threads)
    assert pool._max_workers == n_threads
    recorded.append(("pool", n_threads + 1))  # the caller works too
    return pool

threads._pool = counted_pool
layer = threads.driver_for

def results(n_threads, order, dtype, d):
    X, y, w = correlated(80_000 // d + 4_000, d, order=order, dtype=dtype)
    codes = y.astype(np.int8)
    coef = np.linspace(-0.1, 0.1, d + 1)[:, None]
    args = (X, coef, codes, w, np.array([0.5, 1.5]), n_threads)
    loss, gradient = dense.loss_gradient(*args)
    model = LogisticRegression(backend="numba", n_threads=n_threads).fit(X, y, w)
    return b"".join(a.tobytes() for a in (
        loss, gradient, *dense.loss_gradient_hessian(*args), dense.decision(X, coef, n_threads)[0],
        model.coef_, model.intercept_))

cases = [("C", "f8", 17), ("F", "f8", 17), ("C", "f4", 64), ("F", "f4", 9), ("C", "f8", 90)]
for order, dtype, d in cases:
    one = results(1, order, dtype, d)
    assert not recorded
    for n_threads in (2, 3, 7):
        for forced in ("parallel", "pool"):
            threads.driver_for = lambda n, forced=forced: forced
            assert results(n_threads, order, dtype, d) == one, (order, dtype, d, n_threads, forced)
            assert set(recorded) == {(forced, n_threads)}, recorded
            recorded.clear()
        threads.driver_for = layer
print("same bits")
"""


def test_same_bits_for_1_2_3_and_7_threads_and_both_drivers(run_python):
    assert run_python(SAME_BITS, NUMBA_NUM_THREADS="8") == "same bits"


def test_threads_really_run_side_by_side(run_python):
    code = """
import numpy as np, numba
from fastlogreg.runtime.jit import block_kernel, parallel_driver, prange
from fastlogreg.runtime import threads

@block_kernel
def note(seen, edges, b):
    seen[b] = numba.get_thread_id()
    total = 0.0
    for i in range(20_000_000):
        total += i % 7
    if total < 0.0:
        seen[b] = -1

@parallel_driver
def note_all(seen, edges):
    for b in prange(seen.size):
        note(seen, edges, b)

seen = np.full(12, -1, dtype=np.int64)
threads.run_blocks(note_all, note, (seen,), np.arange(13), 3)
assert threads.driver_for(3) == "parallel"
print(len(set(seen.tolist())), numba.get_num_threads())
"""
    assert run_python(code, NUMBA_NUM_THREADS="8", FASTLOGREG_CACHE_DIR="") == "3 8"


def test_more_threads_than_numba_has_go_to_the_pool(run_python):
    code = (
        "from fastlogreg.runtime.threads import driver_for\n"
        "print(driver_for(1), driver_for(2), driver_for(5))"
    )
    assert run_python(code, NUMBA_NUM_THREADS="2") == "serial parallel pool"


def test_the_layer_workqueue_is_never_entered(run_python):
    code = """
import numpy as np, numba
from fastlogreg.kernels import dense
from fastlogreg.runtime.threads import driver_for
from tests.problems import correlated
X, y, _ = correlated(40_000, 5)
dense.loss_gradient(X, np.zeros((6, 1)), y.astype(np.int8), None, np.ones(2), 2)
try:
    numba.threading_layer()
except ValueError:
    print(driver_for(2), "not entered")
"""
    environment = {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "2"}
    assert run_python(code, **environment) == "pool not entered"


FORKED = """
import os, sys
import numpy as np
from fastlogreg import LogisticRegression
from fastlogreg.runtime import threads
from tests.problems import correlated
X, y, _ = correlated(40_000, 8)
fit = lambda: LogisticRegression(backend="numba", n_threads=2).fit(X, y).coef_
before = fit()
assert threads.driver_for(2) == "parallel"
child = os.fork()
if child == 0:
    same = threads.driver_for(2) == "pool" and (fit() == before).all()
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert (fit() == before).all()
print("survived")
"""


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')")
def test_a_forked_child_of_a_process_that_fitted_fits_too(run_python):
    code = "import warnings; warnings.simplefilter('ignore')\n" + FORKED
    assert run_python(code, NUMBA_NUM_THREADS="2") == "survived"


def test_the_thread_limit_of_the_caller_is_restored_after_an_error(run_python):
    code = """
import numpy as np, numba
from fastlogreg.runtime import threads
def fail(*_):
    assert numba.get_num_threads() == 2
    raise RuntimeError("inside")
numba.set_num_threads(3)
try:
    threads.run_blocks(fail, fail, (), np.arange(5), 2)
except RuntimeError:
    print(numba.get_num_threads())
"""
    assert run_python(code, NUMBA_NUM_THREADS="4") == "3"


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"])
def test_a_thread_limit_in_the_environment_is_honoured(run_python, name):
    code = "from fastlogreg.runtime.threads import available_threads as a; print(*a())"
    assert run_python(code, **{name: "1"}) == f"1 {name}"
