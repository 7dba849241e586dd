"""X and y that the from-scratch model cannot be fitted to: what the errors say."""

import sys

import numpy as np
import pytest

from fastlogreg import LogisticRegressor, planner
from fastlogreg.errors import InvalidDataError


def points():
    """Return X (3, 150) and y."""
    X = np.random.default_rng(1).standard_normal((3, 150))
    return X, (X[0] > 0.0).astype(np.int64)


def bad_inputs():
    X, y = points()
    one_nan, one_inf = X.copy(), X.copy()
    one_nan[1, 7] = np.nan
    one_inf[2, 5] = one_inf[2, 9] = -np.inf
    late = np.where(np.arange(len(y)) == 4, np.nan, y)
    return {
        "X 1-D": (X[0], y, r"X has shape \(150,\); expected .*X\.reshape\(1, -1\)"),
        "X 3-D": (X[None], y, r"X has shape \(1, 3, 150\)"),
        "X scalar": (3.0, y, r"X has shape \(\)"),
        "X transposed": (X.T, y, r"y has shape \(150,\).*holds 3 points.*did you mean X\.T"),
        "X short": (X[:, :9], y, r"holds 9 points; expected y of shape \(9,\) or \(1, 9\)"),
        "X no points": (X[:, :0], y[:0], r"X is empty, of shape \(3, 0\)"),
        "X no dims": (X[:0], y, r"X is empty, of shape \(0, 150\)"),
        "X text": ([["a"] * 150], y, r"X has the type <U1; expected an array of numbers"),
        "X mixed": (np.full((1, 150), "a", object), y, r"X does not hold numbers \(could not"),
        "X ragged": ([[1.0, 2.0], [1.0]], y[:2], r"X does not hold numbers"),
        "X complex": (X + 1j, y, r"X has the type complex128"),
        "X NaN": (one_nan, y, r"X\[dimension, point\] contains 1 NaN, the first at \(1, 7\)"),
        "X inf": (one_inf, y, r"X\[dimension, point\] contains 2 infinite.*at \(2, 5\)"),
        "y column": (X, y[:, None], r"y has shape \(150, 1\).*expected y of shape \(150,\)"),
        "y short": (X, y[:9], r"y has shape \(9,\)"),
        "y None": (X, None, r"y has shape \(\)"),
        "y -1": (X, 2 * y - 1, r"y holds \d+ labels other than 0 and 1, the first \(-1\) at"),
        "y half": (X, y * 0.5, r"the first \(0\.5\) at point"),
        "y text": (X, y.astype(str), r"y has the type <U"),
        "y NaN": (X, late, r"y contains 1 NaN, the first at 4"),
    }


@pytest.mark.parametrize("case", bad_inputs())
@pytest.mark.parametrize("batch_size", [None, 40])
def test_bad_data_gets_an_error_that_says_what_came_and_what_was_expected(case, batch_size):
    X, y, message = bad_inputs()[case]
    model = LogisticRegressor()
    with pytest.raises(InvalidDataError, match=message):
        model.fit(X, y, batch_size=batch_size)
    assert not hasattr(model, "W")
    assert model.loss == []


@pytest.mark.parametrize("from_cells", [1, sys.maxsize], ids=["numba", "numpy"])
def test_nan_is_found_by_both_backends_at_fit_and_predict(monkeypatch, from_cells):
    monkeypatch.setattr(planner, "NUMBA_FROM_CELLS", from_cells)
    X, y, message = bad_inputs()["X NaN"]
    with pytest.raises(InvalidDataError, match=message):
        LogisticRegressor().fit(X, y)
    model = LogisticRegressor().fit(*points())
    with pytest.raises(InvalidDataError, match=message):
        model.predict(X)


def test_a_sparse_X_is_told_to_become_dense():
    from scipy.sparse import csr_array

    X, y = points()
    with pytest.raises(InvalidDataError, match=r"X is a sparse csr_array.*X\.toarray\(\)"):
        LogisticRegressor().fit(csr_array(X), y)
