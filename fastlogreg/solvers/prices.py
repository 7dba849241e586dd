"""What reads of X and Hessians cost beside each other, and when a new Hessian pays."""

from __future__ import annotations

import math

__all__ = [
    "PRODUCT",
    "cells_of_pass",
    "is_scattered",
    "pays",
    "price_of_hessian",
    "products_of_row",
]

PRODUCT = 0.1  # the time of a multiply and an add of a Hessian, in that of reading a cell of X
_SCATTERED = 0.5  # the same where X is sparse, in the time of a stored value
_STEPS_BY_HESSIAN = 2  # with a new one, to tol


def price_of_hessian(side: int, n_outputs: int, filled: float) -> float:
    """Return the passes without a Hessian that take as long as one with.

    *filled* is how many numbers X has of a row: where those are few, the products of their
    pairs are added one by one.
    """
    if is_scattered(side, filled):
        return 1.0 + _SCATTERED * products_of_row(filled + 1.0, n_outputs) / (filled + 1.0)
    return 1.0 + PRODUCT * products_of_row(side, n_outputs) / cells_of_pass(side, n_outputs)


def pays(price: float, shrinks: float, n_steps: int, excess: float) -> bool:
    """Return whether a new Hessian at that price costs less than steps as the last ones.

    Parameters
    ----------
    price : float
        From `price_of_hessian`.
    shrinks : float
        How many times less the predicted decrease was after the last *n_steps*, above 1.
    n_steps : int
    excess : float
        The largest component of the gradient, in units of tol.
    """
    # The gradient shrinks like the root of the predicted decrease.
    a_step = math.log(shrinks) / (2 * n_steps)
    return math.log(max(excess, 1.0)) / a_step > price + _STEPS_BY_HESSIAN


def is_scattered(side: int, filled: float) -> bool:
    """Return whether X, of *filled* numbers a row, is sparse or has categories."""
    return filled < side - 1


def products_of_row(side: float, n_outputs: int) -> float:
    """Return the multiplications and additions that a row adds to a Hessian."""
    pairs = 0.5 * n_outputs * (n_outputs - 1) if n_outputs > 1 else 1.0
    return 0.5 * pairs * side**2


def cells_of_pass(side: int, n_outputs: int) -> float:
    """Return the time of a row in a pass without a Hessian, in cells."""
    return side * max(1.0, 2 * PRODUCT * n_outputs)
