"""Methods that minimise an objective, a file each.

A solver is a function ``minimise(objective, start, *, tol, max_iter, callback)`` that
returns a `Solution`.  It knows nothing of storage, threads or numba.  Adding one is a
file here and a line in `SOLVERS`.

- ``objective``: has ``value_gradient`` and ``passes``; what else a method needs of it is a
  protocol in `solution`;
- ``start``: float64 coefficients ``(n_columns + 1, n_outputs)``, not changed;
- ``tol``: bound on the gradient's largest component and on the predicted decrease;
- ``max_iter``: most steps;
- ``callback``: called with a `Step` at the start and after every step; a true answer
  stops the run.
"""

from typing import Protocol

import numpy as np

from fastlogreg.solvers import (
    gradient_descent,
    lbfgs,
    newton_cg,
    newton_cholesky,
    prox_newton,
    subsampled_newton,
)
from fastlogreg.solvers.samples import sample_sizes
from fastlogreg.solvers.separation import Separation, find_separation
from fastlogreg.solvers.solution import Callback, Penalised, Solution, Status, Step

__all__ = [
    "L1_SOLVERS",
    "SOLVERS",
    "Callback",
    "Separation",
    "Solution",
    "Solver",
    "Status",
    "Step",
    "find_separation",
    "sample_sizes",
]


class Solver(Protocol):
    """The signature of every solver."""

    def __call__(
        self,
        objective: Penalised,
        start: np.ndarray,
        *,
        tol: float,
        max_iter: int,
        callback: Callback | None = None,
    ) -> Solution:
        """Return the solution of a run from *start*."""


SOLVERS: dict[str, Solver] = {
    "gradient-descent": gradient_descent.minimise,
    "lbfgs": lbfgs.minimise,
    "newton-cg": newton_cg.minimise,
    "newton-cholesky": newton_cholesky.minimise,
    "prox-newton": prox_newton.minimise,
    "subsampled-newton": subsampled_newton.minimise,
}
# Those for an objective with an L1 part, and for no other; the rest need a smooth one.
L1_SOLVERS = ("prox-newton",)
