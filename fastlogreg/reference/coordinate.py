"""Coordinate descent on a quadratic with an L1 penalty, in plain NumPy.

The same name and signature as in `fastlogreg.kernels.coordinate`.
"""

from __future__ import annotations

import numpy as np

__all__ = ["descend_coordinates"]


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

    Parameters and result are those of the compiled loop.
    """
    curvatures = matrix.diagonal()[members].tolist()
    bounds = strengths[members].tolist()
    moved = 0.0
    for _ in range(most_sweeps):
        moved = 0.0
        for j, curvature, bound in zip(members.tolist(), curvatures, bounds, strict=True):
            if curvature <= 0.0:
                continue
            old = float(coef[j])
            aim = curvature * old - float(gradient[j])
            new = (aim - min(max(aim, -bound), bound)) / curvature
            if new != old:
                coef[j] = new
                gradient += (new - old) * matrix[j]
                moved = max(moved, curvature * (new - old) ** 2)
        if moved <= least:
            break
    return moved
