"""The judge of the benchmarks agrees with scipy's derivatives, scikit-learn and the oracle."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from bench.judge import judge, largest_l1_strength
from bench.tables import make_problem, standardised_twin
from tests import oracle


@pytest.fixture(scope="module")
def binary():
    return standardised_twin(make_problem(400, 4, seed=5))


@pytest.fixture(scope="module")
def classes():
    return standardised_twin(make_problem(400, 4, seed=5, n_classes=3))


def test_two_classes_agree_with_the_oracle(binary):
    X, y, _ = binary
    rng = np.random.default_rng(0)
    w, b, weights = rng.standard_normal(4), 0.3, rng.uniform(0.0, 2.0, 400)
    verdict = judge(X, y, w, b, C=0.7, weights=weights)
    exact = oracle.objective(X, y, w, b, C=0.7, weights=weights)
    norm = oracle.gradient_norm(X, y, w, b, C=0.7, weights=weights)
    assert verdict.objective == pytest.approx(exact, rel=1e-14)
    assert verdict.gradient_norm == pytest.approx(norm, rel=1e-12)
    assert judge(X, y, w[None], np.array([b]), C=0.7, weights=weights) == verdict


def test_no_penalty_is_none(binary):
    X, y, _ = binary
    w = np.ones(4)
    assert judge(X, y, w, 0.0, C=np.inf).objective == pytest.approx(
        oracle.objective(X, y, w, 0.0, C=np.inf), rel=1e-14
    )


def test_softmax_agrees_with_scikit_learns_log_loss_and_numerical_derivatives(classes):
    X, y, _ = classes
    rng = np.random.default_rng(1)
    W, b = rng.standard_normal((3, 4)), rng.standard_normal(3)
    weights = rng.uniform(0.5, 2.0, 400)
    C, rho = 0.01, 0.4
    odds = np.exp(X @ W.T + b)
    penalty = 0.5 * (1.0 - rho) * (W**2).sum() + rho * np.abs(W).sum()
    mean = log_loss(y, odds / odds.sum(axis=1, keepdims=True), sample_weight=weights)
    verdict = judge(X, y, W, b, C=C, l1_ratio=rho, weights=weights)
    assert verdict.objective == pytest.approx(mean + penalty / (C * weights.sum()), rel=1e-12)

    def value(flat):
        return judge(
            X, y, flat[:12].reshape(3, 4), flat[12:], C=C, l1_ratio=rho, weights=weights
        ).objective

    numerical = approx_fprime(np.append(W.ravel(), b), value, 1e-7)
    assert verdict.gradient_norm == pytest.approx(np.abs(numerical).max(), rel=1e-5)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_the_gradient_vanishes_where_scikit_learn_ends(binary, l1_ratio):
    X, y, _ = binary
    solver = "saga" if l1_ratio else "newton-cholesky"
    model = LogisticRegression(
        C=0.05, l1_ratio=l1_ratio, solver=solver, tol=1e-12, max_iter=10_000, random_state=0
    ).fit(X, y)
    verdict = judge(X, y, model.coef_, model.intercept_, C=0.05, l1_ratio=l1_ratio)
    assert verdict.gradient_norm < 1e-9
    for step in (-1e-4, 1e-4):
        moved = judge(X, y, model.coef_ + step, model.intercept_, C=0.05, l1_ratio=l1_ratio)
        assert moved.objective > verdict.objective
        assert moved.gradient_norm > 1e-6


def test_softmax_vanishes_where_scikit_learn_ends(classes):
    X, y, _ = classes
    model = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, y)
    assert judge(X, y, model.coef_, model.intercept_).gradient_norm < 1e-9


def test_the_largest_l1_strength_is_where_the_first_coefficient_leaves_zero(binary):
    X, y, _ = binary
    largest = largest_l1_strength(X, y)
    found = [
        LogisticRegression(
            C=1.0 / (share * largest * len(y)),
            l1_ratio=1.0,
            solver="saga",
            tol=1e-10,
            max_iter=10_000,
            random_state=0,
        ).fit(X, y)
        for share in (1.001, 0.99)
    ]
    assert [np.count_nonzero(model.coef_) for model in found] == [0, 1]
