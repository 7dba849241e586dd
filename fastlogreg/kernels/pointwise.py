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

__all__ = [
    "curvature",
    "exp_of_negative",
    "log1p_of_positive",
    "loss_pull",
    "loss_pull_curvature",
    "sigmoids",
    "signed",
]

_LOG2_E = 1.4426950408889634
# ln 2 in two parts: k * _LN2_HIGH is exact for every k that occurs.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
# Adding it leaves the nearest integer in the low bits of the sum.
_ROUND = 6755399441055744.0  # 1.5 * 2**52
_ROUND_BITS = 0x4338000000000000  # its bits
_BIAS = 1023
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD


@pointwise
def exp_of_negative(x: float) -> float:
    """Return exp(x) for x <= 0 (NaN for NaN), subnormal results included."""
    # Below -746 the result rounds to 0; the bound keeps the exponent in its field.
    x = -746.0 if x < -746.0 else x
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    # Even and odd powers apart: shorter chains of dependent steps than Horner's.
    r2 = r * r
    r4 = r2 * r2
    q0 = 0.5 + r * 0.1666666666666667
    q1 = 0.04166666666666667 + r * 0.008333333333326136
    q2 = 0.0013888888888883748 + r * 0.00019841269874820627
    q3 = 2.4801587325547743e-05 + r * 2.7557255400206422e-06
    q4 = 2.75572736431103e-07 + r * 2.5105217004720745e-08
    q = (q0 + r2 * q1) + r4 * ((q2 + r2 * q3) + r4 * (q4 + r2 * 2.0914686968086876e-09))
    p = 1.0 + (r + r2 * q)
    # 2**k in two factors, so that only the last product rounds into the subnormals.
    exponent = np.float64(shifted).view(np.int64) - (_ROUND_BITS - 2 * _BIAS)
    half = exponent >> 1
    low = np.int64(half << 52).view(np.float64)
    high = np.int64((exponent - half) << 52).view(np.float64)
    return p * low * high


@pointwise
def log1p_of_positive(u: float) -> float:
    """Return log(1 + u) for u in [0, 2**1000] (NaN for NaN)."""
    y = 1.0 + u
    # 1 + u = 2**k (1 + f) with 1 + f in [sqrt(1/2), sqrt 2).  f is the exact difference
    # f_high and what rounding took from y, so that a small u keeps its digits.
    bits = np.float64(y).view(np.int64)
    k = (bits - _SQRT_HALF_BITS) >> 52
    mantissa = np.int64(bits - (k << 52)).view(np.float64)
    scale = np.int64((_BIAS - k) << 52).view(np.float64)
    f_high = mantissa - 1.0
    above = y - 1.0
    f_low = ((1.0 - (y - above)) + (u - above)) * scale
    f = f_high + f_low
    s = f / (2.0 + f)
    z = s * s
    z2 = z * z
    q0 = 0.6666666666666666 + z * 0.40000000000000885
    q1 = 0.28571428570799784 + z * 0.22222222392581045
    q2 = 0.18181795547521137 + z * 0.15386244737621665
    q3 = 0.13268638369266825 + z * 0.13088034850927555
    q = (q0 + z2 * q1) + z2 * z2 * (q2 + z2 * q3)
    # log(1 + f) = 2s + s z q, with 2s = f - s f so that f itself is not rounded.
    tail = s * (z * q - f)
    power = np.int64(k + _ROUND_BITS).view(np.float64) - _ROUND
    return power * _LN2_HIGH + (f_high + (tail + (f_low + power * _LN2_LOW)))


@pointwise
def signed(decision: float, code: int) -> float:
    """Return the margin of a row: its decision, negated for class 0."""
    return decision if code == 1 else -decision


@pointwise
def sigmoids(z: float) -> tuple[float, float]:
    """Return sigmoid(-z) and sigmoid(z), of which neither is 1 less the other."""
    u = exp_of_negative(-abs(z))
    inverse = 1.0 / (1.0 + u)
    small = u * inverse
    return (small, inverse) if z > 0.0 else (inverse, small)


@pointwise
def loss_pull(margin: float) -> tuple[float, float]:
    """Return the loss of a margin and minus its derivative, sigmoid(-margin)."""
    u = exp_of_negative(-abs(margin))
    inverse = 1.0 / (1.0 + u)
    loss = log1p_of_positive(u) - min(margin, 0.0)
    return loss, (u if margin > 0.0 else 1.0) * inverse


@pointwise
def curvature(margin: float) -> float:
    """Return the second derivative of the loss, sigmoid(margin) sigmoid(-margin)."""
    u = exp_of_negative(-abs(margin))
    inverse = 1.0 / (1.0 + u)
    return u * inverse * inverse


@pointwise
def loss_pull_curvature(margin: float) -> tuple[float, float, float]:
    """Return loss, pull and curvature of a margin from one exponential."""
    u = exp_of_negative(-abs(margin))
    inverse = 1.0 / (1.0 + u)
    loss = log1p_of_positive(u) - min(margin, 0.0)
    return loss, (u if margin > 0.0 else 1.0) * inverse, u * inverse * inverse
