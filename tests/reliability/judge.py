"""What a fit must satisfy, by plain formulas in long double over all rows at once."""

import numpy as np

__all__ = ["Problem"]

WIDE = np.longdouble


class Problem:
    """A table of numbers, class codes, row weights and a penalty.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    codes : ndarray of ints, shape (n,)
    weights : ndarray of shape (n,)
        Class weight times sample weight.
    C, l1_ratio, fit_intercept
        As of the estimator.
    dtype : dtype
        Of the coefficients.
    """

    def __init__(self, X, codes, weights, *, C, l1_ratio, fit_intercept, dtype):
        n = len(codes)
        self.A = np.column_stack([np.asarray(X, dtype=WIDE), np.ones(n, dtype=WIDE)])
        self.n_classes = int(codes.max()) + 1
        self.own = codes[:, None] == np.arange(self.n_classes)
        total = np.sum(weights, dtype=WIDE)
        self.shares = (np.asarray(weights, dtype=WIDE) / total)[:, None]
        strength = WIDE(0.0) if np.isinf(C) else 1 / (WIDE(C) * total)
        self.l1 = strength * WIDE(float(l1_ratio))
        self.l2 = strength * (1 - WIDE(float(l1_ratio)))
        self.fit_intercept = fit_intercept
        self.eps = WIDE(np.finfo(dtype).eps)
        self.least = WIDE(np.finfo(dtype).smallest_subnormal)

    def decisions(self, coef):
        """Return the log-odds (n, 1), or each class's score, and how far rounding moves them."""
        return self.A @ coef, self._rounding(coef)

    def _rounding(self, coef):
        return self.eps * (len(coef) + 4) * (np.abs(self.A) @ np.abs(coef))

    def probabilities(self, coef):
        """Return the probability of each class, (n, K)."""
        z = self._scores(coef)
        grown = np.exp(z - z.max(axis=1, keepdims=True))
        return grown / grown.sum(axis=1, keepdims=True)

    def _scores(self, coef):
        z = self.A @ coef
        return np.column_stack([np.zeros_like(z), z]) if z.shape[1] == 1 else z

    def value(self, coef):
        """Return F."""
        z = self._scores(coef)
        top = z.max(axis=1, keepdims=True)
        behind = z - top
        log_sum = np.log(np.exp(behind).sum(axis=1, keepdims=True))
        losses = log_sum - np.where(self.own, behind, 0.0).sum(axis=1, keepdims=True)
        w = coef[:-1]
        penalty = self.l1 * np.abs(w).sum() + self.l2 * (w * w).sum() / 2
        return (self.shares * losses).sum() + penalty

    def slopes(self, coef):
        """Return F's subgradient of least norm, and how far rounding may move it."""
        pulls = self.probabilities(coef) - self.own
        if coef.shape[1] == 1:
            pulls = pulls[:, 1:]
        moved = np.minimum(self._rounding(coef), 1.0) + 8 * self.eps * np.abs(pulls)
        if coef.shape[1] > 1:  # a score moves the probabilities of all classes
            moved = moved + moved.sum(axis=1, keepdims=True)
        gradient = self.A.T @ (self.shares * pulls)
        noise = np.abs(self.A).T @ (self.shares * moved)
        w = coef[:-1]
        smooth = gradient[:-1] + self.l2 * w
        at_zero = np.sign(smooth) * np.maximum(np.abs(smooth) - self.l1, 0.0)
        gradient[:-1] = np.where(w == 0.0, at_zero, smooth + self.l1 * np.sign(w))
        noise[:-1] += 8 * self.eps * (self.l1 + self.l2 * np.abs(w)) + self.l2 * self.least
        if not self.fit_intercept:
            gradient[-1] = noise[-1] = 0.0
        return gradient, noise

    def excess(self, coef):
        """Return how much steps along single coordinates lower F, and what rounding hides."""
        gradient, _ = self.slopes(coef)
        start = least = self.value(coef)
        curvature = (self.A * self.A).T @ self.shares / 4 + self.l2
        for j, k in np.argwhere(gradient != 0.0):
            newton = -gradient[j, k] / curvature[j, 0] if curvature[j, 0] else 0.0
            for length in (1.0, 0.1, 10.0):
                moved = coef.copy()
                moved[j, k] += length * newton
                least = min(least, self.value(moved))
        hidden = (self.shares * self._rounding(coef)).sum() + 64 * self.eps * max(1.0, abs(start))
        return start - least, hidden
