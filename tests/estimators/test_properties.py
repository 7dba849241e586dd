"""What must hold for any table: symmetries of the objective."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fastlogreg import LogisticRegression
from tests.problems import correlated


@st.composite
def tables(draw):
    n = draw(st.integers(4, 60))
    d = draw(st.integers(1, 6))
    order = draw(st.sampled_from("CF"))
    return correlated(n, d, seed=draw(st.integers(0, 10_000)), order=order)


def fit(backend, X, y, weights=None, **parameters):
    return LogisticRegression(backend=backend, tol=1e-11, **parameters).fit(X, y, weights)


def close(got, expected):
    assert_allclose(got, expected, rtol=1e-6, atol=1e-7 * max(1.0, np.abs(expected).max()))


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(backend, table, random):
    X, y, weights = table
    rows = list(range(len(X)))
    random.shuffle(rows)
    close(fit(backend, X[rows], y[rows], weights[rows]).coef_, fit(backend, X, y, weights).coef_)


@given(tables(), st.integers(2, 4))
def test_a_weight_of_k_is_k_equal_rows(backend, table, k):
    X, y, _ = table
    weights = np.ones(len(X))
    weights[::3] = k
    times = weights.astype(int)
    repeated = fit(backend, np.repeat(X, times, axis=0), np.repeat(y, times))
    close(fit(backend, X, y, weights).coef_, repeated.coef_)


@given(tables())
def test_a_weight_of_0_is_no_row(backend, table):
    X, y, weights = table
    weights[2::3] = 0.0
    kept = weights > 0
    close(
        fit(backend, X, y, weights).coef_,
        fit(backend, np.ascontiguousarray(X[kept]), y[kept], weights[kept]).coef_,
    )


@given(tables(), st.data())
def test_the_sign_of_a_column_flips_its_coefficient(backend, table, data):
    X, y, _ = table
    signs = np.array(data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=X.shape[1],
                                        max_size=X.shape[1])))  # fmt: skip
    close(fit(backend, X * signs, y).coef_, fit(backend, X, y).coef_ * signs)


@given(tables())
def test_swapping_labels_flips_every_sign(backend, table):
    X, y, weights = table
    plain, swapped = fit(backend, X, y, weights), fit(backend, X, 1 - y, weights)
    close(swapped.coef_, -plain.coef_)
    close(swapped.intercept_, -plain.intercept_)


@given(tables(), st.floats(0.01, 100.0))
def test_scaling_all_weights_is_scaling_c(backend, table, factor):
    X, y, weights = table
    close(fit(backend, X, y, factor * weights).coef_, fit(backend, X, y, weights, C=factor).coef_)


@given(tables())
def test_with_an_intercept_the_mean_probability_is_the_share_of_positives(backend, table):
    X, y, weights = table
    model = fit(backend, X, y, weights)
    mean = np.average(model.predict_proba(X)[:, 1], weights=weights)
    assert mean == pytest.approx(np.average(y, weights=weights), abs=1e-9)


@given(tables())
def test_a_constant_column_without_a_penalty_changes_no_prediction(backend, table):
    X, y, _ = table
    X = np.tile(X, (3, 1))
    y = np.r_[y, 1 - y, y]
    plain = fit(backend, X, y, C=np.inf)
    padded = fit(backend, np.c_[X, np.full(len(X), 2.0)], y, C=np.inf)
    assert padded.objective_ == pytest.approx(plain.objective_, abs=1e-10)
