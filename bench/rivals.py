"""The peers of ``bench.peers``: how each is told one and the same objective.

A rival is named by its package and solver.  Where it differs from the objective of
`bench.judge` the difference is made as small as its parameters allow: liblinear and snapml
penalise the intercept, the less the larger ``intercept_scaling``, which snapml's iterations
bear up to about 10 alone.  On sparse tables, which have very many columns, solvers that
form a Hessian are no rivals: it would not fit into memory.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression

from bench.fits import Fitted
from fastlogreg.cli.peers import MAX_ITER, glum_model, intelex_model

__all__ = ["KINDS", "RIVALS", "Goal", "Rival", "Setting", "missing_rivals", "rivals_for"]

KINDS = ("L2", "L1", "elastic net", "softmax", "sparse L2", "sparse L1", "sparse softmax")
_LIBLINEAR_SCALING = 1e4
_SNAPML_SCALING = 10.0


@dataclass(frozen=True)
class Goal:
    """What is minimised; see `bench.judge`.

    Parameters
    ----------
    C : float
    l1_ratio : float
    n_classes : int
    is_sparse : bool
        Whether X is sparse, and wide.
    """

    C: float = 1.0
    l1_ratio: float = 0.0
    n_classes: int = 2
    is_sparse: bool = False

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        kind = {0.0: "L2", 1.0: "L1"}.get(self.l1_ratio, "elastic net")
        kind = "softmax" if self.n_classes > 2 else kind
        return f"sparse {kind}" if self.is_sparse else kind


@dataclass(frozen=True)
class Setting:
    """How a rival is run.

    Parameters
    ----------
    tol : float
        Its tolerance, whatever that means to it, for the mean over the rows.
    threads : int
        For rivals with an argument of their own; the caller limits BLAS and OpenMP.
    """

    tol: float
    threads: int


@dataclass(frozen=True)
class Rival:
    """A peer's solver.

    Parameters
    ----------
    name : str
        Package and solver.
    module : str
        What must be importable.
    kinds : tuple of str
        Objectives that it has.
    make : callable
        Returns its estimator of (goal, setting, n_rows).
    order : "C" or "F"
        The order of X that it reads best, of a sparse one by rows or by columns; X is put
        into it off the clock.
    finish : callable, optional
        Returns the fit of (estimator, fit), where its attributes do not hold it.
    """

    name: str
    module: str
    kinds: tuple[str, ...]
    make: Callable[[Goal, Setting, int], Any] = field(repr=False)
    order: str = "C"
    finish: Callable[[Any, Fitted], Fitted] | None = field(default=None, repr=False)

    @property
    def is_installed(self) -> bool:
        """Whether its module can be imported."""
        return importlib.util.find_spec(self.module) is not None


def rivals_for(kind: str, names: list[str] | None = None) -> list[Rival]:
    """Return the installed rivals that have a kind of objective, among those named."""
    return [rival for rival in _among(kind, names) if rival.is_installed]


def missing_rivals(kind: str, names: list[str] | None = None) -> list[str]:
    """Return the names of the others that have it."""
    return [rival.name for rival in _among(kind, names) if not rival.is_installed]


def _among(kind: str, names: list[str] | None) -> list[Rival]:
    return [
        rival
        for rival in RIVALS.values()
        if kind in rival.kinds and (names is None or rival.name in names)
    ]


def _scikit_learn(solver: str, goal: Goal, setting: Setting, n_rows: int) -> Any:
    extra = {"intercept_scaling": _LIBLINEAR_SCALING} if solver == "liblinear" else {}
    return SklearnLogisticRegression(
        C=goal.C,
        l1_ratio=goal.l1_ratio,
        solver=solver,
        tol=setting.tol,
        max_iter=MAX_ITER,
        random_state=0,
        **extra,
    )


def _intelex(goal: Goal, setting: Setting, n_rows: int) -> Any:
    return intelex_model(goal.C, setting.tol, n_rows, n_jobs=setting.threads)


def _glum(solver: str, goal: Goal, setting: Setting, n_rows: int) -> Any:
    return glum_model(solver, goal.C, setting.tol, n_rows, l1_ratio=goal.l1_ratio)


def _skglm(goal: Goal, setting: Setting, n_rows: int) -> Any:
    from skglm import GeneralizedLinearEstimator
    from skglm.datafits import Logistic
    from skglm.penalties import L1_plus_L2
    from skglm.solvers import ProxNewton

    return GeneralizedLinearEstimator(
        Logistic(),
        L1_plus_L2(1.0 / (goal.C * n_rows), goal.l1_ratio),
        ProxNewton(tol=setting.tol, max_iter=MAX_ITER, fit_intercept=True),
    )


def _snapml(goal: Goal, setting: Setting, n_rows: int) -> Any:
    from snapml import LogisticRegression

    return LogisticRegression(
        regularizer=1.0 / goal.C,
        tol=setting.tol,
        max_iter=MAX_ITER,
        n_jobs=setting.threads,
        fit_intercept=True,
        intercept_scaling=_SNAPML_SCALING,
        random_state=0,
    )


def _snapml_intercept(model: Any, fitted: Fitted) -> Fitted:
    """Return the fit with the intercept that snapml predicts with, not its scaled attribute."""
    zero = np.zeros((1, fitted.coef.shape[1]))
    other, positive = model.predict_proba(zero)[0]
    return Fitted(
        fitted.coef,
        np.array([math.log(positive / other)]),
        fitted.iterations,
        outcome=fitted.outcome,
    )


_ALL = (
    *(
        Rival(f"scikit-learn {solver}", "sklearn", kinds, partial(_scikit_learn, solver))
        for solver, kinds in (
            ("lbfgs", ("L2", "softmax", "sparse L2", "sparse softmax")),
            ("newton-cholesky", ("L2", "softmax")),
            ("newton-cg", ("L2", "softmax", "sparse L2", "sparse softmax")),
            ("saga", ("L1", "elastic net", "sparse L2", "sparse L1", "sparse softmax")),
            ("liblinear", ("L1", "sparse L2", "sparse L1")),
        )
    ),
    *(
        Rival(f"glum {solver}", "glum", kinds, partial(_glum, solver))
        for solver, kinds in (
            ("irls-ls", ("L2",)),
            ("lbfgs", ("L2", "sparse L2")),
            ("irls-cd", ("L1", "elastic net")),
        )
    ),
    Rival("skglm prox-newton", "skglm", ("L1", "elastic net", "sparse L1"), _skglm, order="F"),
    Rival("scikit-learn-intelex lbfgs", "sklearnex", ("L2", "softmax"), _intelex),
    Rival("snapml", "snapml", ("L2",), _snapml, finish=_snapml_intercept),
)
RIVALS = {rival.name: rival for rival in _ALL}
