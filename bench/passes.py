"""The whole passes over X, as things to time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.machine import threads_of
from bench.tables import Problem
from fastlogreg.design import DenseDesign, Targets, load_backend

__all__ = ["PASSES", "pass_of"]

PASSES = ("loss_gradient", "loss_gradient_hessian", "decision", "probability")


def pass_of(
    problem: Problem,
    backend: str,
    name: str,
    n_threads: int | None = None,
    weights: np.ndarray | None = None,
) -> Callable[[], Any]:
    """Return one pass over a problem's table, at the coefficients of its labels.

    Parameters
    ----------
    problem : Problem
        Table, labels and coefficients.
    backend : "numba" or "numpy"
        Whose pass.
    name : str
        One of `PASSES`.
    n_threads : int, optional
        Threads; all that the process may use by default.
    weights : ndarray of float64, shape (n_rows,), optional
        Sample weights, for the passes that take them; none by default.
    """
    threads = threads_of(backend) if n_threads is None else n_threads
    design = DenseDesign(problem.X, load_backend(backend), threads)
    if name in ("decision", "probability"):
        return partial(getattr(design, name), problem.coef)
    targets = Targets(problem.y.astype(np.int8), np.ones(2))
    return partial(getattr(design, name), problem.coef, targets, weights)
