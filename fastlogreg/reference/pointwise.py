"""The link: sigmoid, loss and curvature of an array of margins, in NumPy.

The formulas are those of `fastlogreg.kernels.pointwise`: with ``u = exp(-abs(m))``
nothing overflows and nothing cancels.  NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

__all__ = ["curvature", "loss_pull", "loss_pull_curvature", "sigmoid", "signs"]

_SIGNS = np.array([-1.0, 1.0])


def signs(codes: np.ndarray) -> np.ndarray:
    """Return what turns a decision into a margin: 1 for the positive class, -1 for class 0."""
    return _SIGNS.take(codes)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-z))."""
    u, inverse = _parts(z)
    return _pull(-z, u, inverse)


def loss_pull(margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of margins and minus their derivatives, sigmoid(-margin)."""
    u, inverse = _parts(margin)
    return _loss(margin, u), _pull(margin, u, inverse)


def curvature(margin: np.ndarray) -> np.ndarray:
    """Return the second derivatives of the loss, sigmoid(margin) sigmoid(-margin)."""
    u, inverse = _parts(margin)
    return _curvature(u, inverse)


def loss_pull_curvature(margin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `loss_pull` and `curvature` do, with one exp between them."""
    u, inverse = _parts(margin)
    return _loss(margin, u), _pull(margin, u, inverse), _curvature(u, inverse)


def _parts(margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``u = exp(-abs(m))`` and ``1 / (1 + u)``."""
    u = np.abs(margin)
    np.negative(u, out=u)
    np.exp(u, out=u)
    inverse = 1.0 + u
    np.divide(1.0, inverse, out=inverse)
    return u, inverse


def _loss(margin: np.ndarray, u: np.ndarray) -> np.ndarray:
    loss: np.ndarray = np.log1p(u)
    loss -= np.minimum(margin, 0.0)
    return loss


def _pull(margin: np.ndarray, u: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    pull = np.where(margin > 0.0, u, 1.0)
    pull *= inverse
    return pull


def _curvature(u: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    result: np.ndarray = u * inverse
    result *= inverse
    return result
