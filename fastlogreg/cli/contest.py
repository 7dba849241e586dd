"""Fits by this package and by its peers, side by side at the same objective.

All minimise the mean log-loss, of more than two classes the cross-entropy of the softmax,
plus ``||W||^2 / (2 C n)`` with unpenalised intercepts.  One formula, here, judges them all.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

from fastlogreg.cli.contest_tables import ContestTable
from fastlogreg.cli.peers import MAX_ITER, glum_model, intelex_model
from fastlogreg.cli.progress import Progress
from fastlogreg.estimators.logistic_regression import LogisticRegression
from fastlogreg.runtime.threads import available_threads

__all__ = [
    "OURS",
    "PEERS",
    "SAME_OBJECTIVE",
    "TOLERANCES",
    "Contender",
    "Entry",
    "Standing",
    "compete",
    "objective_of",
    "plain_read",
    "standings",
]

OURS = "fastlogreg"
TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8)
SAME_OBJECTIVE = 1e-6  # relative gap up to which times are compared

_EXACT = 1e-10
_WARM_UP_ROWS = 2_000
_MOST_HESSIAN_COLUMNS = 5_000  # a solver with a full Hessian is left out above
_REPEATS, _REPEAT_SECONDS = 3, 1.0
_CHUNK_CELLS = 1_048_576


@dataclass(frozen=True)
class Contender:
    """A way to fit.

    Parameters
    ----------
    name : str
        Package and solver.
    module : str
        What must be importable.
    make : callable
        Returns its estimator of (C, tol, n_rows).
    takes_sparse, takes_classes, has_hessian : bool
        Whether it takes a sparse X and more than two classes, and whether it forms the
        full Hessian.
    """

    name: str
    module: str
    make: Callable[[float, float, int], Any] = field(repr=False)
    takes_sparse: bool = True
    takes_classes: bool = True
    has_hessian: bool = False

    def refusal(self, table: ContestTable) -> str | None:
        """Return why it is left out, None where it is not."""
        if importlib.util.find_spec(self.module) is None:
            return "not installed"
        if table.is_sparse and not self.takes_sparse:
            return "takes no sparse table"
        if table.n_classes > 2 and not self.takes_classes:
            return "takes two classes only"
        if self.has_hessian and table.encoded.shape[1] > _MOST_HESSIAN_COLUMNS:
            return f"a Hessian of {table.encoded.shape[1]:,} columns would be too large"
        return None


@dataclass(frozen=True)
class Entry:
    """A fit at one tolerance.

    Parameters
    ----------
    solver : str
    tol : float
    seconds : float
        Median of its runs.
    objective : float
    iterations : int or None
    passes : float or None
        Counted reads of X, where the package counts them.
    converged : bool
        Whether it did not warn that it had not.
    """

    solver: str
    tol: float
    seconds: float
    objective: float
    iterations: int | None
    passes: float | None
    converged: bool

    def gap(self, best: float) -> float:
        """Return how far its objective is above the best one, relatively."""
        return max(self.objective - best, 0.0) / abs(best)


@dataclass(frozen=True)
class Standing:
    """A solver's first entry at the best objective, if it has one.

    Parameters
    ----------
    solver : str
    entry : Entry or None
    least_gap : float
        How near it came.
    ratio : float or None
        Its seconds in those of this package; None where either has no such entry.
    """

    solver: str
    entry: Entry | None
    least_gap: float
    ratio: float | None


def compete(
    table: ContestTable,
    *,
    C: float,
    peers: Iterable[str],
    tolerances: tuple[float, ...],
    limit: float,
    progress: Progress,
) -> tuple[list[Entry], float, dict[str, str]]:
    """Fit by this package and by its peers, from loose to tight.

    Parameters
    ----------
    table : ContestTable
    C : float
        Inverse strength of the penalty.
    peers : iterable of str
        Names in `PEERS`.
    tolerances : tuple of float
        Falling; what they mean differs from package to package.
    limit : float
        Seconds that a solver may spend before it gets no further tolerance.
    progress : Progress

    Returns
    -------
    list of Entry
        This package's first.
    float
        The least objective that any fit found, a tight one of this package's included.
    dict of str to str
        Why peers were left out, or failed.
    """
    entries: list[Entry] = []
    left_out: dict[str, str] = {}
    ours = Contender(OURS, "fastlogreg", _ours)
    with progress.step(f"{OURS}, off the clock"):
        # To the whole table: which kernels are loaded depends on its shape.
        exact = _entry(ours, table, C, _EXACT, repeats=1)
    for contender in (ours, *(PEERS[name] for name in peers)):
        reason = contender.refusal(table)
        if reason is None:
            with progress.step(contender.name):
                try:
                    entries += _entries(contender, table, C, tolerances, limit)
                except Exception as error:  # peers raise what they like
                    if contender.name == OURS:
                        raise
                    reason = f"{type(error).__name__}: {error}".splitlines()[0]
        if reason is not None:
            left_out[contender.name] = reason
    return entries, min(entry.objective for entry in (exact, *entries)), left_out


def standings(entries: Iterable[Entry], best: float) -> list[Standing]:
    """Return where each solver first reached the best objective, and how long it took.

    Times are compared only of entries that are within `SAME_OBJECTIVE` of it.
    """
    by_solver: dict[str, list[Entry]] = {}
    for entry in entries:
        by_solver.setdefault(entry.solver, []).append(entry)
    first = {
        solver: next((entry for entry in own if entry.gap(best) <= SAME_OBJECTIVE), None)
        for solver, own in by_solver.items()
    }
    ours = first.get(OURS)
    found = []
    for solver, own in by_solver.items():
        reached = first[solver]
        ratio = None if reached is None or ours is None else reached.seconds / ours.seconds
        found.append(Standing(solver, reached, min(entry.gap(best) for entry in own), ratio))
    return found


def objective_of(decision: np.ndarray, codes: np.ndarray, coef: np.ndarray, C: float) -> float:
    """Return the objective of decisions ``(n,)`` or ``(n, n_classes)`` and coefficients."""
    if decision.ndim == 1:
        loss = np.logaddexp(0.0, np.where(codes == 1, -decision, decision))
    else:
        own = np.take_along_axis(decision, codes[:, None], axis=1)[:, 0]
        loss = logsumexp(decision, axis=1) - own
    penalty = float((np.asarray(coef, dtype=np.float64) ** 2).sum()) / (2.0 * C * len(codes))
    return float(loss.mean()) + penalty


def plain_read(table: ContestTable) -> float:
    """Return the seconds of a plain read of the peers' X: the fastest of NumPy's sums."""
    flat = table.numbers
    n_threads = available_threads()[0]
    stripes = np.array_split(flat, n_threads)
    with ThreadPoolExecutor(n_threads) as pool:
        ways: tuple[Callable[[], object], ...] = (
            flat.sum,
            lambda: list(pool.map(np.sum, stripes)),
        )
        for way in ways:  # starts threads, maps pages
            way()
        return min(statistics.median(_clock(way) for _ in range(_REPEATS)) for way in ways)


def _entries(
    contender: Contender,
    table: ContestTable,
    C: float,
    tolerances: tuple[float, ...],
    limit: float,
) -> list[Entry]:
    if contender.name != OURS:
        _warm_up(contender, table, C)
    found: list[Entry] = []
    began = time.perf_counter()
    for tol in tolerances:
        found.append(_entry(contender, table, C, tol))
        if time.perf_counter() - began > limit:
            break
    return found


def _warm_up(contender: Contender, table: ContestTable, C: float) -> None:
    """Fit a few rows of every class, so that all code is loaded."""
    rows = np.concatenate(
        [np.flatnonzero(table.codes == k)[:_WARM_UP_ROWS] for k in range(table.n_classes)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contender.make(C, 1e-2, len(rows)).fit(table.encoded[rows], table.codes[rows])


def _entry(
    contender: Contender, table: ContestTable, C: float, tol: float, repeats: int = _REPEATS
) -> Entry:
    X = table.X if contender.name == OURS else table.encoded
    seconds: list[float] = []
    while len(seconds) < repeats and sum(seconds) < _REPEAT_SECONDS:
        model = contender.make(C, tol, table.n_rows)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seconds.append(_clock(partial(model.fit, X, table.codes)))
    coef = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    iterations = getattr(model, "n_iter_", None)
    return Entry(
        contender.name,
        tol,
        statistics.median(seconds),
        objective_of(_decision(table, model, coef), table.codes, coef, C),
        None if iterations is None else int(np.max(iterations)),
        getattr(model, "n_passes_", None),
        not any("ConvergenceWarning" in warning.category.__name__ for warning in caught),
    )


def _decision(table: ContestTable, model: Any, coef: np.ndarray) -> np.ndarray:
    """Return the decisions in float64, whatever the type of X."""
    if coef.shape[1] != table.encoded.shape[1]:  # ours, of a frame
        return np.asarray(model.decision_function(table.X), dtype=np.float64)
    parts = []
    step = max(_CHUNK_CELLS // coef.shape[1], 1)
    for start in range(0, table.n_rows, step):
        chunk = table.encoded[start : start + step].astype(np.float64)
        parts.append(chunk @ coef.T + np.atleast_1d(model.intercept_))
    decision = np.concatenate(parts)
    return decision[:, 0] if decision.shape[1] == 1 else decision


def _clock(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _ours(C: float, tol: float, n_rows: int) -> Any:
    return LogisticRegression(C=C, tol=tol, max_iter=MAX_ITER)


def _scikit_learn(solver: str, C: float, tol: float, n_rows: int) -> Any:
    return SklearnLogisticRegression(C=C, tol=tol, solver=solver, max_iter=MAX_ITER)


_ALL = (
    *(
        Contender(
            f"scikit-learn {solver}",
            "sklearn",
            partial(_scikit_learn, solver),
            has_hessian=solver == "newton-cholesky",
        )
        for solver in ("lbfgs", "newton-cholesky", "newton-cg")
    ),
    *(
        Contender(
            f"glum {solver}",
            "glum",
            partial(glum_model, solver),
            takes_classes=False,
            has_hessian=solver == "irls-ls",
        )
        for solver in ("irls-ls", "lbfgs")
    ),
    Contender("scikit-learn-intelex lbfgs", "sklearnex", intelex_model, takes_sparse=False),
)
PEERS = {contender.name: contender for contender in _ALL}
