"""The link: sigmoid, loss and curvature of one margin.

For a signed margin ``m`` (positive where the row is on its right side) and
``u = exp(-abs(m))`` in [0, 1]:

- loss       ``log(1 + exp(-m)) = max(-m, 0) + log1p(u)``
- pull       ``sigmoid(-m) = u / (1 + u)`` for ``m >= 0``, else ``1 / (1 + u)``
- curvature  ``sigmoid(m) sigmoid(-m) = u / (1 + u)**2``

None of them overflows or cancels.  NaN in, NaN out.  Only arithmetic and shifts are
used, no call into a mathematics library, so that LLVM turns a loop over rows into
vector code.

exp and log1p are range reductions with polynomials (Muller, *Elementary Functions*,
3rd ed., chapters 3 and 11); the coefficients interpolate at Chebyshev nodes, with an
error below 0.01 ulp, so rounding alone decides: both are within 2 ulp.
"""

from __future__ import annotations

import numpy as np

from fastlogreg.runtime.jit import pointwise

__all__ = ["curvature", "exp_of_negative", "log1p_of_unit", "loss_pull", "signed"]

_LOG2_E = 1.4426950408889634
# ln 2 in two parts: k * _LN2_HIGH is exact for every k that occurs.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
_SQRT2_MINUS_1 = 0.41421356237309503
# Adding it leaves the nearest integer in the low bits of the sum.
_ROUND = 6755399441055744.0  # 1.5 * 2**52
_ROUND_BITS = 0x4338000000000000  # its bits
_BIAS = 1023


@pointwise
def _power_of_two(k: float) -> float:
    """Return 2**k for an integer-valued k in [-1022, 1023], by its exponent bits."""
    bits = np.float64(k + _ROUND).view(np.int64) - _ROUND_BITS
    return np.int64((bits + _BIAS) << 52).view(np.float64)


@pointwise
def exp_of_negative(x: float) -> float:
    """Return exp(x) for x <= 0 (NaN for NaN), subnormal results included."""
    # Below -746 the result rounds to 0; the bound keeps the exponent in its field.
    x = -746.0 if x < -746.0 else x
    k = (x * _LOG2_E + _ROUND) - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    q = 2.0914686968086876e-09
    q = q * r + 2.5105217004720745e-08
    q = q * r + 2.75572736431103e-07
    q = q * r + 2.7557255400206422e-06
    q = q * r + 2.4801587325547743e-05
    q = q * r + 0.00019841269874820627
    q = q * r + 0.0013888888888883748
    q = q * r + 0.008333333333326136
    q = q * r + 0.04166666666666667
    q = q * r + 0.1666666666666667
    q = q * r + 0.5
    p = 1.0 + (r + r * r * q)
    # 2**k in two factors, so that only the last product rounds into the subnormals.
    k_first = -1000.0 if k < -1000.0 else k
    return p * _power_of_two(k_first) * _power_of_two(k - k_first)


@pointwise
def log1p_of_unit(u: float) -> float:
    """Return log(1 + u) for u in [0, 1] (NaN for NaN)."""
    # Above sqrt(2) - 1: log(1 + u) = ln 2 + log(1 + (u - 1) / 2), to keep s small.
    upper = u > _SQRT2_MINUS_1
    f = 0.5 * (u - 1.0) if upper else u
    s = f / (2.0 + f)
    z = s * s
    q = 0.13088034850927555
    q = q * z + 0.13268638369266825
    q = q * z + 0.15386244737621665
    q = q * z + 0.18181795547521137
    q = q * z + 0.22222222392581045
    q = q * z + 0.28571428570799784
    q = q * z + 0.40000000000000885
    q = q * z + 0.6666666666666666
    # log(1 + f) = 2s + s z q, with 2s = f - s f so that f itself is not rounded.
    tail = s * (z * q - f)
    return _LN2_HIGH + (f + (tail + _LN2_LOW)) if upper else f + tail


@pointwise
def signed(decision: float, code: int) -> float:
    """Return the margin of a row: its decision, negated for class 0."""
    return decision if code == 1 else -decision


@pointwise
def loss_pull(margin: float) -> tuple[float, float]:
    """Return the loss of a margin and minus its derivative, sigmoid(-margin)."""
    u = exp_of_negative(-abs(margin))
    inverse = 1.0 / (1.0 + u)
    loss = log1p_of_unit(u) - (0.0 if margin > 0.0 else margin)
    return loss, (u * inverse if margin > 0.0 else inverse)


@pointwise
def curvature(margin: float) -> float:
    """Return the second derivative of the loss, sigmoid(margin) sigmoid(-margin)."""
    u = exp_of_negative(-abs(margin))
    inverse = 1.0 / (1.0 + u)
    return u * inverse * inverse
