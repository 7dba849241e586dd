"""What a fit says while it runs and when it has ended."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastlogreg.errors import SeparationWarning
from fastlogreg.solvers import Callback, Separation, Solution, Step

__all__ = ["observer", "warn_not_converged", "warn_separable"]

_CALLER = 5  # frames from `warnings.warn` to the call of ``fit``


def observer(verbose: int, callback: Callback | None) -> Callback | None:
    """Return what is called with each `Step`: the callback, after the verbose line.

    The callback is run under the caller's settings of NumPy's errors, which are not a fit's.
    """
    if not verbose and callback is None:
        return None
    settings = np.geterr()

    def observe(step: Step) -> object:
        if verbose:
            _print_step(step)
        if callback is None:
            return None
        with np.errstate(**settings):
            return callback(step)

    return observe


def _print_step(step: Step) -> None:
    print(
        f"iteration {step.iteration:4d}  objective {step.objective:.12g}  "
        f"gradient {step.gradient_norm:.3e}  passes {step.passes:g}  "
        f"{step.seconds:.3f} s  curvature: {step.curvature}"
    )


def warn_not_converged(solver: str, solution: Solution, max_iter: int, tol: float) -> None:
    """Warn that a solver ended before *tol*: where, and what to change."""
    warnings.warn(
        f"{solver} did not converge in {solution.iterations} iterations "
        f"(max_iter={max_iter}): the largest gradient component is "
        f"{solution.gradient_norm:.3e}, tol is {tol:g}. Advice: "
        f"{solution.status.value}.",
        ConvergenceWarning,
        stacklevel=_CALLER,
    )


def warn_separable(separation: Separation, names: np.ndarray | None) -> None:
    """Warn that no coefficients are the best, by which columns, and what to do.

    Parameters
    ----------
    separation : Separation
        How the data are separable.
    names : ndarray or None
        Names of the columns, None for their numbers.
    """
    shown = [repr(j if names is None else names[j]) for j in separation.columns]
    what = "column" if len(shown) == 1 else "columns"
    completely = "completely " * separation.complete
    warnings.warn(
        f"the classes are {completely}separable, by the {what} {', '.join(shown)}, and C is inf: "
        "without a penalty these coefficients grow without bound, and where they are now only "
        "shows where the solver stopped. Set a finite C, or drop "
        f"{'that column' if len(shown) == 1 else 'columns that tell the class'}.",
        SeparationWarning,
        stacklevel=_CALLER,
    )
