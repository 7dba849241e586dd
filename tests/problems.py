"""Seeded data sets that the tests share."""

import numpy as np
from scipy import sparse
from sklearn.datasets import load_breast_cancer

from fastlogreg.solvers import L1_SOLVERS, SOLVERS

SMOOTH = [name for name in SOLVERS if name not in L1_SOLVERS]


def breast_cancer(*, scaled):
    """Return X (569, 30) and y in {0, 1}: standardised, or as measured (scales 1e-3 to 4e3)."""
    X, y = load_breast_cancer(return_X_y=True)
    if scaled:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, y


def correlated(n, d, seed=0, *, dtype=np.float64, order="C"):
    """Return X, y and weights: correlated columns of scales 0.1 to 10, a real signal."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 1))
    scale = 10.0 ** rng.uniform(-1.0, 1.0, d)
    X = (rng.standard_normal((n, d)) + 0.5 * common) * scale
    coef = rng.standard_normal(d) / scale / np.sqrt(d)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-(X @ coef - 0.5)))).astype(np.int64)
    if n >= 2:
        y[:2] = (0, 1)
    weights = rng.uniform(0.1, 3.0, n)
    return np.asarray(X, dtype=dtype, order=order), y, weights


def two_clouds(n, seed=0):
    """Return X (n, 2) and y in {0, 1}: two overlapping clouds of points."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.standard_normal((n, 2)) + 1.5 * y[:, None]
    return X, y


def several(n, d, n_classes, seed=0, *, rare=0.0):
    """Return X, y in 0 .. n_classes - 1 and weights: a softmax of mild signal.

    With *rare* the intercept falls by so much from class to class.
    """
    rng = np.random.default_rng(seed)
    X, _, weights = correlated(n, d, seed)
    coef = rng.standard_normal((d, n_classes)) / X.std(axis=0)[:, None] / np.sqrt(d)
    z = X @ coef - rare * np.arange(n_classes)
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y, weights


def ragged(n, d, seed=0, *, form="csr", dtype=np.float64, index=np.int32, density=0.3):
    """Return a sparse X, the same as a dense array, y in {0, 1} and weights.

    Indices are in no order, some places are stored twice, some zeros are stored, and there
    are empty rows and columns; the last row is full.
    """
    rng = np.random.default_rng(seed)
    lines, across = (n, d) if form == "csr" else (d, n)
    indices, data, indptr = [], [], [0]
    for line in range(lines):
        size = 0 if line % 5 == 3 else rng.binomial(across, density)
        size = across if line == lines - 1 else size
        places = rng.permutation(across)[:size]
        places = places[places % 7 != 2] if line < lines - 1 else places
        places = np.concatenate([places, places[:1]])
        numbers = rng.standard_normal(len(places))
        numbers[1::6] = 0.0
        indices.append(places)
        data.append(numbers)
        indptr.append(indptr[-1] + len(places))
    kind = sparse.csr_array if form == "csr" else sparse.csc_array
    X = kind((n, d), dtype=dtype)
    X.data = np.concatenate(data).astype(dtype)
    X.indices = np.concatenate(indices).astype(index)
    X.indptr = np.array(indptr, dtype=index)
    dense = np.zeros((n, d))
    at = np.repeat(np.arange(lines), np.diff(X.indptr))
    place = (at, X.indices) if form == "csr" else (X.indices, at)
    np.add.at(dense, place, X.data.astype(np.float64))
    decided = dense @ rng.standard_normal(d)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-decided))).astype(np.int64)
    if n >= 2:
        y[:2] = (0, 1)
    return X, dense, y, rng.uniform(0.1, 3.0, n)
