"""Newton's method with steps from conjugate gradients: no Hessian is ever formed.

A step solves ``H s = g`` by conjugate gradients to an accuracy that grows as the
gradient shrinks, a pass an iteration (Nocedal & Wright, *Numerical Optimization*, 2nd
ed., section 7.1; on the accuracy Eisenstat & Walker, *Choosing the forcing terms in an
inexact Newton method*, SIAM J. Sci. Comput. 17, 1996).  The directions of
one system and what the Hessian made of them precondition the next (Morales & Nocedal,
*Automatic preconditioning by limited memory quasi-Newton updating*, SIAM J. Optim. 10,
2000); below them lies what `preconditioner` takes at the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from fastlogreg.runtime.vectors import inner
from fastlogreg.solvers.descent import descend
from fastlogreg.solvers.pairs import Pairs
from fastlogreg.solvers.preconditioner import Preconditioner, precondition
from fastlogreg.solvers.solution import Callback, Sampled, Solution, Solvable

__all__ = ["conjugate_gradients", "minimise"]

_MEMORY = 10
_LEAST_ACCURATE = 0.25
_FORCING = 0.5
_MARGIN = 0.3  # below tol, where the next gradient is to be
_MOST_ITERATIONS = 250  # of a system


def minimise(
    objective: Sampled[Solvable],
    start: np.ndarray,
    *,
    tol: float,
    max_iter: int,
    callback: Callback | None = None,
) -> Solution:
    """Minimise by Newton-CG; see `fastlogreg.solvers.SOLVERS` for the parameters."""
    model = _Products(objective, tol)
    return descend(objective, start, model, tol=tol, max_iter=max_iter, callback=callback)


class _Products:
    """The Hessian as products, at the point evaluated last, which is where a search ends."""

    curvature = "products of all rows"

    def __init__(self, objective: Sampled[Solvable], tol: float) -> None:
        self._objective = objective
        self._tol = tol
        self._pairs = Pairs(_MEMORY)
        self._coef: np.ndarray
        self._first: Preconditioner
        self._ahead: tuple[np.ndarray, np.ndarray] | None = None
        self._last_size = 0.0
        self._has_forgotten = False

    def approach(self, start: np.ndarray) -> np.ndarray:
        """Return *start*, and take what preconditions there."""
        self._first = precondition(self._objective, start)
        return start

    def evaluate(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient."""
        self._coef = coef
        return self._objective.value_gradient(coef)

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Return minus an approximate solution of the Newton system."""
        ahead = self._preconditioned(gradient)
        size = math.sqrt(inner(gradient, ahead))
        gained = size / self._last_size if self._last_size else 1.0
        accuracy = min(_LEAST_ACCURATE, _FORCING * gained)
        self._last_size = size
        step, learned = conjugate_gradients(
            self._objective.product_at(self._coef),
            gradient,
            self._precondition,
            ahead=ahead,
            accuracy=accuracy,
            enough=_MARGIN * self._tol,
            max_iter=_MOST_ITERATIONS,
        )
        self._ahead = None
        self._pairs.clear()
        for pair in learned[-_MEMORY:]:
            self._pairs.add(*pair)
        return -step

    def first_length(self, gradient: np.ndarray) -> float:
        """Return 1, the Newton step itself."""
        return 1.0

    def predicted_decrease(self, gradient: np.ndarray) -> float | None:
        """Return half the Newton decrement by the preconditioner: it takes no pass."""
        return 0.5 * inner(gradient, self._preconditioned(gradient))

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Learn from the whole step as from the directions that it is made of."""
        self._ahead = None
        self._pairs.add(step, gradient_change)
        self._has_forgotten = False

    def forget(self) -> bool:
        """Drop the pairs, once a point: each system brings new ones."""
        if self._has_forgotten:
            return False
        self._ahead = None
        self._has_forgotten = True
        return self._pairs.clear()

    def _preconditioned(self, gradient: np.ndarray) -> np.ndarray:
        """Return `_precondition` of a gradient that is asked for more than once."""
        if self._ahead is None or self._ahead[0] is not gradient:
            self._ahead = gradient, self._precondition(gradient)
        return self._ahead[1]

    def _precondition(self, vector: np.ndarray) -> np.ndarray:
        return self._pairs.inverse_times(vector, self._first)


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    precondition: Callable[[np.ndarray], np.ndarray],
    *,
    ahead: np.ndarray | None = None,
    accuracy: float,
    enough: float = 0.0,
    max_iter: int,
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Solve ``H s = right`` to a relative *accuracy* of the preconditioned residual, or *enough*.

    Parameters
    ----------
    product : callable
        H times a vector; H is symmetric and positive semidefinite.
    right : ndarray
        The right-hand side.
    precondition : callable
        About ``H^-1`` times a vector; symmetric and positive definite.
    ahead : ndarray, optional
        ``precondition(right)``, where it is known.
    accuracy : float
        In (0, 1).
    enough : float
        The largest component of the residual at which nothing more is wanted.
    max_iter : int
        Most products.

    Returns
    -------
    ndarray
        The solution.
    list of (ndarray, ndarray)
        The directions and H times each.
    """
    solution = np.zeros_like(right)
    residual = right.copy()
    scratch = np.empty_like(right)
    if ahead is None:
        ahead = precondition(residual)
    size = inner(residual, ahead)
    least = accuracy**2 * size
    direction = ahead
    learned = []
    for _ in range(max_iter):
        image = product(direction)
        curvature = inner(direction, image)
        if not curvature > 0.0:  # flat along it, or not finite
            break
        length = size / curvature
        solution += np.multiply(direction, length, out=scratch)
        residual -= np.multiply(image, length, out=scratch)
        learned.append((direction, image))
        ahead = precondition(residual)
        size, before = inner(residual, ahead), size
        if not size > least or float(np.abs(residual, out=scratch).max()) <= enough:
            break
        direction = direction * (size / before)
        direction += ahead
    return (solution if learned else ahead), learned
