"""What a run of a solver did: its steps, what they cost, and whether the callback ended it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from fastlogreg.solvers.solution import Callback, Differentiable, Solution, Status, Step

__all__ = ["Journal"]


class Journal:
    """The start and the steps of one run, each told to the callback.

    Parameters
    ----------
    objective : Differentiable
        What is minimised; its passes are counted from here on.
    callback : callable or None
        Called with every `Step`; a true answer is kept in ``stopped``.
    """

    def __init__(self, objective: Differentiable, callback: Callback | None) -> None:
        self.steps: list[Step] = []
        self.stopped = False
        self._objective = objective
        self._callback = callback
        self._first_pass = objective.passes
        self._began = time.perf_counter()

    @property
    def passes(self) -> float:
        """Reads of X since the start of the run."""
        return self._objective.passes - self._first_pass

    def add(self, value: float, gradient_norm: float, curvature: str) -> None:
        """Add where the run is now."""
        seconds = time.perf_counter() - self._began
        step = Step(len(self.steps), value, gradient_norm, self.passes, seconds, curvature)
        self.steps.append(step)
        self.stopped = self._callback is not None and bool(self._callback(step))

    def solution(
        self,
        coef: np.ndarray,
        status: Status,
        next_step: Callable[[], np.ndarray] | None = None,
    ) -> Solution:
        """Return the place of the last step, whose coefficients these are, as a solution."""
        last = self.steps[-1]
        return Solution(
            coef=coef,
            status=status,
            objective=last.objective,
            gradient_norm=last.gradient_norm,
            iterations=last.iteration,
            passes=self.passes,
            history=tuple(self.steps),
            next_step=next_step,
        )
