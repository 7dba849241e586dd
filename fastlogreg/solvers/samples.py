"""Samples of the rows, small ones first, each solved from where the last ended.

All of them together take a fraction of a pass, and end within the last one's error of the
optimum.
"""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np

from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.marks import Marks, find_rare_marks
from fastlogreg.solvers.newton_cholesky import FullHessian
from fastlogreg.solvers.prices import PRODUCT, cells_of_pass, products_of_row
from fastlogreg.solvers.solution import Callback, Sampled, Solution, Step
from fastlogreg.solvers.steps import Steps

__all__ = ["GROWTH", "MOST_OF_ROWS", "Samples", "sample_sizes"]

H = TypeVar("H")

MOST_OF_ROWS = 0.05  # that a sample copies
GROWTH = 8  # from a sample to the next
_LEAST_ROWS = 5  # a coefficient

# The time of a sample and of the passes that it leaves, in that of reading a cell of X:
_HESSIANS = 3.0  # that the last sample takes
_ROW = 400.0  # to take it, whatever its length
_ERROR = 2.0  # of a sampled Hessian, relative: that many times sqrt(coefficients / rows)
_GAIN = math.log(1e6)  # by steps on all rows

_GAIN_OF_ERROR = 0.1  # a step that gains less than that much of a sample's error is its last
_CLOSE = 3.0  # times that gain: as near as a sample is solved by the Hessian of a smaller one
_MOST_FIRST_STEPS = 20
_MOST_STEPS = 10  # from the solution of a smaller sample


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

    def cost(rows: int) -> float:
        error = min(_ERROR * math.sqrt(side * n_outputs / rows), 0.7)
        of_pass = n_rows * cells_of_pass(side, n_outputs)
        of_sample = rows * (_ROW + _HESSIANS * PRODUCT * products_of_row(side, n_outputs))
        return of_sample + of_pass * _GAIN / -math.log(error)

    sizes = [most]
    while sizes[-1] // 2 >= least:
        sizes.append(sizes[-1] // 2)
    chain = [min(sizes, key=cost)]
    while chain[-1] // GROWTH >= least:
        chain.append(chain[-1] // GROWTH)
    return chain[::-1]


class Samples(Generic[H]):
    """The samples of an objective.

    Parameters
    ----------
    objective : Sampled
        What the samples are of.
    sizes : list of int
        Rows of the samples, from small to large.
    steps : Steps
        What makes steps of their Hessians; it is left with the last one's.
    """

    def __init__(self, objective: Sampled[H], sizes: list[int], steps: Steps[H]) -> None:
        self._objective = objective
        self._sizes = sizes
        self._steps = steps
        self.last: Sampled[H]
        self.value_at_start = math.inf
        self._marks: Marks | None = None

    def solve(self, start: np.ndarray) -> np.ndarray | None:
        """Return the last sample's coefficients, None where a sample is hard to solve.

        A sample is solved by the Hessian of the one before, the first by that at *start*,
        as far as it serves: a Hessian takes longer than all else that a sample does.
        """
        coef = start
        for draw, rows in enumerate(self._sizes):
            self.last = self.draw(rows, draw)
            least = _GAIN_OF_ERROR * start.size / rows
            most = _MOST_STEPS if draw else _MOST_FIRST_STEPS
            holds = rows == self._sizes[-1] and self._hold_rare_marks()
            if holds:
                self.last = self.draw(rows, draw)
                # What smaller samples made of a mark that chance gave them is not to begin with,
                # and none of the sample's error is from the rows that are held.
                coef = self._without_rare_marks(coef, start)
                least = _GAIN_OF_ERROR / self._objective.n_rows
            known = None
            if draw == 0:
                known = self._adopt(coef)
                self.value_at_start = known[0]
            if draw == 0 or not holds:  # else the Hessian of before knows nothing of the marks
                coef = self._follow(coef, least, most, known)
            if self._steps.predict(coef, self._adopt(coef)[1]) > _CLOSE * least:
                solution = self._solve_sample(coef, least, most)
                coef = solution.coef
                if draw and solution.passes > most:
                    return None
        return coef

    def draw(self, rows: int, number: int) -> Sampled[H]:
        """Return a sample of so many rows and those found to mark rare columns."""
        held = None if self._marks is None else self._marks.rows
        return self._objective.sample(rows / self._objective.n_rows, number, held)

    def _hold_rare_marks(self) -> bool:
        """Find columns that few rows of the present sample mark; return whether there are any."""
        self._marks = find_rare_marks(self._objective, self.last)
        return self._marks is not None

    def _without_rare_marks(self, coef: np.ndarray, start: np.ndarray) -> np.ndarray:
        assert self._marks is not None
        coef = coef.copy()
        coef[self._marks.columns] = start[self._marks.columns]
        return coef

    def _follow(
        self, coef: np.ndarray, least: float, most: int, known: tuple[float, np.ndarray] | None
    ) -> np.ndarray:
        """Take whole steps on the present sample, with the Hessian of before, while they gain.

        *known* is the sample's F and gradient at *coef*, if they are.
        """
        value, gradient = self._value_gradient_of_sample(coef) if known is None else known
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
        value, gradient = self.last.value_gradient(coef)
        return value + self._steps.geometry.penalty(coef), gradient

    def _adopt(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Adopt the present sample's Hessian; return its F and gradient."""
        value, gradient, hessian = self.last.value_gradient_hessian(coef)
        self._steps.take(hessian)
        return value + self._steps.geometry.penalty(coef), gradient

    def _solve_sample(self, coef: np.ndarray, least: float, most: int) -> Solution:
        """Solve the present sample by Newton's method, and adopt its last Hessian."""
        model = FullHessian(self.last, self._steps.alone(), least)
        solution = descend(
            self.last,
            coef,
            model,
            tol=least,
            max_iter=most,
            callback=_stops_a_sample(least, most),
            geometry=self._steps.geometry,
        )
        self._steps.take(model.hessian)
        return solution


def _stops_a_sample(least: float, most: int) -> Callback:
    """Return a callback that stops after a step that gained too little, or too many passes."""
    last = math.inf

    def stops(step: Step) -> bool:
        nonlocal last
        gain, last = last - step.objective, step.objective
        return gain < least or step.passes > most

    return stops
