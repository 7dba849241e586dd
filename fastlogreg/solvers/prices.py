"""What reads of X and Hessians cost beside each other, by the shape of X alone."""

from __future__ import annotations

__all__ = ["PRODUCT", "cells_of_pass", "is_scattered", "price_of_hessian", "products_of_row"]

PRODUCT = 0.1  # the time of a multiply and an add of a Hessian, in that of reading a cell of X
_SCATTERED = 0.5  # the same where X is sparse, in the time of a stored value


def price_of_hessian(side: int, n_outputs: int, filled: float) -> float:
    """Return the passes without a Hessian that take as long as one with.

    *filled* is how many numbers X has of a row: where those are few, the products of their
    pairs are added one by one.
    """
    if is_scattered(side, filled):
        return 1.0 + _SCATTERED * products_of_row(filled + 1.0, n_outputs) / (filled + 1.0)
    return 1.0 + PRODUCT * products_of_row(side, n_outputs) / cells_of_pass(side, n_outputs)


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
