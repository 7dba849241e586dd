"""The Cholesky factor of a matrix of some hundred rows, and systems with it; no X is read.

The same names and signatures as in `fastlogreg.reference.cholesky`.  A BLAS shares even so
little work among its threads, which then spin for many milliseconds in the way of the next
pass: these loops use the thread that calls them, and no other.
"""

from __future__ import annotations

import math

import numpy as np

from fastlogreg.runtime.jit import block_kernel, tile_kernel

__all__ = ["factor_cholesky", "reciprocal_condition", "solve_cholesky"]

_MOST_COLUMNS = 5


@tile_kernel
def fill_four(matrix: np.ndarray, i: int) -> None:
    """Fill columns 0 to i - 1 of the factor's rows i to i + 3; i is even.

    Two rows above are read at a time, once for all four: eight sums a read of six lines.
    """
    a, b, c, d = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
    for j in range(0, i, 2):
        p, q = matrix[j], matrix[j + 1]
        ap = bp = cp = dp = aq = bq = cq = dq = 0.0
        for k in range(j):
            x, y = p[k], q[k]
            ap += a[k] * x
            bp += b[k] * x
            cp += c[k] * x
            dp += d[k] * x
            aq += a[k] * y
            bq += b[k] * y
            cq += c[k] * y
            dq += d[k] * y
        of_p, between, of_q = p[j], q[j], q[j + 1]
        a[j] = (a[j] - ap) / of_p
        b[j] = (b[j] - bp) / of_p
        c[j] = (c[j] - cp) / of_p
        d[j] = (d[j] - dp) / of_p
        a[j + 1] = (a[j + 1] - aq - a[j] * between) / of_q
        b[j + 1] = (b[j + 1] - bq - b[j] * between) / of_q
        c[j + 1] = (c[j + 1] - cq - c[j] * between) / of_q
        d[j + 1] = (d[j + 1] - dq - d[j] * between) / of_q


@block_kernel
def factor_cholesky(matrix: np.ndarray) -> bool:
    """Put the lower factor in place of the lower triangle, and return whether there is one.

    Row by row, by dot products of rows (Golub & Van Loan, *Matrix Computations*, 4th ed.,
    section 4.2.5), four rows at a time.

    Parameters
    ----------
    matrix : ndarray of float64, shape (p, p), C order
        Symmetric; what lies above the diagonal is neither read nor written.
    """
    p = matrix.shape[0]
    for i in range(0, p, 4):
        last = min(i + 4, p)
        done = 0
        if last == i + 4:
            fill_four(matrix, i)
            done = i
        for r in range(i, last):
            row = matrix[r]
            for j in range(done, r + 1):
                other = matrix[j]
                total = 0.0
                for k in range(j):
                    total += row[k] * other[k]
                left = row[j] - total
                if j < r:
                    row[j] = left / other[j]
                elif left > 0.0:
                    row[j] = math.sqrt(left)
                else:
                    return False
    return True


@block_kernel
def solve_cholesky(factor: np.ndarray, right: np.ndarray) -> None:
    """Solve ``L L' x = right`` in place, ``(p,)``; what lies above the diagonal is not read."""
    p = factor.shape[0]
    for i in range(p):
        row = factor[i]
        total = 0.0
        for k in range(i):
            total += row[k] * right[k]
        right[i] = (right[i] - total) / row[i]
    for i in range(p - 1, -1, -1):
        row = factor[i]
        x = right[i] / row[i]
        right[i] = x
        for k in range(i):
            right[k] -= x * row[k]


def reciprocal_condition(factor: np.ndarray, norm: float) -> float:
    """Return an estimate of 1 over the condition number of a matrix, seldom above three times it.

    The 1-norm of the inverse is the largest of its columns'; it is looked for uphill, and a
    vector of alternating signs is tried besides (Hager's method; Higham, *Accuracy and
    Stability of Numerical Algorithms*, 2nd ed., algorithm 15.4).

    Parameters
    ----------
    factor : ndarray of float64, shape (p, p), C order
        From `factor_cholesky`.
    norm : float
        The matrix's own 1-norm.
    """
    p = len(factor)
    point = np.full(p, 1.0 / p)
    found = 0.0
    for _ in range(_MOST_COLUMNS):
        image = _times_inverse(factor, point)
        found = max(found, float(np.abs(image).sum()))
        slopes = _times_inverse(factor, np.where(image < 0.0, -1.0, 1.0))
        best = int(np.argmax(np.abs(slopes)))
        if not abs(float(slopes[best])) > float(slopes @ point):
            break
        point = np.zeros(p)
        point[best] = 1.0
    signs = 1.0 - 2.0 * (np.arange(p) % 2)
    other = _times_inverse(factor, signs * (1.0 + np.arange(p) / max(p - 1, 1)))
    found = max(found, 2.0 * float(np.abs(other).sum()) / (3.0 * p))
    return 1.0 / found / norm


def _times_inverse(factor: np.ndarray, vector: np.ndarray) -> np.ndarray:
    result = vector.copy()
    solve_cholesky(factor, result)
    return result
