"""Slow, obvious formulas, a row at a time, that every fast path is held against.

Nothing here is shared with the package, and nothing is clever: sums are exact
(`math.fsum`), exponentials are taken of negative numbers only.
"""

import math

import numpy as np


def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    return math.exp(z) / (1.0 + math.exp(z))


def log_loss(margin):
    """Return -log sigmoid(margin), as the log of the larger of two sums."""
    if margin >= 0:
        return math.log1p(math.exp(-margin))
    return -margin + math.log1p(math.exp(margin))


def loss_gradient_hessian(X, coef, codes, weights=None, class_weights=(1.0, 1.0)):
    """Return the summed loss, its gradient (d + 1,) and Hessian (d + 1, d + 1); one model."""
    n, d = X.shape
    rows = [[float(v) for v in X[i]] + [1.0] for i in range(n)]
    losses, pulls, curvatures = [], [], []
    for i, row in enumerate(rows):
        z = math.fsum(v * c for v, c in zip(row, coef, strict=True))
        s = class_weights[codes[i]] * (1.0 if weights is None else float(weights[i]))
        margin = z if codes[i] == 1 else -z
        losses.append(s * log_loss(margin))
        pulls.append(s * (sigmoid(z) - float(codes[i])))
        curvatures.append(s * sigmoid(z) * sigmoid(-z))
    gradient = [math.fsum(p * r[j] for p, r in zip(pulls, rows, strict=True)) for j in range(d + 1)]
    hessian = [
        [
            math.fsum(h * r[j] * r[k] for h, r in zip(curvatures, rows, strict=True))
            for k in range(d + 1)
        ]
        for j in range(d + 1)
    ]
    return math.fsum(losses), np.array(gradient), np.array(hessian)


def softmax(z):
    """Return exp(z_k) / sum_l exp(z_l) for the decisions of one row."""
    grown = [math.exp(v - max(z)) for v in z]
    return np.array(grown) / math.fsum(grown)


def softmax_loss(z, y):
    """Return -log softmax(z)[y], as a sum over the other classes where y leads."""
    if z[y] == max(z):
        return math.log1p(math.fsum(math.exp(v - z[y]) for k, v in enumerate(z) if k != y))
    return math.log(math.fsum(math.exp(v - max(z)) for v in z)) + (max(z) - z[y])


def softmax_loss_gradient_hessian(X, coef, codes, weights=None, class_weights=None):
    """Return the summed loss, its gradient (d + 1, K) and Hessian (p, p), class by class.

    One softmax model, coef (d + 1, K); p = K (d + 1), row k (d + 1) + j is that of coef[j, k].
    """
    width, n_classes = coef.shape
    losses, gradient = [], np.zeros(coef.shape)
    hessian = np.zeros((n_classes * width, n_classes * width))
    for i, y in enumerate(codes):
        row = np.array([float(v) for v in X[i]] + [1.0])
        z = [math.fsum(row * coef[:, k]) for k in range(n_classes)]
        s = (1.0 if weights is None else weights[i]) * (
            1.0 if class_weights is None else class_weights[y]
        )
        p = softmax(z)
        losses.append(s * softmax_loss(z, y))
        gradient += s * np.outer(row, p - (np.arange(n_classes) == y))
        hessian += s * np.kron(np.diag(p) - np.outer(p, p), np.outer(row, row))
    return math.fsum(losses), gradient, hessian


def decisions(X, coef):
    """Return x_i w + b for every row; one model."""
    return np.array(
        [math.fsum(float(v) * c for v, c in zip([*row, 1.0], coef, strict=True)) for row in X]
    )


def objective(X, codes, w, b, *, C=1.0, weights=None, class_weights=(1.0, 1.0)):
    """Return F(w, b): the mean loss plus ||w||^2 / (2 C S)."""
    ones = np.ones(len(X)) if weights is None else weights
    total = math.fsum(float(s) * class_weights[c] for s, c in zip(ones, codes, strict=True))
    loss, _, _ = loss_gradient_hessian(X, [*w, b], codes, weights, class_weights)
    penalty = 0.0 if math.isinf(C) else math.fsum(v * v for v in w) / (2.0 * C * total)
    return loss / total + penalty


def gradient_norm(X, codes, w, b, *, C=1.0, weights=None, class_weights=(1.0, 1.0)):
    """Return the largest absolute component of the gradient of F."""
    ones = np.ones(len(X)) if weights is None else weights
    total = math.fsum(float(s) * class_weights[c] for s, c in zip(ones, codes, strict=True))
    _, gradient, _ = loss_gradient_hessian(X, [*w, b], codes, weights, class_weights)
    penalty = np.zeros(len(w)) if math.isinf(C) else np.asarray(w) / (C * total)
    return float(np.abs(gradient / total + np.append(penalty, 0.0)).max())
