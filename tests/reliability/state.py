"""What a fit must leave as it was: ``python -m tests.reliability.state CASE``.

In a fresh process the state is taken, something happens, and what differs is printed.
"""

import faulthandler
import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings

import numpy as np
import sklearn

from fastlogreg import LogisticRegression, LogisticRegressor
from tests.problems import correlated, several

__all__ = ["CASES"]

N_ROWS, N_COLUMNS = 12_000, 8


def state():
    """Return all that is the process's and not ours, by name."""
    mask = os.umask(0)
    os.umask(mask)
    found = {
        "warnings.filters": list(warnings.filters),
        "warnings.showwarning": warnings.showwarning,
        "np.errstate": (np.geterr(), np.geterrcall(), np.getbufsize()),
        "np.printoptions": np.get_printoptions(),
        "np.random": repr(np.random.get_state()),  # noqa: NPY002
        "random": random.getstate(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "signal mask": getattr(signal, "pthread_sigmask", lambda *_: None)(signal.SIG_BLOCK, []),
        "alarm": getattr(signal, "getitimer", lambda _: None)(0),
        "environment": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "working directory": os.getcwd(),
        "umask": mask,
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug()),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.unraisablehook),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "limits": (sys.getrecursionlimit(), sys.getswitchinterval(), threading.stack_size()),
        "tracing": (sys.gettrace(), sys.getprofile()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "scikit-learn": sklearn.get_config(),
        "faulthandler": faulthandler.is_enabled(),
        "affinity": getattr(os, "sched_getaffinity", lambda _: None)(0),
        "priority": os.nice(0) if hasattr(os, "nice") else None,
    }
    numba = sys.modules.get("numba")
    if numba is not None:
        config = vars(numba.config)
        found["numba.config"] = {name: config[name] for name in config if name.isupper()}
        # Asking for the mask would choose a layer, so it is read where one was chosen.
        try:
            found["numba's layer"] = numba.threading_layer()
            found["numba's threads"] = numba.get_num_threads()
        except ValueError:
            found["numba's layer"] = "none"
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return found
    pools = threadpool_info()
    found["BLAS threads"] = {pool["filepath"]: pool["num_threads"] for pool in pools}
    return found


def fit(**parameters):
    """A fit and its predictions."""
    X, y, weights = correlated(N_ROWS, N_COLUMNS)
    given = {"backend": "numba", "n_threads": 3, **parameters}
    fitted = LogisticRegression(**given).fit(X, y, weights)
    fitted.predict_proba(X)


def plain_numpy():
    """Plain NumPy, with overflow on the way."""
    fit(backend="numpy")
    X, y, _ = correlated(500, 3)
    LogisticRegression(backend="numpy", C=1e6).fit(X * 1e150, y)


def every_solver():
    """All solvers, and several classes."""
    for solver in ("lbfgs", "newton-cg", "subsampled-newton"):
        fit(solver=solver, max_iter=1_000)
    fit(l1_ratio=0.5)
    X, y, weights = several(3_000, 4, 3)
    LogisticRegression(backend="numba", n_threads=3).fit(X, y, weights).predict_proba(X)


def not_a_number():
    """NaN deep in X, found on the way."""
    X, y, _ = correlated(N_ROWS, N_COLUMNS)
    X[-1, -1] = np.nan
    try:
        LogisticRegression(backend="numba", n_threads=3).fit(X, y)
    except ValueError:
        return
    raise AssertionError("NaN was not refused")


def warnings_as_errors():
    """A warning that ends the fit."""
    warned = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            fit(max_iter=1, solver="lbfgs")
        except UserWarning:
            warned = True
    assert warned


def callback_error():
    """A callback that raises."""

    def callback(step):
        raise ZeroDivisionError

    try:
        fit(callback=callback)
    except ZeroDivisionError:
        return
    raise AssertionError("the callback's error was lost")


def interrupt():
    """Ctrl-C inside a pass, for compiled kernels and for NumPy."""
    fit()  # an interrupt inside the imports of other packages is theirs
    X, y, _ = correlated(200_000, N_COLUMNS)
    for backend in ("numba", "numpy"):
        for after in (0.002, 0.01, 0.05):
            timer = threading.Timer(after, os.kill, [os.getpid(), signal.SIGINT])
            try:
                timer.start()
                LogisticRegression(
                    backend=backend,
                    n_threads=3,
                    solver="gradient-descent",
                    tol=1e-300,
                    max_iter=10_000,
                ).fit(X, y)
            except KeyboardInterrupt:
                timer.join()
                continue
            raise AssertionError("no interrupt")


def from_scratch():
    """The model of the article, that diverges as well."""
    X, y, _ = correlated(500, 3)
    LogisticRegressor(random_state=0).fit(X.T, y, epochs=3, batch_size=50)
    try:
        LogisticRegressor(random_state=0).fit(1e200 * X.T, y, epochs=50, lr=1e200)
    except ArithmeticError:
        return
    raise AssertionError("no divergence")


CASES = {
    case.__name__: case
    for case in (
        fit,
        plain_numpy,
        every_solver,
        not_a_number,
        warnings_as_errors,
        callback_error,
        interrupt,
        from_scratch,
    )
}


def main():
    """Run the case twice: in a process that knows no numba, and again."""
    settings = {"divide": "raise", "under": "warn"}
    np.random.seed(5)  # noqa: NPY002
    for _ in range(2):
        with np.errstate(**settings):
            before = state()
            CASES[sys.argv[1]]()
            after = state()
        changed = [name for name in before if after[name] != before[name]]
        for name in changed:
            print("changed:", name, before[name], after[name])
    print("same" if not changed else "")


if __name__ == "__main__":
    main()
