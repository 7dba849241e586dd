"""The link: sigmoid, loss and curvature of an array of margins, in NumPy.

The formulas are those of `fastlogreg.kernels.pointwise`: with ``u = exp(-abs(m))``
nothing overflows and nothing cancels.  NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

__all__ = ["curvature", "loss_pull", "signed"]


def signed(decision: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Return the margins of rows: their decisions, negated for class 0."""
    return np.where(code == 1, decision, -decision)


def loss_pull(margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of margins and minus their derivatives, sigmoid(-margin)."""
    u = np.exp(-np.abs(margin))
    inverse = 1.0 / (1.0 + u)
    loss = np.log1p(u) - np.minimum(margin, 0.0)
    return loss, np.where(margin > 0.0, u, 1.0) * inverse


def curvature(margin: np.ndarray) -> np.ndarray:
    """Return the second derivatives of the loss, sigmoid(margin) sigmoid(-margin)."""
    u = np.exp(-np.abs(margin))
    inverse = 1.0 / (1.0 + u)
    return np.asarray(u * inverse * inverse)
