"""The number of threads changes the time, never a bit, and no way of running ends badly."""

import threading

import pytest

from fastlogreg.runtime.threads import run_blocks, run_uninterrupted

# Every thread waits in its first block until all have one, so that all really take part.
WATCHED = """
import threading
import numpy as np
import numba
from fastlogreg import LogisticRegression
from fastlogreg.kernels import dense, dense_hessian, dense_outputs, dense_softmax
from fastlogreg.runtime import threads
from tests.problems import correlated

ran, asked = [], []
run_blocks, help_with = threads.run_blocks, threads._Crew.help_with

def watched_run(block, n_blocks, n_threads):
    expected = min(n_blocks, n_threads)
    everyone, seen = threading.Barrier(expected), set()
    def watched_block(first, last):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            everyone.wait(60)
        block(first, last)
    run_blocks(watched_block, n_blocks, n_threads)
    assert len(seen) == expected
    ran.append(expected)

def watched_help(crew, shared, n_helpers):
    help_with(crew, shared, n_helpers)
    asked.append(n_helpers)

threads._Crew.help_with = watched_help
for module in (dense, dense_hessian, dense_outputs, dense_softmax):
    module.run_blocks = watched_run

def table(n, d, dtype, order):
    X, y, weights = correlated(n, d, seed=d)
    if dtype == "i4":
        X = np.clip(np.rint(X), -100, 100)
    else:
        X /= X.std(axis=0)
    return np.asarray(X, dtype, order=order), y, weights

def bits(*arrays):
    return b"".join(array.tobytes() for array in arrays)
"""

SAME_BITS = (
    WATCHED
    + """
def outcomes(X, y, weights, n_threads):
    d = X.shape[1]
    codes = y.astype(np.int8)
    coef = np.linspace(-0.02, 0.02, d + 1)[:, None]
    three = np.hstack([coef, -coef, 0.5 * coef])
    rows = (codes, weights, np.array([0.5, 1.5]), n_threads)
    classes = (codes, weights, np.array([0.5, 1.5, 1.0]), n_threads, True)
    model = LogisticRegression(
        1e-3, backend="numba", n_threads=n_threads, tol=1e-2, max_iter=30,
        solver="lbfgs" if d == 1_100 else "newton-cholesky",
    )
    ways = {
        "pass": lambda: dense.loss_gradient(X, coef, *rows),
        "equal rows": lambda: dense.loss_gradient(X, coef, codes, None, np.ones(2), n_threads),
        "hessian": lambda: dense.loss_gradient_hessian(X, coef, *rows),
        "outputs": lambda: dense.loss_gradient(X, three, *rows),
        "product": lambda: [dense.hessian_product(X, coef, coef, *rows)],
        "softmax": lambda: dense.loss_gradient(X, three, *classes),
        "softmax hessian": lambda: dense.loss_gradient_hessian(X, three, *classes),
        "softmax product": lambda: [dense.hessian_product(X, three, -three, *classes)],
        "softmax probability": lambda: dense.probability(X, three, n_threads, True)[:1],
        "decision": lambda: dense.decision(X, three, n_threads)[:1],
        "probability": lambda: dense.probability(X, coef, n_threads)[:1],
        "fit": lambda: (model.fit(X, y, weights).coef_, model.intercept_),
    }
    if d == 1_100:
        del ways["softmax hessian"]  # a matrix of 3,303 rows, by the same loops as that of 1,203
    found = {}
    for name, way in ways.items():
        ran.clear(), asked.clear()
        found[name] = bits(*way())
        # On one thread nobody may be asked for help; else all threads asked for took part.
        assert max(ran) == n_threads, (name, X.shape, n_threads, ran)
        assert set(asked) == {count - 1 for count in ran if count > 1}, (name, asked, ran)
    return found

assert numba.config.NUMBA_NUM_THREADS == 8
panels = []
by_panels = dense_hessian._by_panels
dense_hessian._by_panels = lambda *a: panels.append(len(a[3])) or by_panels(*a)
for dtype, order in (("f8", "C"), ("f8", "F"), ("f4", "C"), ("i4", "C")):
    panels.clear()
    for n, d in ((12_000, 9), (6_500, 17), (2_600, 64), (2_600, 90), (1_500, 400), (400, 1_100)):
        args = table(n, d, dtype, order)
        one = outcomes(*args, 1)
        for n_threads in (2, 3, 7):
            several = outcomes(*args, n_threads)
            other = [name for name in one if several[name] != one[name]]
            assert other == [], (dtype, order, n, d, n_threads)
    assert set(panels) == {402, 1_102}
print("same bits")
"""
)


def test_same_bits_for_1_2_3_and_7_threads(run_python):
    assert run_python(SAME_BITS, NUMBA_NUM_THREADS="8") == "same bits"


PRANGE = (
    WATCHED
    + """
from fastlogreg.kernels import dense_pass, dense_tiles
from fastlogreg.kernels.blocks import block_edges, sum_parts

pass_block_c, pass_block_f = dense_pass.pass_block_c, dense_pass.pass_block_f

@numba.njit(parallel=True)
def drive_c(matrix, coef, codes, weights, class_weights, parts, edges, tile, reach, ran):
    for b in numba.prange(len(ran)):
        ran[b] = numba.get_thread_id()
        size = (tile + 31) // 32 * 32
        z, weight, u, growth = np.empty(tile), np.ones(size), np.empty(size), np.zeros(33)
        pass_block_c(
            matrix, coef, codes, weights, class_weights, parts, edges, reach,
            z, weight, u, growth, b, b + 1,
        )

@numba.njit(parallel=True)
def drive_f(matrix, coef, codes, weights, class_weights, parts, edges, tile, ran):
    for b in numba.prange(len(ran)):
        ran[b] = numba.get_thread_id()
        size = (tile + 31) // 32 * 32
        z, weight, u, growth = np.empty(tile), np.ones(size), np.empty(size), np.zeros(33)
        pass_block_f(
            matrix, coef, codes, weights, class_weights, parts, edges,
            z, weight, u, growth, b, b + 1,
        )

drivers = {"C": drive_c, "F": drive_f}
for n, d in ((9_000, 18), (2_000, 90)):
    for order, driver in drivers.items():
        X, y, weights = table(n, d, "f8", order)
        codes = y.astype(np.int8)
        coef = np.linspace(-0.02, 0.02, d + 1)
        matrix, in_c_order = dense._compiled_view(X)
        n_blocks = dense.count_blocks(n, d, d + 2)
        assert n_blocks >= 7
        tile, ahead = dense._tiling(X, in_c_order)
        edges = block_edges(n, n_blocks, tile)
        rows = [dense._read_only(a) for a in (codes, weights)]
        for rest in ([*rows, np.array([0.5, 1.5])], [rows[0], dense.EMPTY_WEIGHTS, np.ones(2)]):
            given = rest[1] if len(rest[1]) else None
            ours = dense.loss_gradient(X, coef[:, None], codes, given, rest[2], 3)
            for n_threads in (1, 2, 3, 7):
                numba.set_num_threads(n_threads)
                partials, who = np.zeros((n_blocks, d + 2)), np.full(n_blocks, -1)
                vector = dense_tiles.with_rest(coef) if in_c_order else coef
                driver(matrix, vector, *rest, partials, edges, tile, *ahead, who)
                assert numba.get_num_threads() == n_threads == len(set(who.tolist())), who
                total = sum_parts(partials)
                assert bits(total[d + 1 :], total[: d + 1]) == bits(*ours), (n, d, order)
print("same bits")
"""
)


def test_a_parallel_loop_of_numba_over_the_same_blocks_gives_the_same_bits(run_python):
    assert run_python(PRANGE, NUMBA_NUM_THREADS="8") == "same bits"


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')")
def test_a_forked_child_of_a_process_that_fitted_fits_too(run_python):
    code = """
import os, warnings
warnings.simplefilter("ignore")  # of forking with threads
from fastlogreg import LogisticRegression
from fastlogreg.runtime import threads
from tests.problems import correlated
X, y, _ = correlated(40_000, 8)
fit = lambda: LogisticRegression(backend="numba", n_threads=3).fit(X, y).coef_.tobytes()
before = fit()
assert len(threads._crew._helpers) == 2
child = os.fork()
if child == 0:
    started = len(threads._crew._helpers) == 0 and fit() == before
    os._exit(0 if started and len(threads._crew._helpers) == 2 else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert fit() == before
print("survived")
"""
    assert run_python(code) == "survived"


def test_threads_that_fit_at_once_get_the_same_bits_and_end(run_python):
    code = """
import threading
from concurrent.futures import ThreadPoolExecutor
from fastlogreg import LogisticRegression
from tests.problems import correlated
X, y, _ = correlated(20_000, 8)
together = threading.Barrier(8)
def fit(n_threads):
    together.wait(60)
    models = [LogisticRegression(backend="numba", n_threads=n_threads).fit(X, y) for _ in range(4)]
    return {model.coef_.tobytes() + model.intercept_.tobytes() for model in models}
with ThreadPoolExecutor(8) as pool:
    found = set().union(*pool.map(fit, (1, 2, 3, 7, 2, 3, 7, 2), timeout=100))
print(len(found))
"""
    assert run_python(code) == "1"


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_no_threading_layer_of_numba_is_entered(run_python, layer):
    code = """
import numba
from fastlogreg import LogisticRegression
from tests.problems import correlated
X, y, _ = correlated(20_000, 8)
for solver in ("newton-cholesky", "lbfgs"):
    LogisticRegression(backend="numba", n_threads=2, solver=solver).fit(X, y).predict_proba(X)
try:
    print(numba.threading_layer())
except ValueError:
    print("not entered")
"""
    assert run_python(code, NUMBA_THREADING_LAYER=layer) == "not entered"


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("n_blocks", [1, 2, 3, 5, 6, 7, 8, 13, 14, 15, 63, 64, 500])
def test_every_block_is_done_exactly_once(n_blocks, n_threads):
    done = []

    def block(first, last):
        assert first < last
        done.extend(range(first, last))

    for _ in range(20):
        done.clear()
        run_blocks(block, n_blocks, n_threads)
        assert sorted(done) == list(range(n_blocks))


def test_work_is_shared_in_ranges_that_shrink():
    sizes = []

    def block(first, last):
        sizes.append(last - first)

    run_blocks(block, 64, 1)
    assert sizes == [64]
    sizes.clear()
    run_blocks(block, 64, 2)
    assert max(sizes) == 16
    assert min(sizes) == 1


@pytest.mark.parametrize("guilty", ["caller", "pool"])
def test_an_error_inside_a_block_reaches_the_caller_and_the_pool_lives_on(guilty):
    caller = threading.get_ident()
    everyone, seen = threading.Barrier(3), set()

    def block(first, last):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            everyone.wait(60)
        if (threading.get_ident() == caller) == (guilty == "caller"):
            raise ArithmeticError(f"inside {first}")

    with pytest.raises(ArithmeticError, match="inside"):
        run_blocks(block, 12, 3)
    assert len(seen) == 3
    everyone, seen = threading.Barrier(3), set()
    guilty = "nobody"
    caller = None
    done = []

    def sound(first, last):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            everyone.wait(60)
        done.extend(range(first, last))

    run_blocks(sound, 12, 3)
    assert len(seen) == 3
    assert sorted(done) == list(range(12))


def test_after_an_error_nobody_begins_a_block_and_nobody_writes_when_it_is_raised():
    caller = threading.get_ident()
    both = threading.Barrier(2)
    caller_failed = threading.Event()
    finished = []

    def block(first, last):
        if first in (0, 1):
            both.wait(60)
        if threading.get_ident() == caller:
            caller_failed.set()
            raise ArithmeticError
        assert caller_failed.wait(60)
        finished.append((first, last))

    with pytest.raises(ArithmeticError):
        run_blocks(block, 4, 2)
    assert len(finished) == 1
    run_blocks(lambda first, last: None, 4, 2)
    assert len(finished) == 1


def test_a_pass_inside_a_pass_ends_though_all_helpers_are_busy():
    done = []

    def outer(first, last):
        for number in range(first, last):

            def inner(begin, end, number=number):
                done.extend((number, k) for k in range(begin, end))

            run_blocks(inner, 20, 4)

    run_blocks(outer, 20, 4)
    assert sorted(done) == [(i, k) for i in range(20) for k in range(20)]


def test_a_process_that_may_start_no_thread_does_all_alone(run_python):
    code = """
import threading
from fastlogreg.runtime.threads import run_blocks, run_uninterrupted

start, started = threading.Thread.start, []

def refuse(thread):
    if len(started) == 1:
        raise RuntimeError("can't start new thread")
    started.append(thread)
    start(thread)

threading.Thread.start = refuse
for _ in range(3):
    done = []
    run_blocks(lambda first, last: done.extend(range(first, last)), 20, 7)
    assert sorted(done) == list(range(20))
print(len(started))
"""
    assert run_python(code) == "1"


INTERRUPTED = """
import signal, threading, time
from fastlogreg.runtime.threads import run_blocks, run_uninterrupted

writing = threading.Event()
ended = []

def block(first, last):
    if threading.current_thread() is threading.main_thread():
        writing.wait(60)
        {interrupt}
        return
    writing.set()
    time.sleep(0.5)
    ended.append(first)

for round in range(3):
    writing.clear(), ended.clear()
    try:
        run_blocks(block, 8, 2)
    except KeyboardInterrupt:
        print(len(ended))
"""


@pytest.mark.parametrize(
    "interrupt",
    [
        "signal.raise_signal(signal.SIGINT)",
        # The second comes while the caller waits for the others.
        "signal.setitimer(signal.ITIMER_REAL, 0.2); signal.signal(signal.SIGALRM, "
        "signal.default_int_handler); signal.raise_signal(signal.SIGINT)",
        "signal.signal(signal.SIGALRM, signal.default_int_handler); "
        "signal.setitimer(signal.ITIMER_REAL, 0.2)",
    ],
    ids=["in a block", "twice", "while waiting"],
)
def test_an_interrupt_ends_a_pass_when_nobody_writes_any_more(run_python, interrupt):
    counts = run_python(INTERRUPTED.format(interrupt=interrupt)).split()
    assert len(counts) == 3
    assert "0" not in counts


def test_a_pass_leaves_nothing_of_its_table_behind():
    import gc
    import weakref

    import numpy as np

    X = np.ones(100)
    kept = weakref.ref(X)

    def block(first, last, X=X):
        X[first:last].sum()

    run_blocks(block, 100, 3)
    gc.disable()
    try:
        del X, block
        assert kept() is None
    finally:
        gc.enable()


def test_a_fit_may_come_when_the_main_thread_has_ended(run_python):
    code = """
import atexit, threading, time
from fastlogreg import LogisticRegression
from tests.problems import correlated
X, y, _ = correlated(20_000, 8)
fit = lambda: LogisticRegression(backend="numba", n_threads=3).fit(X, y).coef_.tobytes()
before = fit()

def late():
    time.sleep(0.3)
    print(fit() == before)

threading.Thread(target=late).start()
atexit.register(late)
"""
    assert run_python(code) == "True\nTrue"


@pytest.mark.skipif("not hasattr(__import__('os'), 'fork')")
def test_a_fork_while_another_thread_compiles_leaves_a_child_that_can_fit(run_python):
    code = """
import os, threading, time, warnings
warnings.simplefilter("ignore")  # of forking with threads
from numba.core.compiler_lock import global_compiler_lock
from fastlogreg.runtime.jit import block_kernel
from fastlogreg.kernels import dense
import numpy as np
rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))
compiling = threading.Event()

def compile_for_a_while():
    with global_compiler_lock:
        compiling.set()
        time.sleep(1)

threading.Thread(target=compile_for_a_while).start()
compiling.wait(60)
child = os.fork()
if child == 0:
    dense.decision(X, np.ones((4, 1)), 1)
    os._exit(0)
for _ in range(600):
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    time.sleep(0.1)
else:
    os.kill(child, 9)
    raise AssertionError("the child hangs")
print(os.waitstatus_to_exitcode(status))
"""
    assert run_python(code) == "0"


UNINTERRUPTED = """
import contextvars, os, signal, threading, time
from fastlogreg.runtime.threads import run_uninterrupted

lock, began, chosen = threading.RLock(), threading.Event(), contextvars.ContextVar("chosen")

def work():
    with lock:
        began.set()
        time.sleep(0.5)
    return chosen.get()

def interrupt():
    began.wait(60)
    os.kill(os.getpid(), signal.SIGINT)

chosen.set(5)
assert run_uninterrupted(work) == 5
began.clear()
threading.Thread(target=interrupt).start()
try:
    run_uninterrupted(work)
except KeyboardInterrupt:
    print("interrupted")
other = threading.Thread(target=lambda: print(lock.acquire(timeout=60)))
other.start()
other.join()
"""


@pytest.mark.skipif("sys.platform == 'win32'", reason="a signal there is not for a thread")
def test_an_interrupt_leaves_no_lock_taken(run_python):
    assert run_python(UNINTERRUPTED) == "interrupted\nTrue"


def test_an_error_of_uninterrupted_work_is_raised():
    def work():
        raise ArithmeticError("inside")

    with pytest.raises(ArithmeticError, match="inside"):
        run_uninterrupted(work)
