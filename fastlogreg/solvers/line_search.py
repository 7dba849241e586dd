"""A line search for convex functions that also works where rounding hides the decrease.

Along a direction a convex F has a rising slope, so the search is for a near-zero of the
slope: a bracket, shrunk by safeguarded secant steps on the slopes.  A step is taken on
the strong Wolfe conditions (Nocedal & Wright, *Numerical Optimization*, 2nd ed., section
3.1), or, where the change of F is below its rounding, on the approximate Wolfe
conditions, which read the decrease off the slopes (Hager & Zhang, *A new conjugate
gradient method with guaranteed descent and an efficient line search*, SIAM J. Optim. 16,
2005, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["Trial", "line_search"]

_SUFFICIENT_DECREASE = 1e-4
_SUFFICIENT_SLOPE = 0.9
_LARGEST_EXPANSION = 10.0
_EDGE = 0.1  # a trial stays this share of the bracket away from its ends


class Trial(NamedTuple):
    """F at one step length: everything that its pass brought."""

    length: float
    coef: np.ndarray
    value: float
    gradient: np.ndarray
    slope: float


def line_search(
    evaluate: Callable[[float], Trial],
    value: float,
    slope: float,
    *,
    first: float,
    noise: float,
    max_trials: int,
) -> Trial | None:
    """Return an acceptable trial, or None if *max_trials* passes found none.

    Parameters
    ----------
    evaluate : callable
        From a step length to the trial there; one pass each.
    value, slope : float
        F and its derivative along the direction at length 0; the slope is negative.
    first : float
        The first length to try.
    noise : float
        How far rounding may move F.
    max_trials : int
        Passes that may be spent.
    """
    low, low_slope = 0.0, slope
    high, high_slope = math.inf, math.nan
    length = first
    for _ in range(max_trials):
        trial = evaluate(length)
        if _acceptable(trial, value, slope, noise):
            return trial
        finite = math.isfinite(trial.value) and math.isfinite(trial.slope)
        if not finite or trial.value > value + noise or trial.slope > 0.0:
            high = length
            high_slope = trial.slope if finite and trial.slope > 0.0 else math.nan
        else:
            low, low_slope = length, trial.slope
        length = _next_length(low, low_slope, high, high_slope, slope)
        if not low < length < high:
            return None
    return None


def _acceptable(trial: Trial, value: float, slope: float, noise: float) -> bool:
    if not abs(trial.slope) <= -_SUFFICIENT_SLOPE * slope:
        return False
    return (
        trial.value <= value + _SUFFICIENT_DECREASE * trial.length * slope
        or abs(trial.value - value) <= noise
    )


def _next_length(
    low: float, low_slope: float, high: float, high_slope: float, first_slope: float
) -> float:
    """Return where the secant of the slopes crosses zero, kept inside the bracket."""
    if math.isinf(high):
        # The secant from length 0 to low; it only ever goes outwards.
        fall = first_slope - low_slope
        target = low * first_slope / fall if fall < 0.0 else math.inf
        return min(max(target, 2.0 * low), _LARGEST_EXPANSION * low)
    width = high - low
    if math.isnan(high_slope):
        return low + _EDGE * width if low == 0.0 else low + 0.5 * width
    secant = low - low_slope * width / (high_slope - low_slope)
    return min(max(secant, low + _EDGE * width), high - _EDGE * width)
