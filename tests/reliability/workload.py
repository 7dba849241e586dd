"""What the cells of the matrix run: a fit and its predictions, as a digest of their bits.

The tables are small, and large enough for several blocks, so that several threads take part.
A storage of X is an entry in `STORAGES`.
"""

import hashlib

from fastlogreg import LogisticRegression
from tests.problems import correlated

__all__ = ["STORAGES", "digest", "model", "table"]

N_ROWS, N_COLUMNS = 12_000, 8


def _dense():
    X, y, _ = correlated(N_ROWS, N_COLUMNS)
    return X, y


STORAGES = {"dense": _dense}


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
