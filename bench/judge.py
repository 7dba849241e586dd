"""The one judge of every fit: the objective and its gradient by plain formulas.

Nothing here is shared with the package or with a peer, so that all are held to the
same figure::

    F(w, b) = 1/n * sum_i log(1 + exp(-t_i (x_i w + b))) + 1/(2 C n) * ||w||^2

Sums are pairwise within a chunk and exact across chunks: differences of F mean
something down to about 1e-15.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit

__all__ = ["Verdict", "judge", "show_gap"]

_CHUNK_CELLS = 1_048_576
_RESOLUTION = 1e-15


class Verdict(NamedTuple):
    """F, and the largest absolute component of its gradient."""

    objective: float
    gradient_norm: float


def judge(
    X: np.ndarray, y: np.ndarray, coef: np.ndarray, intercept: float, *, C: float = 1.0
) -> Verdict:
    """Return what coefficients are worth on a table.

    Parameters
    ----------
    X : ndarray, shape (n_rows, n_columns)
        The table; arithmetic is float64 whatever its type.
    y : ndarray of int, shape (n_rows,)
        0 or 1.
    coef : ndarray, shape (n_columns,)
    intercept : float
    C : float
        Inverse strength of the penalty.
    """
    n, d = X.shape
    w = np.asarray(coef, dtype=np.float64).ravel()
    losses: list[float] = []
    gradient = np.zeros(d + 1)
    step = max(_CHUNK_CELLS // d, 1)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        chunk = X[rows].astype(np.float64, copy=False)
        sign = np.where(y[rows] == 1, 1.0, -1.0)
        margin = sign * (chunk @ w + intercept)
        losses.append(float(np.logaddexp(0.0, -margin).sum()))
        pull = -sign * expit(-margin)
        gradient[:d] += chunk.T @ pull
        gradient[d] += pull.sum()
    gradient[:d] += w / C
    penalty = 0.5 * float(w @ w) / C
    return Verdict(math.fsum([*losses, penalty]) / n, float(np.abs(gradient).max()) / n)


def show_gap(gap: float) -> str:
    """Return a difference of two objectives, down to what the judge can tell."""
    return f"{gap:.1e}" if gap >= _RESOLUTION else f"< {_RESOLUTION:.0e}"
