"""Integers and bools as X: the model of the same numbers in float64; bad numbers are named."""

import numpy as np
import pandas as pd
import pytest

from fastlogreg import LogisticRegression
from fastlogreg.errors import InvalidDataError
from tests.problems import correlated


def table(kind):
    X, y, _ = correlated(3_000, 6, seed=4)
    X /= X.std(axis=0)
    return (X > 0.0 if kind == "bool" else np.rint(3.0 * X)).astype(kind), y


# Each type and order is compiled code of its own, of which few are enough here.
@pytest.mark.parametrize(
    ("kind", "form", "solver"),
    [
        ("int32", "C", "newton-cholesky"),
        ("int32", "C", "lbfgs"),
        ("int8", "F", "newton-cholesky"),
        ("int8", "F", "lbfgs"),
        ("int8", "frame", "newton-cholesky"),
        ("bool", "C", "lbfgs"),
    ],
)
def test_the_model_is_that_of_float64(kind, form, solver):
    X, y = table(kind)
    same = X.astype(np.float64)
    if form == "frame":
        names = [f"x{j}" for j in range(6)]
        X, same = pd.DataFrame(X, columns=names), pd.DataFrame(same, columns=names)
    else:
        X, same = np.asarray(X, order=form), np.asarray(same, order=form)
    ours, expected = (
        LogisticRegression(backend="numba", solver=solver).fit(each, y) for each in (X, same)
    )
    assert ours.coef_.dtype == np.float64
    # Sums over columns of other types are vectors of other lengths: equal to rounding.
    np.testing.assert_allclose(ours.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, expected.intercept_, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(ours.predict(X), expected.predict(same))
    for method in ("decision_function", "predict_proba"):
        found, wanted = getattr(ours, method)(X), getattr(expected, method)(same)
        assert found.dtype == wanted.dtype == np.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("method", ["decision_function", "predict_proba", "predict"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_of_what_is_not_finite_are_refused(backend, dtype, method):
    X, y, _ = correlated(300, 3, dtype=dtype)
    model = LogisticRegression(backend=backend).fit(X, y)
    for bad in (np.nan, np.inf, -np.inf):
        spoilt = X.copy()
        spoilt[299, 1] = bad
        with pytest.raises(InvalidDataError, match="at row 299, column 1"):
            getattr(model, method)(spoilt)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_are_in_the_type_of_x(backend, dtype):
    X, y, _ = correlated(300, 3, dtype=dtype)
    model = LogisticRegression(backend=backend).fit(X, y)
    assert model.decision_function(X).dtype == dtype
    probabilities = model.predict_proba(X)
    assert probabilities.dtype == dtype
    sums = probabilities.astype(np.float64).sum(axis=1)
    assert np.abs(sums - 1.0).max() <= np.finfo(dtype).eps
