"""Newton's method with curvature from a sample of the rows, one plain pass a step.

A read of all rows is dear and curvature is cheap to estimate (Byrd, Chin, Neveitt &
Nocedal, *On the use of stochastic Hessian information in optimization methods for
machine learning*, SIAM J. Optim. 21, 2011; Roosta-Khorasani & Mahoney, *Sub-sampled
Newton methods*, Mathematical Programming 174, 2019):

1. Newton's method on a small sample, then on larger ones, each begun where the last
   ended: a fraction of a pass in all, and it ends within the sample's error of the
   optimum.
2. On all rows, steps with the inverse of the last sample's Hessian, corrected by the
   changes of the gradient that they bring (L-BFGS with that matrix as its first).
3. Where the gradient shrinks too slowly, curvature of more rows, in the end of all.

The sample changes the road, never the answer: only the gradient of all rows is ever
held against ``tol``.
"""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.newton_cholesky import FullHessian
from fastlogreg.solvers.solution import Callback, Sampled, Solution, Solvable, Step
from fastlogreg.solvers.steps import NewtonSteps, Steps

__all__ = ["SampledHessian", "minimise", "sample_sizes"]

H = TypeVar("H")

MOST_OF_ROWS = 0.05  # that a sample copies
_LEAST_ROWS = 5  # a coefficient
_GROWTH = 4

# The time of a sample and of the passes that it leaves, in that of reading a cell of X:
_HESSIANS = 3.0  # that the last sample takes
_PRODUCT = 0.2  # of a Hessian: a multiply and an add
_ROW = 400.0  # to take it, whatever its length
_ERROR = 2.0  # of a sampled Hessian, relative: that many times sqrt(coefficients / rows)
_GAIN = math.log(1e6)  # by steps on all rows

_MEMORY = 30
_SLOW = 1.0 / 9.0  # of the predicted decrease, a third of the gradient
_SLOW_STEPS = 2
_QUADRATIC = 1e-4  # of the predicted decrease
_NOISE = 4.0 * float(np.finfo(np.float64).eps)
_GAIN_OF_ERROR = 0.1  # a step on a sample that gains less than that much of its error is the last
_MOST_STEPS = 30


def minimise(
    objective: Sampled[Solvable],
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise with sampled curvature; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    sizes = sample_sizes(objective.n_rows, *start.shape)
    model = SampledHessian(objective, sizes, NewtonSteps(_MEMORY))
    return descend(objective, start, model, tol=tol, max_iter=max_iter, callback=callback)


def sample_sizes(n_rows: int, side: int, n_outputs: int) -> list[int]:
    """Return the rows of the samples, from small to large; none where they would not pay.

    The last is the one of least cost: what its Hessians take plus the passes that its
    error leaves to steps on all rows.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    side, n_outputs : int
        Shape of the coefficients.
    """
    most = int(MOST_OF_ROWS * n_rows)
    least = _LEAST_ROWS * side * n_outputs
    if most < least:
        return []
    products = 0.25 * n_outputs * (n_outputs + 1) * side**2

    def cost(rows: int) -> float:
        error = min(_ERROR * math.sqrt(side * n_outputs / rows), 0.7)
        of_pass = n_rows * side * max(1.0, 2 * _PRODUCT * n_outputs)
        of_sample = rows * (_ROW + _HESSIANS * _PRODUCT * products)
        return of_sample + of_pass * _GAIN / -math.log(error)

    sizes = [most]
    while sizes[-1] // 2 >= least:
        sizes.append(sizes[-1] // 2)
    chain = [min(sizes, key=cost)]
    while chain[-1] // _GROWTH >= least:
        chain.append(chain[-1] // _GROWTH)
    return chain[::-1]


class SampledHessian(Generic[H]):
    """The Hessian of a sample, corrected by steps, and a ladder to that of all rows.

    Parameters
    ----------
    objective : Sampled
        What is minimised.
    sizes : list of int
        Rows of the samples of the approach; empty for curvature of all rows at once.
    steps : Steps
        What makes steps of the Hessians, and corrects them.
    """

    def __init__(self, objective: Sampled[H], sizes: list[int], steps: Steps[H]) -> None:
        self._objective = objective
        self._sizes = sizes
        self._steps = steps
        self._fresh: H | None = None  # of all rows, at the point evaluated last
        self._rows = objective.n_rows
        self._takes_hessian = not sizes
        self._known: tuple[np.ndarray, float, np.ndarray] | None = None
        self._coef: np.ndarray
        self._value = math.nan
        self._predicted = math.inf
        self._slow_steps = 0

    @property
    def curvature(self) -> str:
        """Say how many rows the curvature is from."""
        if self._rows == self._objective.n_rows:
            return FullHessian.curvature
        return f"{self._rows:,} sampled rows"

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return the coefficients that the samples lead to, or *start* if that is better."""
        if not self._sizes:
            return start
        limit = math.inf
        if start.any():
            limit, _ = self.evaluate(start)
            if self._is_as_good_as_a_sample(start):
                return start
        coef, value_at_start = self._solve_samples(start)
        limit = min(limit, value_at_start)
        value, _ = self.evaluate(coef)
        if value <= limit:
            return coef
        # The sample says nothing about the whole: it was separable, say.
        self._takes_hessian, self._known, self._rows = True, None, self._objective.n_rows
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, and take the Hessian of all rows where it is due."""
        known, self._known = self._known, None
        if known is not None and known[0] is coef:
            return known[1:]
        self._coef, self._fresh = coef, None
        if self._takes_hessian:
            self._value, gradient, self._fresh = self._objective.value_gradient_hessian(coef)
        else:
            self._value, gradient = self._objective.value_gradient(coef)
        self._value += self._steps.geometry.penalty(coef)
        self._known = coef, self._value, gradient
        return self._value, gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the step for the gradient that was judged last."""
        return self._steps.direction

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, the Newton step itself."""
        return 1.0

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement, with better curvature if steps gain too little."""
        if self._fresh is not None:
            self._steps.take(self._fresh)
            self._rows, self._fresh = self._objective.n_rows, None
        before, predicted = self._predicted, self._steps.predict(self._coef, gradient)
        noise = _NOISE * max(1.0, abs(self._value))
        if self._rows < self._objective.n_rows:
            self._slow_steps = self._slow_steps + 1 if predicted > _SLOW * before else 0
            unseen = not self._steps.sees_all(self._coef, gradient)
            if unseen or (self._slow_steps == _SLOW_STEPS and predicted > noise):
                self._take_more_rows(to_all=unseen)
                predicted = self._steps.predict(self._coef, gradient)
        elif self._takes_hessian:
            self._takes_hessian = predicted > _QUADRATIC * before
        else:
            self._takes_hessian = _SLOW * before < predicted and predicted > noise
        self._predicted = predicted
        return predicted

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn from the step where it brought no Hessian."""
        if self._fresh is None:
            self._steps.learn(step, gradient_change)

    def forget(self) -> bool:
        """Drop what the steps taught; without that, the sample."""
        if self._steps.forget():
            return True
        if self._rows == self._objective.n_rows:
            return False
        self._take_more_rows(to_all=True)
        return True

    def _solve_samples(self, start: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the last sample's coefficients, and the first's value at *start*."""
        coef, value_at_start = start, math.inf
        for draw, rows in enumerate(self._sizes):
            sample = self._objective.sample(rows / self._objective.n_rows, draw)
            model = FullHessian(sample, self._steps.alone())
            gain = _GAIN_OF_ERROR * start.size / rows
            solution = descend(
                sample,
                coef,
                model,
                tol=gain,
                max_iter=_MOST_STEPS,
                callback=_ends_below(gain),
                geometry=self._steps.geometry,
            )
            if draw == 0:
                value_at_start = solution.history[0].objective
            coef = solution.coef
            self._steps.take(model.hessian)
            self._rows = rows
        return coef, value_at_start

    def _is_as_good_as_a_sample(self, start: np.ndarray) -> bool:
        """Return whether *start* is within a sample's error of the optimum."""
        self._sample_hessian(self._sizes[-1])
        assert self._known is not None
        return self._steps.predict(start, self._known[2]) <= start.size / self._rows

    def _take_more_rows(self, *, to_all: bool) -> None:
        self._slow_steps = 0
        rows = min(_GROWTH * self._rows, int(MOST_OF_ROWS * self._objective.n_rows))
        if to_all or rows < 2 * self._rows:
            self._takes_hessian = True  # comes with the next step
        else:
            self._sample_hessian(rows)

    def _sample_hessian(self, rows: int) -> None:
        """Take the Hessian of so many rows at the point evaluated last."""
        sample = self._objective.sample(rows / self._objective.n_rows, len(self._sizes))
        _, _, hessian = sample.value_gradient_hessian(self._coef)
        self._steps.take(hessian)
        self._rows = rows


def _ends_below(least: float) -> Callback:
    """Return a callback that stops a descent after a step that gained less."""
    last = math.inf

    def has_ended(step: Step) -> bool:
        nonlocal last
        gain, last = last - step.objective, step.objective
        return gain < least

    return has_ended
