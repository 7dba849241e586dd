"""Newton's method with curvature from a sample of the rows, one plain pass a step.

A read of all rows is dear and curvature is cheap to estimate (Byrd, Chin, Neveitt &
Nocedal, *On the use of stochastic Hessian information in optimization methods for
machine learning*, SIAM J. Optim. 21, 2011; Roosta-Khorasani & Mahoney, *Sub-sampled
Newton methods*, Mathematical Programming 174, 2019):

1. Newton's method on a small sample, then on larger ones, each begun where the last
   ended: a fraction of a pass in all, and it ends within the sample's error of the
   optimum.  The last holds all rows that mark a column which hardly any row marks
   (`marks`): they take a pass to find, where there is such a column.
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
from fastlogreg.solvers.prices import pays, price_of_hessian
from fastlogreg.solvers.samples import (
    GROWTH,
    MOST_OF_ROWS,
    Samples,
    sample_sizes,
)
from fastlogreg.solvers.solution import Callback, Sampled, Solution, Solvable
from fastlogreg.solvers.steps import NewtonSteps, Steps

__all__ = ["SampledHessian", "minimise"]

H = TypeVar("H")

_MEMORY = 30
_SLOW_STEPS = 2  # that are looked back at
_SLOW = 1.0 / 9.0  # of the predicted decrease, a third of the gradient
_QUADRATIC = 1e-4  # of the predicted decrease
_NOISE = 4.0 * float(np.finfo(np.float64).eps)
_CHEAP = 4.0  # passes, that a Hessian of all rows may take to need no samples before it
_LARGEST_MOVE = 8.0  # of a row's log-odds, by the first step on all rows


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
    model = SampledHessian(objective, sizes, NewtonSteps(_MEMORY), tol)
    return descend(objective, start, model, tol=tol, max_iter=max_iter, callback=callback)


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
    tol : float
        Where the largest component of the gradient shall get.
    spares : bool
        Whether the start is so near the minimum, or the Hessian of all rows so dear, that
        one Hessian is for several steps.
    constant : tuple of ndarray and float, optional
        Where all coefficients but the intercept are 0, and F there, to begin at unless there
        is better.  A strong L1 penalty has its minimum there, and steps from elsewhere end
        within ``tol`` of those zeros, not at them.
    """

    def __init__(
        self,
        objective: Sampled[H],
        sizes: list[int],
        steps: Steps[H],
        tol: float,
        *,
        spares: bool = False,
        constant: tuple[np.ndarray, float] | None = None,
    ) -> None:
        self._objective = objective
        self._sizes = sizes
        self._steps = steps
        self._tol = tol
        self._fresh: H | None = None  # of all rows, at the point evaluated last
        self._rows = objective.n_rows
        self._takes_hessian = not sizes
        self._spares = spares
        self._constant = constant
        self._exact_at: np.ndarray | None = None  # where the Hessian of all rows is from
        self._known: tuple[np.ndarray, float, np.ndarray] | None = None
        self._coef: np.ndarray
        self._value = math.nan
        self._samples = Samples(objective, sizes, steps)
        self._settled: np.ndarray  # the point that a search ended at
        self._predictions: list[float] = []  # by curvature from the same rows

    @property
    def curvature(self) -> str:
        """Say how many rows the curvature is from."""
        if self._rows == self._objective.n_rows:
            return FullHessian.curvature
        return f"{self._rows:,} sampled rows"

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return the coefficients that the samples lead to, or what is better.

        That is *start*, or the constant model.
        """
        begin = self._approach(start)
        if self._constant is None:
            return begin
        constant, least = self._constant
        if not begin.any():
            return constant
        value, gradient = self.evaluate(begin)
        self._known = begin, value, gradient
        return begin if value < least - _NOISE * max(1.0, least) else constant

    def _approach(self, start: np.ndarray) -> np.ndarray:
        """Return the coefficients that the samples lead to, or *start* if that is better.

        An intercept alone is no start to compare with.
        """
        if not self._sizes:
            return start
        limit = math.inf
        if self._spares and self._price(start) <= _CHEAP:
            self._takes_hessian = True
            return start
        if start[:-1].any():
            limit, _ = self.evaluate(start)
            if self._is_as_good_as_a_sample(start):
                return start
        coef = self._samples.solve(start)
        if coef is not None:
            self._rows = self._sizes[-1]
            value, gradient = self.evaluate(coef)
            limit = min(limit, self._samples.value_at_start)
            if value <= limit and self._is_credible(coef, value, gradient):
                return coef
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
        self._settled = self._coef
        if self._fresh is not None:
            self._adopt(self._fresh, self._objective.n_rows)
            self._takes_hessian = not self._spares
        predicted = self._steps.predict(self._coef, gradient)
        noise = _NOISE * max(1.0, abs(self._value))
        if self._rows < self._objective.n_rows:
            unseen = not self._steps.sees_all(self._coef, gradient)
            if unseen or (predicted > noise and self._is_slow(predicted, gradient)):
                self._take_more_rows(to_all=unseen)
                predicted = self._steps.predict(self._coef, gradient)
        elif self._predictions:
            before = self._predictions[-1]
            if self._spares:
                self._takes_hessian = predicted > noise and self._is_slow(predicted, gradient)
            elif self._takes_hessian:
                self._takes_hessian = predicted > _QUADRATIC * before
            else:
                self._takes_hessian = predicted > max(_SLOW * before, noise)
        self._predictions.append(predicted)
        return predicted

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn from the step where it brought no Hessian."""
        if self._fresh is None:
            self._steps.learn(step, gradient_change)

    def forget(self) -> bool:
        """Drop what the steps taught; without that, the sample."""
        if self._steps.forget():
            return True
        if self._rows == self._objective.n_rows and (
            not self._spares or self._exact_at is self._settled
        ):
            return False
        self._coef = self._settled
        _, _, hessian = self._objective.value_gradient_hessian(self._settled)
        self._adopt(hessian, self._objective.n_rows)
        self._takes_hessian = not self._spares
        return True

    def _is_credible(self, coef: np.ndarray, value: float, gradient: np.ndarray) -> bool:
        """Return whether a step on all rows by the sample's Hessian is one to believe in.

        A sample may be separable, or hold one class only of the few rows that a column
        marks.  Its Hessian then has hardly any curvature where that of all rows has some:
        a step gains more than F, which is not negative, or it moves log-odds without bounds.
        """
        if not self._steps.predict(coef, gradient) <= value:
            return False
        return self._samples.last.largest_decision(self._steps.direction) <= _LARGEST_MOVE

    def _is_as_good_as_a_sample(self, start: np.ndarray) -> bool:
        """Return whether *start* is within a sample's error of the optimum."""
        self._sample_hessian(self._sizes[-1])
        assert self._known is not None
        return self._steps.predict(start, self._known[2]) <= start.size / self._rows

    def _is_slow(self, predicted: float, gradient: np.ndarray) -> bool:
        """Return whether steps as the last two cost more than the Hessian of all rows."""
        if len(self._predictions) < _SLOW_STEPS:
            return False
        before = self._predictions[-_SLOW_STEPS]
        if predicted >= before:
            return True
        slopes = self._steps.geometry.subgradient(self._coef, gradient)
        excess = float(np.abs(slopes).max()) / self._tol
        return pays(self._price(gradient), before / predicted, _SLOW_STEPS, excess)

    def _price(self, coef: np.ndarray) -> float:
        """Return the passes that one with the Hessian of all rows takes as long as."""
        side, n_outputs = coef.shape
        return price_of_hessian(side, n_outputs, self._objective.cells / self._objective.n_rows)

    def _take_more_rows(self, *, to_all: bool) -> None:
        rows = min(GROWTH * self._rows, int(MOST_OF_ROWS * self._objective.n_rows))
        if to_all or rows < GROWTH * self._rows:
            self._takes_hessian = True  # comes with the next step
        else:
            self._sample_hessian(rows)

    def _sample_hessian(self, rows: int) -> None:
        """Take the Hessian of so many rows at the point evaluated last."""
        sample = self._samples.draw(rows, len(self._sizes))
        _, _, hessian = sample.value_gradient_hessian(self._coef)
        self._adopt(hessian, rows)

    def _adopt(self, hessian: H, rows: int) -> None:
        if rows != self._rows:
            self._predictions.clear()
        self._steps.take(hessian)
        self._rows, self._fresh, self._exact_at = rows, None, self._coef
