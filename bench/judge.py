"""The one judge of every fit: the objective and its gradient by plain formulas.

Nothing here is shared with the package or with a peer, so that all are held to the
same figure::

    F(W, b) = 1/S * sum_i s_i loss(y_i, x_i W + b)
            + 1/(C S) * [ (1 - rho)/2 * ||W||^2 + rho * sum |W| ]

``S`` is the sum of the weights ``s_i``, ``rho`` the ``l1_ratio``.  The loss of two classes is
``log(1 + exp(-t x w))`` with t in {-1, 1}; that of more the cross-entropy of the softmax.

Sums are pairwise within a chunk and exact across chunks: differences of F mean
something down to about 1e-15.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp

__all__ = ["Verdict", "judge", "largest_l1_strength", "show_gap"]

_CHUNK_CELLS = 1_048_576
_RESOLUTION = 1e-15


class Verdict(NamedTuple):
    """F, and the largest absolute component of its gradient.

    With an L1 penalty it is that of the subgradient of least norm: 0 at the optimum.
    """

    objective: float
    gradient_norm: float


def judge(
    X: np.ndarray,
    y: np.ndarray,
    coef: np.ndarray,
    intercept: np.ndarray | float,
    *,
    C: float = 1.0,
    l1_ratio: float = 0.0,
    weights: np.ndarray | None = None,
) -> Verdict:
    """Return what coefficients are worth on a table.

    Parameters
    ----------
    X : ndarray or csr_array, shape (n_rows, n_columns)
        The table; arithmetic is float64 whatever its type.
    y : ndarray of int, shape (n_rows,)
        0 or 1; with more classes 0 to n_classes - 1.
    coef : ndarray, shape (n_columns,), (1, n_columns) or (n_classes, n_columns)
    intercept : float, or ndarray of as many as there are rows of coef
    C : float
        Inverse strength of the penalty; inf for none.
    l1_ratio : float
        Share of the L1 penalty.
    weights : ndarray, shape (n_rows,), optional
        Weights of the rows.
    """
    W = np.atleast_2d(np.asarray(coef, dtype=np.float64)).T
    total = float(len(y)) if weights is None else math.fsum(weights)
    loss, gradient = _sums(X, y, W, np.atleast_1d(intercept), weights)
    strength = 1.0 / (C * total)
    smooth = 0.5 * (1.0 - l1_ratio) * float((W**2).sum())
    objective = loss / total + strength * (smooth + l1_ratio * float(np.abs(W).sum()))
    gradient /= total
    gradient[:-1] += strength * (1.0 - l1_ratio) * W
    gradient[:-1] = _least_subgradient(gradient[:-1], W, strength * l1_ratio)
    return Verdict(objective, float(np.abs(gradient).max()))


def largest_l1_strength(X: np.ndarray, y: np.ndarray) -> float:
    """Return the least factor of ``sum |W|`` at which all coefficients of two classes are 0."""
    share = np.mean(y == 1)
    intercept = math.log(share / (1.0 - share))
    _, gradient = _sums(X, y, np.zeros((X.shape[1], 1)), np.array([intercept]), None)
    return float(np.abs(gradient[:-1]).max()) / len(y)


def show_gap(gap: float) -> str:
    """Return a difference of two objectives, down to what the judge can tell."""
    return f"{gap:.1e}" if gap >= _RESOLUTION else f"< {_RESOLUTION:.0e}"


def _sums(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    intercept: np.ndarray,
    weights: np.ndarray | None,
) -> tuple[float, np.ndarray]:
    """Return the summed loss, and its gradient, shape (n_columns + 1, n_outputs)."""
    n, d = X.shape
    losses: list[float] = []
    gradient = np.zeros((d + 1, W.shape[1]))
    step = max(_CHUNK_CELLS * n // max(X.size, 1), 1)  # the size of a sparse X is what it stores
    loss_and_pull = _two_classes if W.shape[1] == 1 else _softmax
    for start in range(0, n, step):
        rows = slice(start, start + step)
        chunk = X[rows].astype(np.float64, copy=False)
        loss, pull = loss_and_pull(chunk @ W + intercept, y[rows])
        if weights is not None:
            loss *= weights[rows]
            pull *= weights[rows, None]
        losses.append(float(loss.sum()))
        gradient[:d] += chunk.T @ pull
        gradient[d] += pull.sum(axis=0)
    return math.fsum(losses), gradient


def _two_classes(decision: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign = np.where(y == 1, 1.0, -1.0)
    margin = sign * decision[:, 0]
    return np.logaddexp(0.0, -margin), (-sign * expit(-margin))[:, None]


def _softmax(decision: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    normaliser = logsumexp(decision, axis=1)
    own = (np.arange(len(y)), y)
    pull = np.exp(decision - normaliser[:, None])
    loss = normaliser - decision[own]
    pull[own] -= 1.0
    return loss, pull


def _least_subgradient(gradient: np.ndarray, W: np.ndarray, strength: float) -> np.ndarray:
    """Return the subgradient of least norm, of the gradient of what is smooth and |W|."""
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - strength, 0.0)
    return np.where(W == 0.0, at_zero, gradient + strength * np.sign(W))
