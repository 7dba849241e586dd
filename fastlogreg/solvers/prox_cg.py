"""Proximal Newton without a Hessian: the model of a step is minimised by products.

The model of `fastlogreg.solvers.prox_newton`, a quadratic plus the L1 penalty, for more
coefficients than a matrix should have.  Conjugate gradients minimise the quadratic of the
coefficients that are not 0, or whose 0 the penalty does not hold, with the signs as they
are; those that would change sign on the way are stopped at 0, and the rest goes on without
them (Moré & Toraldo, *On the solution of large quadratic programming problems with bound
constraints*, SIAM J. Optim. 1, 1991; for L1 Byrd, Nocedal & Solntsev, *A family of
second-order methods for convex l1-regularized optimization*, Mathematical Programming 159,
2016).  Where that does not lower the model, a proximal gradient step does.  A product is a
pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.geometry import WithL1
from fastlogreg.solvers.newton_cg import conjugate_gradients
from fastlogreg.solvers.solution import Callback, Penalised, Solution

__all__ = ["minimise_by_products"]

_LEAST_ACCURATE = 0.25
_FORCING = 0.5
_MARGIN = 0.3  # below tol, where the next subgradient is to be
_ROUGHLY = 0.1  # how accurately a system is solved whose solution changes signs
_MOST_PRODUCTS = 400  # of a step
_MOST_ITERATIONS = 100  # of a system
_ENOUGH = 0.1  # of the decrease that a slope promises
_LEAST = float(np.finfo(np.float64).tiny)


def minimise_by_products(
    objective: Penalised,
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by proximal Newton; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    geometry = WithL1(objective.l1_strength)
    model = _Products(objective, geometry, tol)
    return descend(
        objective,
        start,
        model,
        tol=tol,
        max_iter=max_iter,
        callback=callback,
        geometry=geometry,
    )


class _Products:
    """The Hessian as products, at the point evaluated last, which is where a search ends."""

    curvature = "products of all rows"

    def __init__(self, objective: Penalised, geometry: WithL1, tol: float) -> None:
        self._objective = objective
        self._geometry = geometry
        self._tol = tol
        self._coef: np.ndarray
        self._diagonal: np.ndarray
        self._direction: np.ndarray
        self._last_size = 0.0
        self._lipschitz = 1.0

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*, and take the Hessian's diagonal there."""
        self._diagonal = self._objective.hessian_diagonal(start)
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and the gradient of its smooth part."""
        self._coef = coef
        value, gradient = self._objective.value_gradient(coef)
        return value + self._geometry.penalty(coef), gradient

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return the step of the gradient that was judged last."""
        return self._direction

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, the step to the model's minimum."""
        return 1.0

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Minimise the model; return how much lower it is there."""
        slopes = self._geometry.subgradient(self._coef, gradient)
        norm = float(np.abs(slopes).max())
        if not math.isfinite(norm) or norm == 0.0:
            self._direction = np.full_like(gradient, 0.0 if norm == 0.0 else math.nan)
            return 0.0
        model = _Model(
            self._objective.product_at(self._coef),
            self._coef,
            gradient,
            self._geometry,
            self._diagonal,
            self._lipschitz,
        )
        size = model.size
        gained = size / self._last_size if self._last_size else 1.0
        accuracy = min(_LEAST_ACCURATE, max(_FORCING * gained, _MARGIN * self._tol / norm))
        self._last_size = size
        model.minimise(accuracy)
        self._lipschitz = model.lipschitz
        self._direction = model.point - self._coef
        return max(-model.value, _LEAST)

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn nothing: every point brings its own Hessian."""

    def forget(self) -> bool:
        """Have nothing to drop."""
        return False


class _Model:
    """The quadratic with its penalty, and the point on the way to its minimum."""

    def __init__(
        self,
        product: Callable[[np.ndarray], np.ndarray],
        start: np.ndarray,
        slopes: np.ndarray,
        geometry: WithL1,
        diagonal: np.ndarray,
        lipschitz: float,
    ) -> None:
        self._product = product
        self._geometry = geometry
        self._bounds = geometry.strengths
        usable = np.isfinite(diagonal) & (diagonal > 0.0)
        self._has_curvature = usable
        self._inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=usable)
        self.products = 0
        self.lipschitz = lipschitz  # of the gradient in the diagonal's norm, as far as seen
        self.point = start
        self.gradient = slopes
        self.value = 0.0
        self.size = self._size()

    def minimise(self, accuracy: float) -> None:
        """Lower the model until its subgradient is that much of what it was."""
        enough = accuracy * self.size
        settled = False
        while self.size > enough and self.products < _MOST_PRODUCTS:
            within = enough / self.size
            before = self.value
            settled = self._move_on_face(within if settled else max(within, _ROUGHLY))
            if not self.value < before:
                self._take_gradient_step()
                if not self.value < before:
                    return
            self.size = self._size()

    def _size(self) -> float:
        """Return the norm of the subgradient of least norm, scaled by the diagonal."""
        slopes = self._geometry.subgradient(self.point, self.gradient)
        return math.sqrt(float((self._inverse * slopes * slopes).sum()))

    def _move_on_face(self, accuracy: float) -> bool:
        """Go to the minimum with the signs held; return whether none would change."""
        slopes = self._geometry.subgradient(self.point, self.gradient)
        signs = np.where(self.point != 0.0, np.sign(self.point), -np.sign(slopes))
        free = ((self.point != 0.0) | (slopes != 0.0)) & self._has_curvature
        inverse = np.where(free, self._inverse, 0.0)

        def product(direction: np.ndarray) -> np.ndarray:
            return np.where(free, self._times(direction), 0.0)

        step, _ = conjugate_gradients(
            product,
            np.where(free, slopes, 0.0),
            lambda vector: inverse * vector,
            accuracy=accuracy,
            max_iter=_MOST_ITERATIONS,
        )
        target = self.point - step
        crossed = (self._bounds > 0.0) & (target * signs <= 0.0) & free
        target[crossed] = 0.0
        self._go(target)
        return not crossed.any()

    def _take_gradient_step(self) -> None:
        scale = self._inverse / self.lipschitz
        moved = self.point - scale * self.gradient
        bounds = scale * self._bounds
        length = self._go(moved - np.clip(moved, -bounds, bounds))
        if length < 1.0:
            self.lipschitz /= max(length, 0.1)

    def _go(self, target: np.ndarray) -> float:
        """Move to the target, or on the way to it as far as the model falls; return how far."""
        change = target - self.point
        slope = self._geometry.slope(self.point, self.gradient, change)
        if not slope < 0.0:
            return 0.0
        image = self._times(change)
        curvature = inner(change, image)
        length = 1.0
        if slope + 0.5 * curvature > _ENOUGH * slope:
            length = -slope / curvature  # where the model, that is convex, is bounded
            target = self.point + length * change
        # The penalty is convex: along the way the model is at most this.
        penalties = self._geometry.penalty(target) - self._geometry.penalty(self.point)
        fall = length * inner(self.gradient, change) + 0.5 * length**2 * curvature
        self.value += fall + penalties
        self.point = target
        self.gradient = self.gradient + length * image
        return length

    def _times(self, direction: np.ndarray) -> np.ndarray:
        self.products += 1
        return self._product(direction)
