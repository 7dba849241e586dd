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
_PRODUCT = 0.1  # of a Hessian: a multiply and an add
_ROW = 400.0  # to take it, whatever its length
_ERROR = 2.0  # of a sampled Hessian, relative: that many times sqrt(coefficients / rows)
_GAIN = math.log(1e6)  # by steps on all rows

_MEMORY = 30
_SLOW_STEPS = 2  # that are looked back at
_STEPS_BY_HESSIAN = 2  # with that of all rows, to tol
_SLOW = 1.0 / 9.0  # of the predicted decrease, a third of the gradient
_QUADRATIC = 1e-4  # of the predicted decrease
_NOISE = 4.0 * float(np.finfo(np.float64).eps)
_GAIN_OF_ERROR = 0.1  # a step on a sample that gains less than that much of its error is the last
_CLOSE = 3.0  # times that gain: as near as a sample is solved by the Hessian of a smaller one
_MOST_FIRST_STEPS = 20
_MOST_STEPS = 10  # from the solution of a smaller sample
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
    tol : float
        Where the largest component of the gradient shall get.
    """

    def __init__(
        self, objective: Sampled[H], sizes: list[int], steps: Steps[H], tol: float
    ) -> None:
        self._objective = objective
        self._sizes = sizes
        self._steps = steps
        self._tol = tol
        self._fresh: H | None = None  # of all rows, at the point evaluated last
        self._rows = objective.n_rows
        self._takes_hessian = not sizes
        self._known: tuple[np.ndarray, float, np.ndarray] | None = None
        self._coef: np.ndarray
        self._value = math.nan
        self._sample: Sampled[H]
        self._value_at_start = math.inf
        self._settled: np.ndarray  # the point that a search ended at
        self._predictions: list[float] = []  # by curvature from the same rows

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
        coef = self._solve_samples(start)
        if coef is not None:
            value, gradient = self.evaluate(coef)
            limit = min(limit, self._value_at_start)
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
        predicted = self._steps.predict(self._coef, gradient)
        noise = _NOISE * max(1.0, abs(self._value))
        if self._rows < self._objective.n_rows:
            unseen = not self._steps.sees_all(self._coef, gradient)
            if unseen or (predicted > noise and self._is_slow(predicted, gradient)):
                self._take_more_rows(to_all=unseen)
                predicted = self._steps.predict(self._coef, gradient)
        elif self._predictions:
            before = self._predictions[-1]
            if self._takes_hessian:
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
        if self._rows == self._objective.n_rows:
            return False
        self._coef = self._settled
        _, _, hessian = self._objective.value_gradient_hessian(self._settled)
        self._adopt(hessian, self._objective.n_rows)
        self._takes_hessian = True
        return True

    def _solve_samples(self, start: np.ndarray) -> np.ndarray | None:
        """Return the last sample's coefficients, None where a sample is hard to solve.

        A sample is solved by the Hessian of the one before, the first by that at *start*,
        as far as it serves: a Hessian takes longer than all else that a sample does.
        """
        coef = start
        for draw, rows in enumerate(self._sizes):
            self._sample = self._objective.sample(rows / self._objective.n_rows, draw)
            least = _GAIN_OF_ERROR * start.size / rows
            most = _MOST_STEPS if draw else _MOST_FIRST_STEPS
            if draw == 0:
                self._value_at_start = self._value_prediction(coef)[0]
            coef = self._follow(coef, least, most)
            if self._value_prediction(coef)[1] > _CLOSE * least:
                solution = self._solve_sample(coef, least, most)
                coef = solution.coef
                if draw and solution.passes > most:
                    return None
            self._rows = rows
        return coef

    def _follow(self, coef: np.ndarray, least: float, most: int) -> np.ndarray:
        """Take whole steps on the present sample, with the Hessian of before, while they gain."""
        value, gradient = self._value_gradient_of_sample(coef)
        for _ in range(most):
            if self._steps.predict(coef, gradient) <= least:
                break
            ahead = coef + self._steps.direction
            value_ahead, gradient_ahead = self._value_gradient_of_sample(ahead)
            if not value_ahead < value:
                break
            self._steps.learn(ahead - coef, gradient_ahead - gradient)
            coef, value, gradient = ahead, value_ahead, gradient_ahead
        return coef

    def _value_gradient_of_sample(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = self._sample.value_gradient(coef)
        return value + self._steps.geometry.penalty(coef), gradient

    def _value_prediction(self, coef: np.ndarray) -> tuple[float, float]:
        """Adopt the present sample's Hessian; return F and the decrease that it predicts."""
        value, gradient, hessian = self._sample.value_gradient_hessian(coef)
        self._steps.take(hessian)
        predicted = self._steps.predict(coef, gradient)
        return value + self._steps.geometry.penalty(coef), predicted

    def _solve_sample(self, coef: np.ndarray, least: float, most: int) -> Solution:
        """Solve the present sample by Newton's method, and adopt its last Hessian."""
        model = FullHessian(self._sample, self._steps.alone())
        solution = descend(
            self._sample,
            coef,
            model,
            tol=least,
            max_iter=most,
            callback=_stops_a_sample(least, most),
            geometry=self._steps.geometry,
        )
        self._steps.take(model.hessian)
        return solution

    def _is_credible(self, coef: np.ndarray, value: float, gradient: np.ndarray) -> bool:
        """Return whether a step on all rows by the sample's Hessian is one to believe in.

        A sample may be separable, or hold one class only of the few rows that a column
        marks.  Its Hessian then has hardly any curvature where that of all rows has some:
        a step gains more than F, which is not negative, or it moves log-odds without bounds.
        """
        if not self._steps.predict(coef, gradient) <= value:
            return False
        moves = self._sample.decision(self._steps.direction)
        return float(np.abs(moves).max()) <= _LARGEST_MOVE

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
        # The gradient shrinks like the root of the predicted decrease.
        a_step = math.log(before / predicted) / (2 * _SLOW_STEPS)
        slopes = self._steps.geometry.subgradient(self._coef, gradient)
        steps_left = math.log(max(float(np.abs(slopes).max()) / self._tol, 1.0)) / a_step
        return steps_left > _price_of_hessian(*gradient.shape) + _STEPS_BY_HESSIAN

    def _take_more_rows(self, *, to_all: bool) -> None:
        rows = min(_GROWTH * self._rows, int(MOST_OF_ROWS * self._objective.n_rows))
        if to_all or rows < _GROWTH * self._rows:
            self._takes_hessian = True  # comes with the next step
        else:
            self._sample_hessian(rows)

    def _sample_hessian(self, rows: int) -> None:
        """Take the Hessian of so many rows at the point evaluated last."""
        sample = self._objective.sample(rows / self._objective.n_rows, len(self._sizes))
        _, _, hessian = sample.value_gradient_hessian(self._coef)
        self._adopt(hessian, rows)

    def _adopt(self, hessian: H, rows: int) -> None:
        if rows != self._rows:
            self._predictions.clear()
        self._steps.take(hessian)
        self._rows, self._fresh = rows, None


def _price_of_hessian(side: int, n_outputs: int) -> float:
    """Return the passes without a Hessian that take as long as one with."""
    products = 0.25 * n_outputs * (n_outputs + 1) * side**2
    return 1.0 + _PRODUCT * products / (side * max(1.0, 2 * _PRODUCT * n_outputs))


def _stops_a_sample(least: float, most: int) -> Callback:
    """Return a callback that stops after a step that gained too little, or too many passes."""
    last = math.inf

    def stops(step: Step) -> bool:
        nonlocal last
        gain, last = last - step.objective, step.objective
        return gain < least or step.passes > most

    return stops
