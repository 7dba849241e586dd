"""L1 and elastic-net penalties: the conditions of the optimum, peers, what can be combined."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression as Peer

from fastlogreg import LogisticRegression
from fastlogreg.errors import InvalidParameterError
from tests import oracle
from tests.problems import SMOOTH, breast_cancer, correlated, several


def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def slopes(X, y, model, weights, n_classes):
    """Return the gradient of the mean loss at a model, (d + 1, outputs), by the oracle."""
    coef = np.vstack([model.coef_.T, model.intercept_])
    if n_classes == 2:
        _, gradient, _ = oracle.loss_gradient_hessian(X, coef[:, 0], y, weights)
        gradient = gradient[:, None]
    else:
        _, gradient, _ = oracle.softmax_loss_gradient_hessian(X, coef, y, weights)
    return gradient / weights.sum()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("C", [0.01, 1.0])
def test_the_optimum_is_that_of_the_formula(backend, n_classes, l1_ratio, C):
    X, y, weights = several(400, 6, n_classes, seed=2)
    X = scaled(X)
    model = LogisticRegression(C, l1_ratio, backend=backend, tol=1e-9).fit(X, y, weights)
    assert model.solver_ == "prox-newton"
    assert model.status_.is_optimum
    strength = 1.0 / (C * weights.sum())
    slope = slopes(X, y, model, weights, n_classes)
    assert np.abs(slope[-1]).max() <= 1e-8
    coef = model.coef_.T
    pull = slope[:-1] + strength * (1.0 - l1_ratio) * coef
    at_zero = coef == 0.0
    assert (np.abs(pull[at_zero]) <= strength * l1_ratio + 1e-8).all()
    assert_allclose(pull[~at_zero], -strength * l1_ratio * np.sign(coef[~at_zero]), atol=1e-8)
    assert C > 0.1 or at_zero.any()


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("n_classes", [2, 3])  # of 4 classes, L1 alone has no one optimum
def test_agrees_with_scikit_learn(n_classes, l1_ratio):
    X, y, _ = several(300, 5, n_classes, seed=5)
    X = scaled(X)
    ours = LogisticRegression(0.2, l1_ratio, backend="numpy", tol=1e-10).fit(X, y)
    theirs = Peer(C=0.2, l1_ratio=l1_ratio, solver="saga", tol=1e-10, max_iter=20_000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.coef_ == 0.0, np.abs(theirs.coef_) < 1e-7)


def test_agrees_with_liblinear_without_an_intercept(backend):
    X, y = breast_cancer(scaled=True)
    ours = LogisticRegression(0.1, 1.0, fit_intercept=False, backend=backend, tol=1e-10)
    theirs = Peer(
        C=0.1, l1_ratio=1.0, solver="liblinear", fit_intercept=False, tol=1e-12, max_iter=10_000
    )
    assert_allclose(ours.fit(X, y).coef_, theirs.fit(X, y).coef_, atol=1e-6)
    assert 3 < np.count_nonzero(ours.coef_) < 20


def test_a_small_share_of_l1_is_near_none():
    X, y, _ = correlated(500, 4, seed=1)
    without = LogisticRegression(backend="numpy", tol=1e-9).fit(X, y)
    with_some = LogisticRegression(l1_ratio=1e-9, backend="numpy", tol=1e-9).fit(X, y)
    assert_allclose(with_some.coef_, without.coef_, atol=1e-6)


def test_a_strong_penalty_leaves_the_intercept_alone(backend):
    X, y, _ = correlated(500, 4, seed=1)
    model = LogisticRegression(1e-6, 1.0, backend=backend).fit(X, y)
    assert not model.coef_.any()
    share = y.mean()
    assert_allclose(model.intercept_, np.log(share / (1.0 - share)), rtol=1e-5)


def test_a_warm_start_goes_on_along_a_path():
    X, y, _ = several(1_000, 6, 3, seed=9)
    X = scaled(X)
    model = LogisticRegression(0.1, 0.8, backend="numpy", warm_start=True, tol=1e-9).fit(X, y)
    model.set_params(C=0.11).fit(X, y)
    cold = LogisticRegression(0.11, 0.8, backend="numpy", tol=1e-9).fit(X, y)
    assert model.n_iter_[0] <= cold.n_iter_[0]
    assert_allclose(model.coef_, cold.coef_, atol=1e-6)


def test_without_a_penalty_the_share_of_l1_plays_no_part():
    X, y, _ = correlated(500, 4, seed=1)
    model = LogisticRegression(np.inf, 0.7, backend="numpy").fit(X, y)
    assert model.solver_ == "newton-cholesky"
    assert_array_equal(model.coef_, LogisticRegression(np.inf, backend="numpy").fit(X, y).coef_)


@pytest.mark.parametrize("solver", SMOOTH)
def test_a_smooth_solver_with_l1_is_one_error_that_names_both(solver):
    X, y, _ = correlated(50, 2)
    pattern = f"solver is '{solver}', which cannot be with l1_ratio=0.5.*'auto', 'prox-newton'"
    with pytest.raises(InvalidParameterError, match=pattern):
        LogisticRegression(solver=solver, l1_ratio=0.5).fit(X, y)


def test_prox_newton_without_l1_is_one_error_that_names_both():
    X, y, _ = correlated(50, 2)
    pattern = r"'prox-newton', which cannot be with l1_ratio=0\.0: .*'auto', .*'newton-cholesky'"
    with pytest.raises(InvalidParameterError, match=pattern):
        LogisticRegression(solver="prox-newton").fit(X, y)
    with pytest.raises(
        InvalidParameterError, match=r"l1_ratio=0\.5 and C=inf, which is no penalty"
    ):
        LogisticRegression(np.inf, 0.5, solver="prox-newton").fit(X, y)
