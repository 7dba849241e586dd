"""The optimum by slow, plain means: damped Newton steps on the whole table, in NumPy."""

import numpy as np
from scipy.special import expit, logsumexp, softmax


def binary(X, y, *, C=1.0, weights=None):
    """Return F at its minimum and the coefficients (d + 1,), the intercept last."""
    A, s, strength = _problem(X, C, weights)

    def value(w):
        sign = np.where(y == 1, -1.0, 1.0)
        return s @ np.logaddexp(0.0, sign * (A @ w)) + 0.5 * strength @ (w * w)

    def derivatives(w):
        p = expit(A @ w)
        gradient = A.T @ (s * (p - y)) + strength * w
        return gradient, (A.T * (s * p * (1.0 - p))) @ A + np.diag(strength)

    return _newton(value, derivatives, np.zeros(A.shape[1]))


def multinomial(X, y, *, C=1.0, weights=None):
    """Return F at its minimum and the coefficients (d + 1, K), the intercepts last."""
    A, s, strength = _problem(X, C, weights)
    n_classes = int(y.max()) + 1
    shape = (n_classes, A.shape[1])
    truth = np.eye(n_classes)[y]
    strengths = np.tile(strength, n_classes)

    def value(w):
        z = A @ w.reshape(shape).T
        return s @ (logsumexp(z, axis=1) - z[np.arange(len(y)), y]) + 0.5 * strengths @ (w * w)

    def derivatives(w):
        p = softmax(A @ w.reshape(shape).T, axis=1)
        gradient = ((s[:, None] * (p - truth)).T @ A).ravel() + strengths * w
        blocks = [
            [(A.T * (s * p[:, k] * ((k == m) - p[:, m]))) @ A for m in range(n_classes)]
            for k in range(n_classes)
        ]
        return gradient, np.block(blocks) + np.diag(strengths)

    best, w = _newton(value, derivatives, np.zeros(n_classes * A.shape[1]))
    return best, w.reshape(shape).T


def _problem(X, C, weights):
    s = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=np.float64)
    s = s / s.sum()
    total = len(X) if weights is None else float(np.sum(weights))
    strength = np.full(X.shape[1] + 1, 0.0 if np.isinf(C) else 1.0 / (C * total))
    strength[-1] = 0.0
    return np.column_stack([X, np.ones(len(X))]), s, strength


def _newton(value, derivatives, w):
    best = value(w)
    for _ in range(200):
        gradient, hessian = derivatives(w)
        scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
        step = scale * np.linalg.lstsq(hessian * scale * scale[:, None], scale * gradient)[0]
        length = 1.0
        while length > 1e-10 and not value(w - length * step) < best:
            length *= 0.5
        if length <= 1e-10:
            return best, w
        w = w - length * step
        best = value(w)
    raise AssertionError("200 steps were not enough")
