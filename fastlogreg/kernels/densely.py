"""Hessians of storages that are dense in few columns: some rows at a time are made dense.

With so few columns that their Hessian is wanted, rows of all columns in the cache and the
dense kernels are quicker than scattered sums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastlogreg.kernels import dense

__all__ = ["loss_gradient_hessian"]

_CELLS = 1_048_576  # made dense at a time: 8 MiB


def loss_gradient_hessian(
    fill: Callable[[int, np.ndarray], object],
    shape: tuple[int, int],
    coef: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray,
    n_threads: int,
    softmax: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `fastlogreg.kernels.dense.loss_gradient_hessian` does.

    Parameters
    ----------
    fill : callable
        Adds the rows from a number on to a matrix of zeros, as many as that has.
    shape : tuple of int
        Rows and columns of the table.
    coef, codes, weights, class_weights, n_threads, softmax
        As there.
    """
    n_rows, n_columns = shape
    step = max(_CELLS // (n_columns + 1), 1)
    found: list[np.ndarray] = []
    for row in range(0, n_rows, step):
        part = slice(row, min(row + step, n_rows))
        chunk = np.zeros((part.stop - row, n_columns))
        fill(row, chunk)
        some = None if weights is None else weights[part]
        sums = dense.loss_gradient_hessian(
            chunk, coef, codes[part], some, class_weights, n_threads, softmax
        )
        found = [a + b for a, b in zip(found, sums, strict=True)] if found else list(sums)
    losses, gradients, hessians = found
    return losses, gradients, hessians
