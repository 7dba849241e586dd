"""The loop that every solver here runs: it owns limits, convergence and history.

A solver brings a `CurvatureModel`, which evaluates F and turns a gradient into a
direction, and a `Geometry`, which knows whether F is smooth; the loop searches along the
direction and decides when to stop.  Converged is when no component of the gradient
exceeds ``tol`` *and* the model predicts a decrease of at most ``tol * max(F, tol)``: the
first alone depends on how the columns are scaled.  Of an F with an L1 part the gradient
is that of its smooth part, and what ``tol`` bounds is the subgradient of least norm.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.geometry import SMOOTH, Geometry
from fastlogreg.solvers.journal import Journal
from fastlogreg.solvers.line_search import Trial
from fastlogreg.solvers.solution import Callback, Differentiable, Solution, Status

__all__ = ["CurvatureModel", "descend"]

_EPS = float(np.finfo(np.float64).eps)
_MOST_TRIALS = 30
_TRIALS_IN_NOISE = 3
_MOST_STEPS_IN_NOISE = 10


class CurvatureModel(Protocol):
    """A quadratic model of F at the point evaluated last, where *gradient* is F's.

    Of an F with an L1 part, gradients are those of the smooth part.
    """

    @property
    def curvature(self) -> str:
        """Where the present curvature is from, for the history."""

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return where the descent begins, by whatever is cheaper than passes."""

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient at *coef*, a new array; one pass."""

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the search direction."""

    def first_length(self, gradient: np.ndarray) -> float:
        """Return the step length to try first along the last direction."""

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement under the present model, None without one."""

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn from an accepted step."""

    def forget(self) -> bool:
        """Drop what was learned; return whether there was anything."""


def descend(
    objective: Differentiable,
    start: np.ndarray,
    model: CurvatureModel,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None,
    geometry: Geometry = SMOOTH,
) -> Solution:
    """Minimise *objective* from *start* along the directions of *model*.

    Parameters are those of a solver (see `fastlogreg.solvers.SOLVERS`); *geometry* is F's.
    """
    run = _Run(objective, start, model, geometry, tol, callback)
    while (status := run.ending(max_iter)) is None:
        direction, predicted = model.direction(run.gradient), run.predicted
        slope = geometry.slope(run.coef, run.gradient, direction)
        if slope == 0.0:  # curvature has vanished where the gradient has not
            direction, predicted = geometry.downhill(run.coef, run.gradient), None
            slope = geometry.slope(run.coef, run.gradient, direction)
        if not math.isfinite(slope):
            return run.solution(Status.NOT_FINITE)
        hopeless = predicted is not None and predicted <= run.noise
        trial = run.search(
            direction,
            slope,
            first=model.first_length(run.gradient),
            max_trials=_TRIALS_IN_NOISE if hopeless else _MOST_TRIALS,
        )
        if trial is not None:
            model.update(trial.coef - run.coef, trial.gradient - run.gradient)
            run.accept(trial)
            continue
        if predicted is not None:
            # Where squares of a column underflow no decrease along it is predicted.
            run.failed_decrease = None if run.is_blind(direction) else predicted
        if not model.forget():
            return run.solution(run.failure())
    return run.solution(status)


class _Run:
    """The state of one descent."""

    def __init__(
        self,
        objective: Differentiable,
        start: np.ndarray,
        model: CurvatureModel,
        geometry: Geometry,
        tol: float,
        callback: Callback | None,
    ) -> None:
        self.model = model
        self.geometry = geometry
        self.tol = tol
        self.journal = Journal(objective, callback)
        self.steps_in_noise = 0
        self.predicted: float | None = None
        self.failed_decrease: float | None = None
        self.least_gradient = math.inf
        begin = model.approach(start)
        self._move(begin, *model.evaluate(begin))

    @property
    def noise(self) -> float:
        """How far rounding may move F."""
        return 4.0 * _EPS * max(1.0, abs(self.value))

    def ending(self, max_iter: int) -> Status | None:
        """Return why to stop before another step, None to go on."""
        if not (math.isfinite(self.value) and math.isfinite(self.gradient_norm)):
            return Status.NOT_FINITE
        self.predicted = self.model.predicted_decrease(self.gradient)
        if self.gradient_norm == 0.0 or self.converged():
            return Status.CONVERGED
        if self.journal.stopped:
            return Status.STOPPED
        hidden = self.predicted is not None and self.predicted <= self.noise
        if hidden and self.steps_in_noise > _MOST_STEPS_IN_NOISE:
            return Status.PRECISION
        if len(self.journal.steps) > max_iter:
            return Status.MAX_ITER
        return None

    def converged(self) -> bool:
        """Return whether the gradient and the decrease that the model predicts are small."""
        return (
            self.predicted is not None
            and self.gradient_norm <= self.tol
            and self.predicted <= self.tol * max(self.value, self.tol)
        )

    def is_blind(self, direction: np.ndarray) -> bool:
        """Return whether a direction leaves a coefficient alone along which F falls."""
        slopes = self.geometry.subgradient(self.coef, self.gradient)
        return bool(((direction == 0.0) & (slopes != 0.0)).any())

    def failure(self) -> Status:
        """Return why no step was found, after a search without any learned curvature too."""
        is_hidden = self.failed_decrease is not None and self.failed_decrease <= self.noise
        # A gradient is a mean over the rows: below eps it is what rounding left of it.
        if is_hidden or self.gradient_norm <= _EPS:
            return Status.PRECISION
        return Status.CONVERGED if self.gradient_norm <= self.tol else Status.LINE_SEARCH

    def search(
        self, direction: np.ndarray, slope: float, *, first: float, max_trials: int
    ) -> Trial | None:
        """Search along a direction; None if no step is acceptable."""
        if not slope < 0.0:
            return None

        def evaluate(length: float) -> Trial:
            coef = self.coef + length * direction
            value, gradient = self.model.evaluate(coef)
            return Trial(length, coef, value, gradient, inner(gradient, direction))

        return self.geometry.search(
            evaluate,
            Trial(0.0, self.coef, self.value, self.gradient, slope),
            first=first,
            noise=self.noise,
            max_trials=max_trials,
        )

    def accept(self, trial: Trial) -> None:
        """Move to a trial and count the steps in a row whose gain only slopes can tell."""
        hidden = trial.value > self.value - self.noise
        best = self.least_gradient
        self._move(trial.coef, trial.value, trial.gradient)
        self.failed_decrease = None
        improved = self.gradient_norm < best
        self.steps_in_noise = self.steps_in_noise + 1 if hidden and not improved else 0

    def _move(self, coef: np.ndarray, value: float, gradient: np.ndarray) -> None:
        self.coef, self.value, self.gradient = coef, value, gradient
        self.gradient_norm = float(np.abs(self.geometry.subgradient(coef, gradient)).max())
        self.least_gradient = min(self.least_gradient, self.gradient_norm)
        self.journal.add(value, self.gradient_norm, self.model.curvature)

    def solution(self, status: Status) -> Solution:
        """Return the state as a solution."""
        next_step = None if status is Status.NOT_FINITE else self.next_step
        return self.journal.solution(self.coef, status, next_step)

    def next_step(self) -> np.ndarray:
        """Return the step that a search would begin with."""
        if self.gradient_norm == 0.0:
            return np.zeros_like(self.coef)
        return self.model.first_length(self.gradient) * self.model.direction(self.gradient)
