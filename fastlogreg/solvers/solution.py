"""What a solver hands back, and what it tells while it runs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

__all__ = [
    "Callback",
    "Curved",
    "Differentiable",
    "Penalised",
    "Sampled",
    "Solution",
    "Solvable",
    "Status",
    "Step",
    "TwiceDifferentiable",
]


H = TypeVar("H", covariant=True)


class Status(enum.Enum):
    """How a solver ended; the value is the message that users read."""

    CONVERGED = "the gradient and the predicted decrease are below tol"
    PRECISION = (
        "rounding hides any further decrease: this is the optimum as far as the objective "
        "in float64 can tell; a larger tol would have ended earlier"
    )
    STOPPED = "the callback asked to stop"
    MAX_ITER = (
        "max_iter was reached before tol; raise max_iter, or scale the columns "
        "(sklearn.preprocessing.StandardScaler): methods without second derivatives, lbfgs "
        "and gradient-descent, depend on their scale"
    )
    LINE_SEARCH = (
        "no step along the search direction lowers the objective enough; scale the "
        "columns (sklearn.preprocessing.StandardScaler), or leave the solver to 'auto'"
    )
    NOT_FINITE = (
        "the objective or its derivatives left the range of float64; scale the columns "
        "(sklearn.preprocessing.StandardScaler) or start from smaller coefficients"
    )

    @property
    def is_optimum(self) -> bool:
        """Whether the coefficients are the minimiser, to tol or to rounding."""
        return self in (Status.CONVERGED, Status.PRECISION)


class Step(NamedTuple):
    """The state after an iteration; iteration 0 is the start.

    Parameters
    ----------
    iteration : int
        Its number.
    objective : float
        F.
    gradient_norm : float
        Largest absolute component of F's gradient; of its least subgradient where F has
        an L1 part.
    passes : float
        Reads of X since the start of the run, in whole tables.
    seconds : float
        Time since the start of the run.
    curvature : str
        Where the second derivatives of the step are from, such as "all rows" or
        "20,000 sampled rows".
    """

    iteration: int
    objective: float
    gradient_norm: float
    passes: float
    seconds: float
    curvature: str = ""


Callback = Callable[[Step], object]


@dataclass(frozen=True)
class Solution:
    """Where a solver ended.

    Parameters
    ----------
    coef : ndarray of float64, shape (n_columns + 1, n_outputs)
        The coefficients, the intercept in the last row.
    status : Status
        Why it ended.
    objective : float
        F there.
    gradient_norm : float
        Largest absolute component of F's gradient there; where F has an L1 part, of its
        subgradient of least norm.
    iterations : int
        Steps taken.
    passes : float
        Reads of X, in whole tables.
    history : tuple of Step
        The start and every iteration.
    next_step : callable or None
        Returns the step, in coef's shape, that the method would try next, had it not
        ended; it may take passes.  None where there is none.
    """

    coef: np.ndarray
    status: Status
    objective: float
    gradient_norm: float
    iterations: int
    passes: float
    history: tuple[Step, ...]
    next_step: Callable[[], np.ndarray] | None = None


class Differentiable(Protocol):
    """What a first-order solver needs of an objective."""

    @property
    def passes(self) -> float:
        """Reads of X so far."""

    def value_gradient(self, coef: np.ndarray) -> tuple[float, np.ndarray]:
        """Return F and its gradient, a new array."""


class Solvable(Protocol):
    """A factored matrix."""

    def solve(self, gradient: np.ndarray) -> np.ndarray:
        """Return the solution for one right-hand side."""


class Curved(Solvable, Protocol):
    """A Hessian that takes an L1 penalty into its step, and learns."""

    def proximal_step(
        self, coef: np.ndarray, gradient: np.ndarray, strengths: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Return where the quadratic model with the penalty is least, and how much lower."""

    def update(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Correct the curvature by a step and the change of the gradient along it."""

    def is_blind_to(self, slopes: np.ndarray) -> bool:
        """Return whether a slope that is not 0 meets no curvature."""


class TwiceDifferentiable(Differentiable, Protocol[H]):
    """What a Newton method needs of an objective, with a Hessian that can do what it asks."""

    def value_gradient_hessian(self, coef: np.ndarray) -> tuple[float, np.ndarray, H]:
        """Return F, its gradient, a new array, and its second derivative."""


class Sampled(TwiceDifferentiable[H], Protocol[H]):
    """What a method that samples rows, or multiplies by Hessians, needs of an objective."""

    @property
    def n_rows(self) -> int:
        """Rows there are."""

    @property
    def cells(self) -> int:
        """Numbers of X: stored values, or codes, where it is not dense."""

    @property
    def array(self) -> np.ndarray | None:
        """X where its numbers lie in an array ``(n_rows, d)``, None where they do not."""

    @property
    def row_weights(self) -> np.ndarray:
        """What the rows count, ``(n_rows,)``."""

    @property
    def l2_strength(self) -> np.ndarray:
        """Curvature of the penalty for each row of the coefficients, ``(d + 1, 1)``."""

    def largest_decision(self, coef: np.ndarray) -> float:
        """Return the largest decision of any row and output, whatever its sign."""

    def product_at(self, coef: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from a direction to the Hessian at *coef* times it."""

    def hessian_diagonal(self, coef: np.ndarray) -> np.ndarray:
        """Return the diagonal of the Hessian, in coef's shape."""

    def rows_apart(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the rows in which any of some columns has another value; X is an array."""

    def sample(self, fraction: float, draw: int = 0, held: np.ndarray | None = None) -> Sampled[H]:
        """Return the objective of a random share of the rows, which stands for this one.

        The rows *held* are in it whatever chance says.
        """


class Penalised(Sampled[Curved], Protocol):
    """What a proximal method needs of an objective; F's L1 part is left out of values."""

    @property
    def l1_strength(self) -> np.ndarray:
        """Strength of the L1 penalty for each row of the coefficients, ``(d + 1, 1)``."""

    def constant_model(self) -> tuple[np.ndarray, float]:
        """Return the best coefficients that are 0 but for the intercept, and F; no pass."""

    def restricted(self, columns: np.ndarray) -> Penalised:
        """Return F as a function of the coefficients of some columns, the others 0."""
