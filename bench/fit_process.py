"""A process that holds a workload's table and fits it, and that can be ended when it is slow.

All fits of a workload run in one process, ours and the peers', and are judged there;
the one that asks keeps the time limit.  A peer that runs out of it is ended with the whole
process, and the next request starts another one with the same table.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.fits import Fit, Fitted, fit_model, guarded, ours
from bench.judge import judge
from bench.readtime import Reader
from bench.rivals import RIVALS, Goal, Setting
from bench.tables import Problem, head_of
from bench.workloads import Workload

__all__ = ["OURS", "FitProcess", "Outcome", "Request"]

OURS = "fastlogreg "  # what names of our fits begin with; the solver follows

_START_LIMIT = 600.0  # seconds to make a table
_WARM_LIMIT = 120.0
_WARM_TOL = 1e-2
_HEAD_CELLS = 4_000_000
_HEAD_ROWS = 20_000
_REST = 0.05  # threads of a BLAS or of OpenMP spin on after their work


class Request(NamedTuple):
    """A fit to run.

    Parameters
    ----------
    name : str
        A rival's, or ours: "fastlogreg " and the solver.
    tol : float
    threads : int
    labels : str
        Type of the labels.
    """

    name: str
    tol: float
    threads: int
    labels: str = "int64"


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Parameters
    ----------
    seconds : float
        Wall time of ``fit``.
    objective, gradient_norm : float or None
        By the judge; None where the fit failed.
    iterations, passes, solver
        As in `bench.fits.Fitted`.
    says : str
        "converged", "not converged", or the error.
    """

    seconds: float
    objective: float | None = None
    gradient_norm: float | None = None
    iterations: int | None = None
    passes: float | None = None
    solver: str | None = None
    says: str = "converged"


class FitProcess:
    """Holds the table of a workload in a process of its own, and fits it there."""

    def __init__(self) -> None:
        self._workload: Workload | None = None
        self._process: Any = None
        self._connection: Any = None
        self._warm: set[tuple[str, str]] = set()

    def __enter__(self) -> FitProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def load(self, workload: Workload) -> tuple[int, int]:
        """Make the table of a workload, in the place of another; return its shape."""
        self._workload = workload
        self._warm = set()
        if self._process is None:
            self._start()
        shape = self._ask("load", workload, _START_LIMIT)
        if not isinstance(shape, tuple):
            raise RuntimeError(f"no table of the workload {workload.name}: {shape}")
        return shape

    def read(self) -> dict[str, Any]:
        """Return the plain read of X, by all samples so far and some more."""
        self._resume()
        found: dict[str, Any] = self._ask("read", None, _START_LIMIT)
        return found

    def fit(self, request: Request, limit: float) -> Outcome:
        """Return what came of a fit, which is ended at so many seconds.

        What it loads and compiles is loaded before, by a fit of the first rows.
        """
        key = (request.name, request.labels)
        self._resume()
        if key not in self._warm:
            if self._ask("warm", request, _WARM_LIMIT) is None:
                return Outcome(_WARM_LIMIT, says=f"no end in {_WARM_LIMIT:.0f} s on few rows")
            self._warm.add(key)
        found = self._ask("fit", request, limit)
        return Outcome(limit, says=f"no end in {limit:.0f} s") if found is None else found

    def _ask(self, what: str, argument: Any, limit: float) -> Any:
        """Return an answer, None where there was none in time: the process is then gone."""
        self._connection.send((what, argument))
        if not self._connection.poll(limit):
            self._end()
            return None
        try:
            return self._connection.recv()
        except EOFError:
            self._end()
            return Outcome(0.0, says="its process died")

    def _resume(self) -> None:
        """Start another process with the same table, where the last one was ended."""
        if self._process is None and self._workload is not None:
            self.load(self._workload)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = None


class _Bench:
    """The table, and what is done with it; lives in the process."""

    def __init__(self, workload: Workload) -> None:
        X, y, self.goal = workload.make()
        n, d = X.shape
        cells = X.nnz if sparse.issparse(X) else n * d
        rows = max(min(_HEAD_ROWS, _HEAD_CELLS * n // cells), 200)
        self.table = Problem(X, y, np.zeros((d + 1, 1)))
        self.head = head_of(self.table, rows)
        self.by_column: dict[int, Any] = {}
        self.reader = Reader(X)

    def read(self, _: None) -> dict[str, Any]:
        self.reader.sample(3)
        return self.reader.time().as_dict()

    def warm(self, request: Request) -> Outcome:
        return self._run(request._replace(tol=_WARM_TOL), self.head)

    def fit(self, request: Request) -> Outcome:
        return self._run(request, self.table)

    def _run(self, request: Request, problem: Problem) -> Outcome:
        fit, order = _fit_of(request, self.goal)
        X, y = problem.X, problem.y.astype(request.labels)
        seconds, fitted = _clock(fit, self._ordered(X, order), y, request.threads)
        if fitted.coef is None:
            return Outcome(seconds, says=fitted.outcome)
        verdict = judge(
            X, problem.y, fitted.coef, fitted.intercept, C=self.goal.C, l1_ratio=self.goal.l1_ratio
        )
        return Outcome(
            seconds, *verdict, fitted.iterations, fitted.passes, fitted.solver, fitted.outcome
        )

    def _ordered(self, X: Any, order: str) -> Any:
        if order == "C":
            return X
        n = X.shape[0]
        if n not in self.by_column:
            self.by_column[n] = X.tocsc() if sparse.issparse(X) else np.asfortranarray(X)
        return self.by_column[n]


def _fit_of(request: Request, goal: Goal) -> tuple[Fit, str]:
    """Return the fit of a request, and the order of X for it."""
    if request.name.startswith(OURS):
        solver = request.name.removeprefix(OURS)
        fit = ours("numba", solver, tol=request.tol, C=goal.C, l1_ratio=goal.l1_ratio)
        return guarded(fit), "C"
    rival = RIVALS[request.name]

    def run(X: np.ndarray, y: np.ndarray, sample_weight: Any) -> Fitted:
        model = rival.make(goal, Setting(request.tol, request.threads), len(y))
        fitted = fit_model(model, X, y, sample_weight)
        return fitted if rival.finish is None else rival.finish(model, fitted)

    return guarded(Fit(rival.name, run)), rival.order


def _clock(fit: Fit, X: np.ndarray, y: np.ndarray, threads: int) -> tuple[float, Fitted]:
    gc.collect()
    time.sleep(_REST)
    with threadpool_limits(limits=threads):
        gc.disable()
        try:
            began = time.perf_counter()
            fitted = fit(X, y)
            return time.perf_counter() - began, fitted
        finally:
            gc.enable()


def _serve(connection: Connection) -> None:
    """Answer requests until the other end is gone."""
    bench: _Bench | None = None
    while True:
        try:
            what, argument = connection.recv()
        except EOFError:
            return
        if what == "load":
            bench = None  # two tables at a time may be too much
            bench = _Bench(argument)
            connection.send(bench.table.X.shape)
        else:
            connection.send(getattr(bench, what)(argument))
