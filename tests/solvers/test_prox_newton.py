"""L1 and elastic net: the minimum by slow formulas, its zeros, and how it is reached."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression as Peer

from fastlogreg.design import DenseDesign, Targets, load_backend
from fastlogreg.objective import Objective
from fastlogreg.solvers import SOLVERS, Status
from fastlogreg.solvers.samples import sample_sizes
from tests import oracle
from tests.problems import correlated

minimise = SOLVERS["prox-newton"]
NOISE = 4 * np.finfo(float).eps


def make(X, codes, *, C, l1_ratio, weights=None, fit_intercept=True, backend="numpy"):
    n_classes = int(codes.max()) + 1
    targets = Targets(codes.astype(np.int8), np.ones(n_classes), softmax=n_classes > 2)
    return Objective(
        DenseDesign(X, load_backend(backend), 2),
        targets,
        weights,
        C=C,
        l1_ratio=l1_ratio,
        fit_intercept=fit_intercept,
    )


def solve(objective, *, tol=1e-11, start=None, max_iter=100):
    start = np.zeros(objective.shape) if start is None else start
    solution = minimise(objective, start, tol=tol, max_iter=max_iter)
    values = np.array([step.objective for step in solution.history])
    assert (np.diff(values) <= NOISE * np.maximum(1.0, np.abs(values[:-1]))).all()
    return solution


def least_subgradient(objective, X, codes, coef, weights=None):
    """Return the conditions of a minimum at coef, by plain formulas on whole arrays."""
    weights = np.ones(len(X)) if weights is None else weights
    z = X @ coef[:-1] + coef[-1]
    if z.shape[1] == 1:
        residual = expit(z) - codes[:, None]
    else:
        residual = softmax(z, axis=1) - np.eye(z.shape[1])[codes]
    residual *= weights[:, None] / weights.sum()
    strength = objective.strength
    l1 = float(objective.l1_strength[0, 0])
    slopes = np.vstack([X.T @ residual, residual.sum(axis=0)])
    slopes[:-1] += (strength - l1) * coef[:-1]
    bounds = np.full(coef.shape, l1)
    bounds[-1] = 0.0
    if not objective.fit_intercept:
        slopes[-1] = 0.0
    shrunk = np.sign(slopes) * np.maximum(np.abs(slopes) - bounds, 0.0)
    return np.where(coef == 0.0, shrunk, slopes + bounds * np.sign(coef))


def largest_strength(X, codes, weights=None):
    """Return the L1 strength from which on all coefficients are 0, with an intercept."""
    weights = np.ones(len(X)) if weights is None else weights
    share = weights / weights.sum()
    classes = np.eye(int(codes.max()) + 1)[codes]
    return float(np.abs(X.T @ (share[:, None] * (classes - share @ classes))).max())


def strength_to_c(strength, l1_ratio, X, weights=None):
    total = len(X) if weights is None else weights.sum()
    return l1_ratio / (strength * total)


def three_classes(n, d, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-1.0, 1.0, d)
    z = (X / X.std(axis=0)) @ (rng.standard_normal((d, 3)) * (rng.random((d, 1)) < 0.6))
    codes = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    codes[:3] = (0, 1, 2)
    return X, codes, rng.uniform(0.2, 2.0, n)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_the_minimum_is_the_oracles(backend, l1_ratio, fit_intercept):
    X, y, weights = correlated(60, 4, seed=3)
    parameters = {"C": 0.2, "l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    solution = solve(make(X, y, weights=weights, backend=backend, **parameters))
    expected = oracle.coordinate_minimum(X, y, weights=weights, **parameters)
    np.testing.assert_allclose(solution.coef[:, 0], expected, rtol=1e-8, atol=1e-11)
    np.testing.assert_array_equal(solution.coef[:, 0] == 0.0, expected == 0.0)
    assert solution.status is Status.CONVERGED


@pytest.mark.parametrize(("backend", "n_classes"), [("numba", 2), ("numpy", 2), ("numpy", 3)])
def test_objective_and_norm_are_those_of_the_formula(backend, n_classes):
    X, codes, weights = three_classes(70, 5)
    codes = np.minimum(codes, n_classes - 1)
    parameters = {"C": 0.3, "l1_ratio": 0.6, "weights": weights}
    solution = solve(make(X, codes, backend=backend, **parameters))
    value, slopes = oracle.penalised(X, codes, solution.coef, **parameters)
    assert solution.status is Status.CONVERGED
    assert solution.objective == pytest.approx(value, rel=1e-14)
    assert np.abs(slopes).max() <= 1e-11
    assert solution.gradient_norm == pytest.approx(np.abs(slopes).max(), abs=1e-14)
    assert 0 < np.count_nonzero(solution.coef[:-1]) < solution.coef[:-1].size


def tables():
    rng = np.random.default_rng(11)
    X, y, _ = correlated(300, 12, seed=5)
    yield "correlated", rng.standard_normal((300, 1)) + 0.05 * X / X.std(axis=0), y
    yield "badly scaled", X / X.std(axis=0) * 10.0 ** np.linspace(-3.0, 3.0, 12), y
    yield "duplicate columns", np.hstack([X, X]), y
    yield "constant column", np.hstack([X, np.full((300, 1), 7.0)]), y
    wide = rng.standard_normal((40, 90))
    yield "more columns than rows", wide, (wide[:, 0] + rng.standard_normal(40) > 0).astype(int)
    yield "rare marks", (rng.random((300, 30)) < 0.03).astype(float), y


@pytest.mark.parametrize("share", [0.5, 0.02, 1e-4])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("table", list(tables()), ids=lambda table: table[0])
def test_the_conditions_of_a_minimum_hold(table, l1_ratio, share):
    _, X, y = table
    C = strength_to_c(share * largest_strength(X, y), l1_ratio, X)
    objective = make(X, y, C=C, l1_ratio=l1_ratio)
    solution = solve(objective, tol=1e-10)
    assert solution.status is Status.CONVERGED
    assert np.abs(least_subgradient(objective, X, y, solution.coef)).max() <= 1.1e-10
    assert solution.iterations <= 30


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_a_path_from_the_largest_strength_down(l1_ratio, n_classes):
    X, codes, weights = three_classes(200, 8, seed=2)
    codes = np.minimum(codes, n_classes - 1)
    largest = largest_strength(X, codes, weights)
    shares = np.bincount(codes, weights) / weights.sum()
    start, counts = None, []
    for share in (1.0 + 1e-9, 1.0 - 1e-3, 0.7, 0.3, 0.1, 0.01):
        C = strength_to_c(share * largest, l1_ratio, X, weights)
        objective = make(X, codes, C=C, l1_ratio=l1_ratio, weights=weights)
        warm = solve(objective, start=start)
        cold = solve(objective)
        np.testing.assert_allclose(warm.coef, cold.coef, rtol=1e-6, atol=1e-8)
        slopes = least_subgradient(objective, X, codes, warm.coef, weights)
        assert np.abs(slopes).max() <= 1.1e-11
        start = warm.coef
        counts.append(np.count_nonzero(warm.coef[:-1]))
        if counts == [0]:
            intercepts = np.log(shares) if n_classes > 2 else np.log(shares[1:] / shares[0])
            centred = intercepts - intercepts.mean() if n_classes > 2 else intercepts
            np.testing.assert_allclose(warm.coef[-1], centred, rtol=1e-9)
    assert counts[0] == 0 < counts[1] <= 2
    assert counts[-1] > counts[2]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_zeros_are_exact_from_the_largest_strength_on_though_rows_are_sampled(n_classes):
    X, codes, weights = three_classes(60_000, 4, seed=2)
    codes = np.minimum(codes, n_classes - 1)
    assert sample_sizes(len(X), 5, n_classes)
    largest = largest_strength(X, codes, weights)
    for share in (0.999, 1.0, 1.0 + 1e-9, 1.0 + 1e-6):
        C = strength_to_c(share * largest, 0.7, X, weights)
        solution = solve(make(X, codes, C=C, l1_ratio=0.7, weights=weights), tol=1e-6)
        assert solution.status is Status.CONVERGED
        assert solution.coef[:-1].any() == (share < 1.0)


def test_a_penalty_beyond_all_signal_leaves_zeros(backend):
    X, y, _ = correlated(100, 3, seed=1)
    objective = make(X, y, C=1e-9, l1_ratio=0.5, fit_intercept=False, backend=backend)
    solution = solve(objective, start=np.array([[1.0], [-1.0], [0.5], [0.0]]))
    assert not solution.coef.any()
    assert solution.status is Status.CONVERGED


def test_without_an_l1_part_it_is_newton(backend):
    X, y, weights = correlated(200, 5, seed=6)
    parameters = {"C": 1.0, "l1_ratio": 0.0, "weights": weights, "backend": backend}
    ours = solve(make(X, y, **parameters))
    start = np.zeros((6, 1))
    theirs = SOLVERS["newton-cholesky"](make(X, y, **parameters), start, tol=1e-11, max_iter=50)
    np.testing.assert_allclose(ours.coef, theirs.coef, rtol=1e-9)


@pytest.fixture(scope="module")
def large():
    X, y, _ = correlated(200_000, 8, seed=9)
    y[np.random.default_rng(0).random(len(y)) < 0.1] ^= 1
    return X, y, strength_to_c(largest_strength(X, y) / 20.0, 1.0, X)


def test_a_sample_shows_the_way_and_all_rows_decide(large, backend):
    X, y, C = large
    assert sample_sizes(len(X), 9, 1)
    objective = make(X, y, C=C, l1_ratio=1.0, backend=backend)
    solution = solve(objective, tol=1e-10)
    assert "sampled rows" in solution.history[0].curvature
    assert solution.status is Status.CONVERGED
    assert np.abs(least_subgradient(objective, X, y, solution.coef)).max() <= 1.1e-10
    assert 0 < np.count_nonzero(solution.coef[:-1]) < 8
    assert solution.passes == objective.passes <= 12.0


def test_a_warm_start_near_the_minimum_takes_few_passes(large):
    X, y, C = large
    first = solve(make(X, y, C=C, l1_ratio=1.0), tol=1e-8)
    again = solve(make(X, y, C=0.99 * C, l1_ratio=1.0), tol=1e-8, start=first.coef)
    assert again.status is Status.CONVERGED
    assert again.passes < first.passes


def test_softmax_by_a_sample():
    X, codes, _ = three_classes(40_000, 3, seed=4)
    C = strength_to_c(largest_strength(X, codes) / 10.0, 0.5, X)
    assert sample_sizes(len(X), 4, 3)
    objective = make(X, codes, C=C, l1_ratio=0.5)
    solution = solve(objective, tol=1e-9)
    assert "sampled rows" in solution.history[0].curvature
    assert solution.status is Status.CONVERGED
    assert np.abs(least_subgradient(objective, X, codes, solution.coef)).max() <= 1.1e-9


class Misled(Objective):
    """An objective whose samples have every label turned round."""

    def sample(self, fraction, draw=0, held=None):
        sample = super().sample(fraction, draw, held)
        codes = (1 - sample.targets.codes).astype(np.int8)
        sample.targets = Targets(codes, np.ones(2))
        return sample


def test_samples_that_mislead_do_not_change_the_answer(large):
    X, y, C = large
    honest = make(X, y, C=C, l1_ratio=1.0)
    misled = Misled(honest.design, honest.targets, None, C=C, l1_ratio=1.0, fit_intercept=True)
    np.testing.assert_allclose(solve(misled).coef, solve(honest).coef, rtol=1e-7, atol=1e-10)


def test_a_column_that_the_sample_does_not_see_is_fitted():
    rng = np.random.default_rng(8)
    X, y, _ = correlated(60_000, 3, seed=8)
    rare = np.zeros(60_000)
    rare[rng.choice(60_000, 6, replace=False)] = 1.0
    y[rare == 1.0] = 1
    X = np.column_stack([X, rare])
    objective = make(X, y, C=10.0, l1_ratio=0.5)
    solution = solve(objective, tol=1e-9)
    assert solution.status is Status.CONVERGED
    assert solution.coef[3, 0] != 0.0
    assert np.abs(least_subgradient(objective, X, y, solution.coef)).max() <= 1.1e-9


def test_an_unreachable_tol_ends_at_rounding():
    X, y, _ = correlated(300, 6, seed=7)
    solution = solve(make(X, y, C=0.05, l1_ratio=1.0), tol=1e-300)
    assert solution.status is Status.PRECISION or solution.gradient_norm == 0.0
    assert solution.gradient_norm <= 1e-13


def test_a_peer_has_the_same_minimum():
    X, y, _ = correlated(400, 6, seed=12)
    X /= X.std(axis=0)
    C = strength_to_c(largest_strength(X, y) / 8.0, 1.0, X)
    ours = solve(make(X, y, C=C, l1_ratio=1.0))
    peer = Peer(C=C, l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=50_000).fit(X, y)
    np.testing.assert_allclose(ours.coef[:-1, 0], peer.coef_[0], atol=1e-8)
    np.testing.assert_allclose(ours.coef[-1], peer.intercept_, atol=1e-8)
