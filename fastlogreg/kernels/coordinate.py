"""Coordinate descent on a quadratic with an L1 penalty: a compiled loop that reads no X.

The same name and signature as in `fastlogreg.reference.coordinate`.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import block_kernel

__all__ = ["descend_coordinates"]


@block_kernel
def descend_coordinates(
    matrix: np.ndarray,
    strengths: np.ndarray,
    coef: np.ndarray,
    gradient: np.ndarray,
    members: np.ndarray,
    most_sweeps: int,
    least: float,
) -> float:
    """Minimise along one coordinate after the other, in place, until a sweep moves little.

    Parameters
    ----------
    matrix : ndarray of float64, shape (p, p), C order
        Second derivatives B of the quadratic.
    strengths : ndarray of float64, shape (p,)
        Of the penalty ``sum_j strengths_j |coef_j|``.
    coef, gradient : ndarray of float64, shape (p,)
        The point, and the quadratic's gradient there; both are moved.
    members : ndarray of int64
        Coordinates of a sweep; those without curvature stay where they are.
    most_sweeps : int
        Sweeps at most.
    least : float
        The last sweep is one in which no ``B_jj`` times a squared change exceeds it.

    Returns
    -------
    float
        The largest ``B_jj`` times a squared change in the last sweep.
    """
    moved = 0.0
    for _ in range(most_sweeps):
        moved = 0.0
        for k in range(members.size):
            j = np.uintp(members[k])
            line = matrix[j]
            curvature = line[j]
            if curvature <= 0.0:
                continue
            aim = curvature * coef[j] - gradient[j]
            if aim > strengths[j]:
                new = (aim - strengths[j]) / curvature
            elif aim < -strengths[j]:
                new = (aim + strengths[j]) / curvature
            else:
                new = 0.0
            change = new - coef[j]
            if change != 0.0:
                coef[j] = new
                for i in range(gradient.size):
                    gradient[i] += change * line[i]
                moved = max(moved, curvature * change * change)
        if moved <= least:
            break
    return moved
