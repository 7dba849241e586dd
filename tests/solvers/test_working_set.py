"""L1 with many coefficients: the full problem's minimum, whatever columns it is sought in."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression as Peer

from fastlogreg import LogisticRegression
from fastlogreg.design import DenseDesign, SparseDesign, Targets, load_backend
from fastlogreg.objective import Objective
from fastlogreg.solvers import SOLVERS, Status, prox_newton
from tests import oracle
from tests.problems import several

minimise = SOLVERS["prox-newton"]
NOISE = 4 * np.finfo(float).eps


def wide(n, d, n_classes=2, seed=0):
    """Return X of scales 0.3 to 3 with correlated columns, and codes that few of them make."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) + rng.standard_normal((n, 1))
    X *= 10.0 ** rng.uniform(-0.5, 0.5, d)
    few = rng.choice(d, min(10, d), replace=False)
    z = X[:, few] / X[:, few].std(axis=0) @ rng.standard_normal((len(few), n_classes))
    codes = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    codes[:n_classes] = np.arange(n_classes)
    return X, codes, rng.uniform(0.2, 2.0, n)


def make(
    X, codes, *, C, l1_ratio=1.0, weights=None, fit_intercept=True, backend="numpy", threads=1
):
    n_classes = int(codes.max()) + 1
    if sparse.issparse(X):
        design = SparseDesign(X, load_backend(backend, "sparse"), threads)
    else:
        design = DenseDesign(X, load_backend(backend), threads)
    return Objective(
        design,
        Targets(codes.astype(np.int8), np.ones(n_classes), softmax=n_classes > 2),
        weights,
        C=C,
        l1_ratio=l1_ratio,
        fit_intercept=fit_intercept,
    )


def largest_strength(X, codes, weights=None):
    """Return the L1 strength from which on all coefficients are 0, with an intercept."""
    weights = np.ones(X.shape[0]) if weights is None else weights
    share = weights / weights.sum()
    classes = np.eye(int(codes.max()) + 1)[codes]
    return float(np.abs(X.T @ (share[:, None] * (classes - share @ classes))).max())


def c_of(share, X, codes, *, l1_ratio=1.0, weights=None):
    """Return the C of a share of the largest strength."""
    total = X.shape[0] if weights is None else weights.sum()
    return l1_ratio / (share * largest_strength(X, codes, weights) * total)


def solve(objective, *, tol=1e-9, start=None, max_iter=100, callback=None):
    start = np.zeros(objective.shape) if start is None else start
    solution = minimise(objective, start, tol=tol, max_iter=max_iter, callback=callback)
    values = np.array([step.objective for step in solution.history])
    assert (np.diff(values) <= NOISE * np.maximum(1.0, np.abs(values[:-1]))).all()
    assert solution.passes == pytest.approx(objective.passes)
    return solution


def assert_minimum(solution, X, codes, *, tol=1e-9, **parameters):
    """Hold the solution of the full problem against the formulas, a row at a time."""
    value, slopes = oracle.penalised(X, codes, solution.coef, **parameters)
    assert solution.status is Status.CONVERGED
    assert np.abs(slopes).max() <= 1.1 * tol
    assert solution.objective == pytest.approx(value, rel=1e-13)
    assert solution.gradient_norm == pytest.approx(np.abs(slopes).max(), abs=1e-13)


@pytest.fixture(autouse=True)
def a_thousand_are_many(monkeypatch):
    """Have sets from fewer coefficients on, for the sake of time."""
    monkeypatch.setattr(prox_newton, "_SETS_FROM", 1_000)


@pytest.fixture
def always_in_sets(monkeypatch):
    """Have few coefficients treated as many, and sets of two columns and more."""
    monkeypatch.setattr(prox_newton, "_SETS_FROM", 1)
    monkeypatch.setattr("fastlogreg.solvers.working_set._LEAST_COLUMNS", 2)


@pytest.fixture
def without_hessians(monkeypatch):
    """Have every set be too large for a Hessian."""
    monkeypatch.setattr(prox_newton, "_LARGEST_HESSIAN", 1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.usefixtures("always_in_sets")
def test_the_minimum_is_the_oracles(l1_ratio, fit_intercept, backend):
    X, codes, weights = wide(60, 12, seed=3)
    parameters = {"C": 0.2, "l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    objective = make(X, codes, weights=weights, backend=backend, **parameters)
    solution = solve(objective, tol=1e-11)
    expected = oracle.coordinate_minimum(X, codes, weights=weights, **parameters)
    np.testing.assert_allclose(solution.coef[:, 0], expected, rtol=1e-7, atol=1e-10)
    np.testing.assert_array_equal(solution.coef[:, 0] == 0.0, expected == 0.0)
    assert "columns" in solution.history[-1].curvature


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_more_columns_than_a_hessian_should_have(share, n_classes):
    X, codes, weights = wide(80, 1200, n_classes, seed=1)
    C = c_of(share, X, codes, l1_ratio=0.8, weights=weights)
    parameters = {"C": C, "l1_ratio": 0.8, "weights": weights}
    solution = solve(make(X, codes, **parameters))
    assert_minimum(solution, X, codes, **parameters)
    assert 0 < np.count_nonzero(solution.coef[:-1]) < 300


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_path_from_the_largest_strength_down(n_classes):
    X, codes, weights = wide(60, 1100, n_classes, seed=2)
    start, counts = None, []
    for share in (1.0 + 1e-9, 1.0 - 1e-3, 0.5, 0.2):
        parameters = {"C": c_of(share, X, codes, weights=weights), "weights": weights}
        warm = solve(make(X, codes, **parameters), start=start)
        cold = solve(make(X, codes, **parameters))
        assert_minimum(warm, X, codes, l1_ratio=1.0, **parameters)
        assert warm.objective == pytest.approx(cold.objective, rel=1e-12)
        start = warm.coef
        counts.append(np.count_nonzero(warm.coef[:-1]))
    assert counts[0] == 0 < counts[1] <= 2 < counts[-1]


@pytest.mark.parametrize("l1_ratio", [0.02, 1.0])
def test_sparse_columns(l1_ratio, backend):
    rng = np.random.default_rng(5)
    X = sparse.random(120, 1100, 0.03, format="csr", random_state=rng)
    codes = (X[:, :20] @ rng.standard_normal(20) + 0.3 * rng.standard_normal(120) > 0).astype(int)
    C = c_of(0.1, X, codes) if l1_ratio == 1.0 else 0.5
    parameters = {"C": C, "l1_ratio": l1_ratio}
    solution = solve(make(X, codes, backend=backend, **parameters))
    assert_minimum(solution, X.toarray(), codes, **parameters)
    assert np.count_nonzero(solution.coef) > 10


@pytest.mark.parametrize(("n_classes", "l1_ratio"), [(2, 1.0), (2, 0.2), (3, 0.5)])
@pytest.mark.usefixtures("always_in_sets", "without_hessians")
def test_products_alone_lead_to_the_minimum(n_classes, l1_ratio):
    X, codes, weights = several(200, 15, n_classes, seed=4)
    X /= X.std(axis=0)
    for share in (0.3, 0.02):
        C = c_of(share, X, codes, l1_ratio=l1_ratio, weights=weights)
        parameters = {"C": C, "l1_ratio": l1_ratio, "weights": weights}
        solution = solve(make(X, codes, **parameters))
        assert_minimum(solution, X, codes, **parameters)
        assert "products" in solution.history[-1].curvature


@pytest.mark.usefixtures("always_in_sets", "without_hessians")
def test_products_alone_find_the_oracles_zeros():
    X, codes, _ = wide(60, 12, seed=3)
    solution = solve(make(X, codes, C=0.1), tol=1e-11)
    expected = oracle.coordinate_minimum(X, codes, C=0.1, l1_ratio=1.0)
    np.testing.assert_allclose(solution.coef[:, 0], expected, rtol=1e-7, atol=1e-10)
    np.testing.assert_array_equal(solution.coef[:, 0] == 0.0, expected == 0.0)
    assert (expected == 0.0).any()


@pytest.mark.usefixtures("without_hessians")
def test_products_serve_without_an_l1_part_too():
    X, codes, weights = several(200, 6, 2, seed=6)
    parameters = {"C": 1.0, "l1_ratio": 0.0, "weights": weights}
    ours = solve(make(X, codes, **parameters), tol=1e-10)
    theirs = SOLVERS["newton-cholesky"](
        make(X, codes, **parameters), np.zeros((7, 1)), tol=1e-11, max_iter=50
    )
    np.testing.assert_allclose(ours.coef, theirs.coef, rtol=1e-6)


def test_a_peer_has_the_same_minimum():
    X, codes, _ = wide(100, 1000, seed=7)
    C = c_of(0.1, X, codes)
    ours = solve(make(X, codes, C=C, fit_intercept=False), tol=1e-11)
    peer = Peer(C=C, l1_ratio=1.0, solver="liblinear", fit_intercept=False, tol=1e-10,
                max_iter=5_000).fit(X, codes)  # fmt: skip
    np.testing.assert_allclose(ours.coef[:-1, 0], peer.coef_[0], atol=1e-6)


def test_duplicate_and_constant_columns_have_a_minimum():
    X, codes, _ = wide(80, 500, seed=8)
    X = np.hstack([X, X, np.full((80, 1), 7.0), np.zeros((80, 1))])
    C = c_of(0.1, X, codes)
    solution = solve(make(X, codes, C=C))
    assert_minimum(solution, X, codes, C=C, l1_ratio=1.0)


@pytest.mark.usefixtures("always_in_sets")
def test_badly_scaled_columns_have_the_oracles_minimum():
    X, codes, _ = wide(80, 12, seed=9)
    X *= 10.0 ** np.linspace(-3.0, 3.0, 12)
    C = c_of(1e-5, X, codes)
    solution = solve(make(X, codes, C=C), tol=1e-9)
    assert_minimum(solution, X, codes, C=C, l1_ratio=1.0)


def test_bits_do_not_depend_on_the_threads():
    X, codes, _ = wide(3_000, 1_000, seed=10)
    C = c_of(0.2, X, codes)
    one, two = (
        solve(make(X, codes, C=C, backend="numba", threads=threads), tol=1e-7) for threads in (1, 2)
    )
    np.testing.assert_array_equal(one.coef, two.coef)


def test_passes_over_a_set_count_by_its_share():
    X, codes, _ = wide(50, 8)
    for order, of_taking in (("C", 1.0), ("F", 0.25)):
        objective = make(np.asarray(X, order=order), codes, C=1.0)
        few = objective.restricted(np.array([1, 5]))
        assert few.shape == (3, 1)
        assert objective.passes == of_taking
        few.value_gradient(np.zeros((3, 1)))
        assert objective.passes == of_taking + 0.25
        objective.restricted(np.array([0]))
        assert objective.passes == of_taking + 0.25 + (1.0 if order == "C" else 0.125)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_restricted_objective_is_the_whole_with_zeros(n_classes):
    X, codes, weights = wide(50, 8, n_classes)
    objective = make(X, codes, C=0.5, l1_ratio=0.4, weights=weights)
    columns = np.array([0, 3, 4])
    some = np.random.default_rng(0).standard_normal((4, objective.shape[1]))
    whole = np.zeros(objective.shape)
    whole[[0, 3, 4, 8]] = some
    few = objective.restricted(columns)
    value, gradient = objective.value_gradient(whole)
    value_of_few, gradient_of_few = few.value_gradient(some)
    assert value_of_few == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(gradient_of_few, gradient[[0, 3, 4, 8]], rtol=1e-12, atol=1e-15)
    assert few.l1_penalty(some) == pytest.approx(objective.l1_penalty(whole), rel=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_constant_model_is_the_best_without_columns(n_classes):
    X, codes, weights = wide(50, 8, n_classes)
    objective = make(X, codes, C=0.5, weights=weights)
    coef, value = objective.constant_model()
    expected, gradient = objective.value_gradient(coef)
    assert value == pytest.approx(expected, rel=1e-14)
    assert not coef[:-1].any()
    np.testing.assert_allclose(gradient[-1], 0.0, atol=1e-15)
    coef, value = make(X, codes, C=0.5, fit_intercept=False).constant_model()
    assert not coef.any()
    assert value == np.log(n_classes)


def test_max_iter_ends_a_run_where_it_is():
    X, codes, _ = wide(80, 1_000)
    solution = solve(make(X, codes, C=c_of(0.02, X, codes)), max_iter=1)
    assert solution.status is Status.MAX_ITER
    assert solution.iterations == 1


def test_a_callback_sees_every_step_and_can_stop():
    X, codes, _ = wide(80, 1_000)
    seen = []

    def stop_at_one(step):
        seen.append(step)
        return step.iteration == 1

    solution = solve(make(X, codes, C=c_of(0.02, X, codes)), callback=stop_at_one)
    assert solution.status is Status.STOPPED
    assert tuple(seen) == solution.history
    assert [step.iteration for step in seen] == [0, 1]
    assert seen[0].passes == 1.0 < seen[1].passes <= solution.passes


def test_an_unreachable_tol_ends_at_rounding():
    X, codes, _ = wide(80, 1_000)
    solution = solve(make(X, codes, C=c_of(0.1, X, codes)), tol=1e-300)
    assert solution.status is Status.PRECISION or solution.gradient_norm == 0.0
    assert solution.gradient_norm <= 1e-13


def test_numbers_that_are_not_finite_are_said():
    X, codes, _ = wide(80, 1_000)
    X[3, 4] = np.inf
    with np.errstate(all="ignore"):
        solution = minimise(make(X, codes, C=1.0), np.zeros((1_001, 1)), tol=1e-6, max_iter=5)
    assert solution.status is Status.NOT_FINITE


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array])
def test_an_estimator_needs_no_hessian_of_all(kind):
    rng = np.random.default_rng(0)
    X = kind(sparse.random(400, 30_000, density=0.01, random_state=rng))
    y = (X[:, :5].sum(axis=1) + 0.1 * rng.standard_normal(400) > 0.05).astype(int)
    model = LogisticRegression(C=5.0, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert model.status_.is_optimum
    assert 0 < np.count_nonzero(model.coef_) < 400
    assert model.history_[-1].passes == pytest.approx(model.n_passes_)
