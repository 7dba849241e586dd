"""The link: probabilities, loss and curvature of an array of decisions, in NumPy.

The formulas are those of `fastlogreg.kernels.pointwise` and `fastlogreg.kernels.softmax`:
only numbers of at most 0 are exponentiated, so that nothing overflows, and nothing
cancels.  NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "curvature",
    "loss_pull",
    "loss_pull_curvature",
    "sigmoid",
    "signs",
    "softmax_loss_residual",
    "softmax_probabilities",
    "softmax_product",
]

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


def softmax_probabilities(z: np.ndarray) -> np.ndarray:
    """Return exp(z_k) / sum_l exp(z_l) of each row."""
    grown: np.ndarray = np.exp(z - z.max(axis=1, keepdims=True))
    grown /= grown.sum(axis=1, keepdims=True)
    return grown


def softmax_loss_residual(
    z: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return -log p_y of each row, its derivatives p_k - [k = y], and p.

    They are ``(rows, 1)`` and twice ``(rows, classes)``.  What the other classes have is
    summed apart from the true one, so that neither a small loss nor a small residual is
    a difference of large numbers.
    """
    code = codes[:, None].astype(np.intp)
    largest = z.max(axis=1, keepdims=True)
    true = np.take_along_axis(z, code, axis=1)
    grown = np.exp(z - largest)
    own = np.take_along_axis(grown, code, axis=1)
    residual = grown.copy()
    np.put_along_axis(residual, code, 0.0, axis=1)
    others = residual.sum(axis=1, keepdims=True)
    np.put_along_axis(residual, code, -others, axis=1)
    # Where another class leads, it is the 1 among the others.
    loss = np.log1p(np.where(true == largest, others, (others - 1.0) + own))
    loss += largest - true
    total = others + own
    residual /= total
    grown /= total
    return loss, residual, grown


def softmax_product(p: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return p_k (v_k - sum_l p_l v_l) of each row, the loss's curvature times v."""
    # Only differences of v count: taken to the leading class, they do not cancel.
    v = v - np.take_along_axis(v, p.argmax(axis=1)[:, None], axis=1)
    v -= (p * v).sum(axis=1, keepdims=True)
    v *= p
    return v


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
