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


def penalised(X, codes, coef, *, C, l1_ratio, weights=None):
    """Return F with its L1 part at coef (d + 1, K), and its subgradient of least norm.

    One column is the binary model, more are those of softmax.
    """
    n, d = X.shape
    ones = np.ones(n) if weights is None else np.asarray(weights)
    total = math.fsum(ones)
    losses, pulls = [], []
    for i in range(n):
        z = [
            math.fsum(v * c for v, c in zip([*X[i], 1.0], column, strict=True)) for column in coef.T
        ]
        if len(z) == 1:
            losses.append(ones[i] * log_loss(z[0] if codes[i] == 1 else -z[0]))
            pulls.append([ones[i] * (sigmoid(z[0]) - float(codes[i]))])
        else:
            shares = [math.exp(v - max(z)) for v in z]
            log_sum = max(z) + math.log(math.fsum(shares))
            losses.append(ones[i] * (log_sum - z[codes[i]]))
            own = [float(k == codes[i]) for k in range(len(z))]
            pulls.append(
                [ones[i] * (math.exp(v - log_sum) - o) for v, o in zip(z, own, strict=True)]
            )
    l1, l2 = l1_ratio / (C * total), (1.0 - l1_ratio) / (C * total)
    w = coef[:-1]
    value = math.fsum(losses) / total + l1 * math.fsum(np.abs(w).flat)
    value += 0.5 * l2 * math.fsum((w * w).flat)
    slopes = np.zeros(coef.shape)
    for j in range(d + 1):
        column = X[:, j] if j < d else np.ones(n)
        for k in range(coef.shape[1]):
            slope = math.fsum(p[k] * x for p, x in zip(pulls, column, strict=True)) / total
            if j < d:
                slope += l2 * coef[j, k]
                if coef[j, k] != 0.0:
                    slope += math.copysign(l1, coef[j, k])
                else:
                    slope = math.copysign(max(abs(slope) - l1, 0.0), slope)
            slopes[j, k] = slope
    return value, slopes


def crossing(function, sign):
    """Return where a rising function changes sign, on the side of 0 that *sign* names."""
    low, high = 0.0, sign
    while function(high) * sign < 0.0:
        low, high = high, 2.0 * high
    while True:
        middle = 0.5 * (low + high)
        if middle in (low, high):
            return middle
        if function(middle) * sign < 0.0:
            low = middle
        else:
            high = middle


def coordinate_minimum(X, codes, *, C, l1_ratio, fit_intercept=True, weights=None):
    """Return the minimiser (d + 1,) of a binary F, one coordinate after the other.

    Each is moved to where the derivative along it changes sign, by halving an interval.
    """
    n, d = X.shape
    ones = np.ones(n) if weights is None else np.asarray(weights)
    total = ones.sum()
    l1, l2 = l1_ratio / (C * total), (1.0 - l1_ratio) / (C * total)
    table = np.column_stack([X, np.ones(n)])
    coef, z = np.zeros(d + 1), np.zeros(n)

    def slope(j, value):
        """Return the derivative of all but the L1 part with that value of coefficient j."""
        moved = z + (value - coef[j]) * table[:, j]
        p = np.exp(-np.maximum(-moved, 0.0)) / (1.0 + np.exp(-np.abs(moved)))
        return ones @ ((p - codes) * table[:, j]) / total + (l2 * value if j < d else 0.0)

    for _ in range(10_000):
        before = coef.copy()
        for j in range(d + fit_intercept):
            at_zero, bound = slope(j, 0.0), l1 if j < d else 0.0
            new = 0.0
            if abs(at_zero) > bound:
                sign = -math.copysign(1.0, at_zero)
                new = crossing(lambda value, j=j, extra=sign * bound: slope(j, value) + extra, sign)
            z += (new - coef[j]) * table[:, j]
            coef[j] = new
        if np.abs(coef - before).max() <= 1e-14 * max(1.0, np.abs(coef).max()):
            return coef
    raise AssertionError("the coordinates did not settle")


def quadratic_l1_minimum(matrix, gradient, start, bounds):
    """Return the minimum over u of g'(u - w) + (u - w)' B (u - w) / 2 + sum l |u|, B definite.

    Every choice of signs is tried; the lowest point of its own signs wins.
    """
    import itertools

    best, lowest = None, math.inf
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=len(start)):
        signs = np.array(signs)
        free = np.flatnonzero(signs)
        u = np.zeros(len(start))
        right = (matrix @ start - gradient - bounds * signs)[free]
        u[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        step = u - start
        value = gradient @ step + 0.5 * step @ matrix @ step + bounds @ np.abs(u)
        if value < lowest:
            best, lowest = u, value
    return best
