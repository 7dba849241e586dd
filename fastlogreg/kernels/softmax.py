"""The softmax link over a tile of rows: losses, residuals, products and probabilities.

For a row with decisions ``z_k``, class ``y`` and weight ``s``, and with
``e_k = exp(z_k - max_l z_l)``::

    p_k        = e_k / sum_l e_l
    loss       = s (log sum_l e_l + max_l z_l - z_y)
    residual_k = s (p_k - [k = y])
    product_k  = s p_k (v_k - sum_l p_l v_l)        the loss's curvature times v

Only numbers of at most 0 are exponentiated, so that nothing overflows.  The classes
beside ``y`` are summed apart from it: where ``y`` leads, the loss is ``log1p`` of their
sum and its residual minus their share, and neither is a difference of large numbers.
NaN in, NaN out.

Class ``k`` has line ``k`` of ``lines``.  All loops are flat over rows, so that they become
vector code; what they keep per row lies in one flat ``scratch`` of four parts a constant
pitch apart, which the compiler need not check for overlap.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.kernels.blocks import aligned_zeros
from fastlogreg.kernels.pointwise import exp_of_negative, log1p_of_positive
from fastlogreg.runtime.jit import step_kernel

__all__ = [
    "MOST_ROWS",
    "fill_class_weights",
    "loss_tile",
    "probability_tile",
    "product_tile",
    "raise_tile",
    "residual_tile",
    "share_tile",
    "softmax_scratch",
]

MOST_ROWS = 2_048  # of a tile
_PITCH = MOST_ROWS + 8  # a cache line more, so that the parts share no cache sets


def softmax_scratch() -> np.ndarray:
    """Return *scratch* for a tile of any size."""
    return aligned_zeros(4 * _PITCH)


@step_kernel
def fill_class_weights(
    codes: np.ndarray,
    weights: np.ndarray,
    class_weights: np.ndarray,
    first: int,
    count: int,
    out: np.ndarray,
) -> None:
    """Fill out[:count] with class weight times sample weight of the rows from first on."""
    code = codes[first : first + count]
    for i in range(count):
        out[i] = class_weights[np.uintp(code[i])]
    if weights.size > 0:
        weight = weights[first : first + count]
        for i in range(count):
            out[i] *= weight[i]


@step_kernel
def raise_tile(
    lines: np.ndarray, n_classes: int, code: np.ndarray, count: int, scratch: np.ndarray
) -> None:
    """Turn decisions into e; scratch gets max z, z_y, e_y and the sum of the other e."""
    line = lines[0]
    for i in range(count):
        scratch[i] = line[i]
        scratch[i + _PITCH] = line[i]
        scratch[i + 2 * _PITCH] = 0.0
        scratch[i + 3 * _PITCH] = 0.0
    for k in range(1, n_classes):
        line = lines[k]
        for i in range(count):
            z = line[i]
            scratch[i] = z if z > scratch[i] else scratch[i]
            scratch[i + _PITCH] = z if code[i] == k else scratch[i + _PITCH]
    for k in range(n_classes):
        line = lines[k]
        for i in range(count):
            e = exp_of_negative(line[i] - scratch[i])
            line[i] = e
            own = code[i] == k
            scratch[i + 2 * _PITCH] = e if own else scratch[i + 2 * _PITCH]
            scratch[i + 3 * _PITCH] += 0.0 if own else e


@step_kernel
def loss_tile(weight: np.ndarray, count: int, scratch: np.ndarray) -> float:
    """Return the loss after `raise_tile`; the first part of scratch becomes 1 / sum e."""
    loss = 0.0
    for i in range(count):
        behind = scratch[i] - scratch[i + _PITCH]
        own = scratch[i + 2 * _PITCH]
        others = scratch[i + 3 * _PITCH]
        # Where another class leads, it is the 1 among the others.
        beside = (others - 1.0) + own if behind > 0.0 else others
        loss += weight[i] * (log1p_of_positive(beside) + behind)
        scratch[i] = 1.0 / (others + own)
    return loss


@step_kernel
def residual_tile(
    lines: np.ndarray,
    n_classes: int,
    code: np.ndarray,
    weight: np.ndarray,
    count: int,
    scratch: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Turn e into residuals after `loss_tile`; add their sums to sums[:, 0]."""
    for k in range(n_classes):
        line = lines[k]
        total = 0.0
        for i in range(count):
            share = -scratch[i + 3 * _PITCH] if code[i] == k else line[i]
            residual = weight[i] * (share * scratch[i])
            line[i] = residual
            total += residual
        sums[k, 0] += total


@step_kernel
def share_tile(
    lines: np.ndarray,
    n_classes: int,
    weight: np.ndarray,
    count: int,
    scratch: np.ndarray,
    missing: np.ndarray,
) -> None:
    """Turn e into p after `loss_tile`; missing gets s (1 - p_y)."""
    for i in range(count):
        missing[i] = weight[i] * (scratch[i + 3 * _PITCH] * scratch[i])
    for k in range(n_classes):
        line = lines[k]
        for i in range(count):
            line[i] *= scratch[i]


@step_kernel
def product_tile(
    lines: np.ndarray,
    n_classes: int,
    ahead: int,
    weight: np.ndarray,
    count: int,
    are_shares: bool,
    scratch: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Turn decisions into products with v, which is *ahead* lines on; add to sums[:, 0].

    Where they are, instead, shares p already, nothing is exponentiated.  Only differences of
    v count: taken to the leading class, they do not cancel.
    """
    line, along = lines[0], lines[ahead]
    for i in range(count):
        scratch[i] = line[i]
        scratch[i + _PITCH] = along[i]
        scratch[i + 2 * _PITCH] = 0.0
        scratch[i + 3 * _PITCH] = 0.0
    for k in range(1, n_classes):
        line, along = lines[k], lines[ahead + k]
        for i in range(count):
            leads = line[i] > scratch[i]
            scratch[i] = line[i] if leads else scratch[i]
            scratch[i + _PITCH] = along[i] if leads else scratch[i + _PITCH]
    for k in range(n_classes):
        line, along = lines[k], lines[ahead + k]
        for i in range(count):
            e = line[i] if are_shares else exp_of_negative(line[i] - scratch[i])
            v = along[i] - scratch[i + _PITCH]
            line[i] = e
            along[i] = v
            scratch[i + 2 * _PITCH] += e
            scratch[i + 3 * _PITCH] += e * v
    for i in range(count):
        scratch[i] = 1.0 / scratch[i + 2 * _PITCH]
        scratch[i + 3 * _PITCH] *= scratch[i]
    for k in range(n_classes):
        line, along = lines[k], lines[ahead + k]
        total = 0.0
        for i in range(count):
            p = line[i] * scratch[i]
            product = weight[i] * (p * (along[i] - scratch[i + 3 * _PITCH]))
            line[i] = product
            total += product
        sums[k, 0] += total


@step_kernel
def probability_tile(lines: np.ndarray, first: int, count: int, scratch: np.ndarray) -> None:
    """Turn the decisions in a part of all lines into probabilities."""
    line = lines[0][first : first + count]
    for i in range(count):
        scratch[i] = line[i]
        scratch[i + _PITCH] = 0.0
    for k in range(1, lines.shape[0]):
        line = lines[k][first : first + count]
        for i in range(count):
            scratch[i] = line[i] if line[i] > scratch[i] else scratch[i]
    for k in range(lines.shape[0]):
        line = lines[k][first : first + count]
        for i in range(count):
            e = exp_of_negative(line[i] - scratch[i])
            line[i] = e
            scratch[i + _PITCH] += e
    for i in range(count):
        scratch[i] = 1.0 / scratch[i + _PITCH]
    for k in range(lines.shape[0]):
        line = lines[k][first : first + count]
        for i in range(count):
            line[i] *= scratch[i]
