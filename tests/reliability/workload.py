"""What the cells of the matrix run: a fit and its predictions, as a digest of their bits.

The tables are small, and large enough for several blocks, so that several threads take part.
A storage of X is an entry in `STORAGES`.
"""

import hashlib

import numpy as np

from fastlogreg import LogisticRegression
from tests.problems import correlated, ragged

__all__ = ["STORAGES", "digest", "model", "table"]

N_ROWS, N_COLUMNS = 12_000, 8


def _dense():
    X, y, _ = correlated(N_ROWS, N_COLUMNS)
    return X, y


def _sparse(form):
    X, _, y, _ = ragged(N_ROWS, 3 * N_COLUMNS, form=form)
    return X, y


def _frame():
    """Return a DataFrame of numbers and of categories, some of them missing."""
    import pandas as pd

    X, y, _ = correlated(N_ROWS, 4)
    frame = pd.DataFrame(X, columns=list("abcd"))
    rng = np.random.default_rng(1)
    for name, n_levels in (("few", 3), ("many", 40)):
        codes = rng.integers(0, n_levels, N_ROWS)
        frame[name] = pd.Categorical.from_codes(codes, [f"{name} {k}" for k in range(n_levels)])
    return frame, y


STORAGES = {
    "dense": _dense,
    "rows": lambda: _sparse("csr"),
    "columns": lambda: _sparse("csc"),
    "frame": _frame,
}


def table(storage):
    """Return X and y in that storage."""
    return STORAGES[storage]()


def model(n_threads=3, **parameters):
    """Return an estimator on compiled kernels that takes several passes."""
    return LogisticRegression(backend="numba", n_threads=n_threads, **parameters)


def digest(storage, n_threads=3):
    """Return a hash of all numbers of a fit and of its predictions."""
    X, y = table(storage)
    fitted = model(n_threads).fit(X, y)
    numbers = (fitted.coef_, fitted.intercept_, fitted.predict_proba(X), fitted.predict(X))
    return hashlib.sha256(b"".join(array.tobytes() for array in numbers)).hexdigest()
