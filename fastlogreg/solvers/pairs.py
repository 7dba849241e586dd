"""Curvature from pairs of a step and the change of the gradient along it.

The two-loop recursion of L-BFGS: Liu & Nocedal, *On the limited memory BFGS method for
large scale optimization*, Mathematical Programming 45 (1989); algorithm 7.4 of Nocedal
& Wright, *Numerical Optimization*, 2nd ed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np

from fastlogreg.runtime.vectors import inner

__all__ = ["Pairs"]

_LEAST_CURVATURE = 1e-14  # relative: a pair below carries rounding, not curvature


class Pairs:
    """The last few pairs, the newest last.

    Parameters
    ----------
    memory : int
        Most pairs that are kept.
    """

    def __init__(self, memory: int) -> None:
        self._pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=memory)

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, step: np.ndarray, gradient_change: np.ndarray) -> None:
        """Keep a pair if it holds positive curvature."""
        with np.errstate(over="ignore", invalid="ignore"):  # such a pair is not kept
            product = inner(step, gradient_change)
            size = math.sqrt(inner(step, step)) * math.sqrt(inner(gradient_change, gradient_change))
        if math.isfinite(product) and product > _LEAST_CURVATURE * size:
            self._pairs.append((step, gradient_change, product))

    def clear(self) -> bool:
        """Drop all pairs; return whether there were any."""
        had_any = bool(self._pairs)
        self._pairs.clear()
        return had_any

    def inverse_times(
        self, gradient: np.ndarray, first: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """Return the inverse Hessian under the pairs times a gradient.

        Parameters
        ----------
        gradient : ndarray
            Not changed.
        first : callable
            The inverse Hessian that the pairs correct, times a vector.
        """
        result = gradient.copy()
        scratch = np.empty_like(result)
        shares = []
        for step, change, product in reversed(self._pairs):
            share = inner(step, result) / product
            result -= np.multiply(change, share, out=scratch)
            shares.append(share)
        result = first(result)
        for (step, change, product), share in zip(self._pairs, reversed(shares), strict=True):
            share -= inner(change, result) / product
            result += np.multiply(step, share, out=scratch)
        return result

    def scale(self) -> float:
        """Return the curvature's inverse along the newest pair, 1 without any.

        It is the multiple of the identity that fits that pair: equation 7.20 of Nocedal
        & Wright.
        """
        if not self._pairs:
            return 1.0
        _, change, product = self._pairs[-1]
        return product / inner(change, change)
