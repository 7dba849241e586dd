"""Sparse X in the estimator: the same model as from the dense table, whatever the format."""

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from bench.judge import judge
from bench.sparse_tables import make_sparse_problem
from fastlogreg import LogisticRegression
from fastlogreg.errors import InvalidDataError, SeparationWarning
from fastlogreg.solvers import L1_SOLVERS, SOLVERS
from tests.problems import ragged

TIGHT = {"tol": 1e-11, "max_iter": 5_000}
SMOOTH = [name for name in SOLVERS if name not in L1_SOLVERS]
FORMATS = ("csr", "csc", "coo", "lil", "bsr")


@pytest.fixture(scope="module")
def table():
    X, dense, y, weights = ragged(300, 7, seed=3)
    return X, dense, y, weights


@pytest.fixture(scope="module")
def text():
    return make_sparse_problem(1_500, 600, per_row=20, seed=1)


def coefficients(model):
    return np.hstack([model.coef_, model.intercept_[:, None]])


def same(model, other, tol=1e-8):
    np.testing.assert_allclose(coefficients(model), coefficients(other), rtol=tol, atol=tol)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"fit_intercept": False, "class_weight": "balanced"},
        {"l1_ratio": 1.0, "C": 0.05},
        {"l1_ratio": 0.5, "C": 0.1},
    ],
    ids=str,
)
def test_a_sparse_table_is_fitted_as_the_dense_one(table, form, parameters):
    X, dense, y, weights = table
    model = LogisticRegression(**TIGHT, **parameters).fit(X.asformat(form), y, weights)
    other = LogisticRegression(**TIGHT, **parameters).fit(dense, y, weights)
    same(model, other)
    np.testing.assert_array_equal(model.coef_ == 0.0, other.coef_ == 0.0)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_without_a_penalty_too(table, form):
    X, dense, y, weights = table
    seen = [0, 1, 3, 4, 5, 6]  # column 2 is in one row alone, which it separates
    model = LogisticRegression(C=np.inf, **TIGHT).fit(X.asformat(form)[:, seen], y, weights)
    same(model, LogisticRegression(C=np.inf, **TIGHT).fit(dense[:, seen], y, weights))


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_every_solver_takes_sparse_tables_on_both_backends(table, backend, solver, form):
    X, dense, y, _ = table
    how = {"tol": 1e-7, "max_iter": 5_000}
    model = LogisticRegression(backend=backend, solver=solver, **how).fit(X.asformat(form), y)
    verdict = judge(dense, y, model.coef_, model.intercept_)
    assert verdict.gradient_norm <= 2e-7
    assert model.backend_ == backend


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_softmax_is_the_dense_one(table, backend, form):
    X, dense, _, weights = table
    y = (np.arange(300) + (dense[:, 6] > 0.0)) % 3
    how = {"backend": backend, **TIGHT}
    for solver in ("newton-cholesky", "newton-cg"):
        model = LogisticRegression(solver=solver, **how).fit(X.asformat(form), y, weights)
        same(model, LogisticRegression(**how).fit(dense, y, weights))
    proba = model.predict_proba(X.asformat(form))
    np.testing.assert_allclose(proba, model.predict_proba(dense), atol=1e-12)


def test_sparse_and_dense_tables_are_predicted_by_either_model(table):
    X, dense, y, _ = table
    for first, second in ((X, dense), (dense, X), (X, X.tocsc())):
        model = LogisticRegression().fit(first, y)
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            one, other = getattr(model, method)(first), getattr(model, method)(second)
            np.testing.assert_allclose(one, other, atol=1e-12)
        assert model.score(second, y) == model.score(first, y)


def test_a_wide_table_has_the_minimum_of_scikit_learn(text):
    X, y, _ = text
    model = LogisticRegression(tol=1e-10, solver="newton-cg").fit(X, y)
    peer = SklearnLogisticRegression(tol=1e-10, solver="newton-cg", max_iter=1_000).fit(X, y)
    verdict = judge(X, y, model.coef_, model.intercept_)
    assert verdict.gradient_norm <= 1e-9
    assert verdict.objective <= judge(X, y, peer.coef_, peer.intercept_).objective + 1e-14
    same(model, peer, 1e-5)


def test_float32_stays_float32(table):
    X, dense, y, _ = table
    model = LogisticRegression(backend="numba").fit(X.astype(np.float32), y)
    assert model.coef_.dtype == model.predict_proba(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(model.coef_, LogisticRegression().fit(dense, y).coef_, atol=1e-4)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_samples_are_taken_of_sparse_rows(form):
    X, y, _ = make_sparse_problem(30_000, 40, per_row=8, seed=2)
    how = {"solver": "subsampled-newton", "tol": 1e-9}
    model = LogisticRegression(backend="numba", **how).fit(X.asformat(form), y)
    assert any("sampled" in step.curvature for step in model.history_)
    assert judge(X, y, model.coef_, model.intercept_).gradient_norm <= 2e-9


def test_the_bits_of_a_fit_do_not_depend_on_the_threads():
    X, y, _ = make_sparse_problem(20_000, 300, per_row=30, seed=4)
    found = {
        LogisticRegression(backend="numba", solver="newton-cg", n_threads=n)
        .fit(X, y)
        .coef_.tobytes()
        for n in (1, 2, 3, 7)
    }
    assert len(found) == 1


def test_passes_count_reads(table):
    X, _, y, _ = table
    reads = {}
    for form in ("csr", "csc"):
        model = LogisticRegression(solver="newton-cg", tol=1e-3).fit(X.asformat(form), y)
        reads[form] = model.n_passes_
    assert 1.5 * reads["csr"] < reads["csc"] <= 2.0 * reads["csr"]


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_named(table, backend, form, bad):
    X, dense, y, _ = table
    rows, columns = dense.nonzero()
    spoilt = dense.copy()
    spoilt[rows[40], columns[40]] = bad
    model = LogisticRegression(backend=backend).fit(X, y)
    pattern = rf"X contains 1 .*row {rows[40]}, column {columns[40]};"
    for call in (model.fit, lambda X, y: model.predict(X)):
        with pytest.raises(InvalidDataError, match=pattern):
            call(sparse.csr_array(spoilt).asformat(form), y)


def test_hostile_arrays_are_refused_in_fit_and_predict(table):
    X, _, y, _ = table
    model = LogisticRegression().fit(X, y)
    hostile = X.copy()
    hostile.indices[7] = -3
    for call in (lambda: model.fit(hostile, y), lambda: model.predict(hostile)):
        with pytest.raises(InvalidDataError, match=r"X\.indices holds -3 at 7"):
            call()
    assert model.n_features_in_ == 7  # as before the failed fit


def test_other_columns_than_at_fit_are_told(table):
    X, _, y, _ = table
    model = LogisticRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"X has 6 features, but .* is expecting 7 features"):
        model.predict(X[:, :6])


def test_names_of_a_fit_are_missed_and_then_forgotten(table):
    pd = pytest.importorskip("pandas")
    X, dense, y, _ = table
    model = LogisticRegression().fit(pd.DataFrame(dense, columns=list("abcdefg")), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert not hasattr(model.fit(X, y), "feature_names_in_")


def test_separable_columns_of_a_wide_table_are_named_without_making_it_dense(monkeypatch):
    X, y, _ = make_sparse_problem(400, 2_000, per_row=10, seed=5)
    monkeypatch.setattr(sparse.csr_array, "toarray", None)
    rows_taken = []
    monkeypatch.setattr(
        "fastlogreg.objective.Objective.table", lambda self, rows: rows_taken.append(rows)
    )
    with pytest.warns(SeparationWarning, match="separable"):
        LogisticRegression(C=np.inf).fit(X, y)
    assert not rows_taken


def test_it_works_in_scikit_learns_tools(text):
    X, y, _ = text
    scores = cross_val_score(make_pipeline(MaxAbsScaler(), LogisticRegression()), X, y, cv=3)
    assert scores.mean() > 0.6


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_wide_table_is_neither_made_dense_nor_copied(form):
    """In bytes that NumPy asks for, kernels being loaded."""
    X, y, _ = make_sparse_problem(10_000, 20_000, per_row=100, seed=6)
    X = X.asformat(form)
    model = LogisticRegression(backend="numba", solver="newton-cg", tol=1e-3)
    model.fit(X[:500], y[:500]).predict_proba(X[:500])
    tracemalloc.start()
    model.fit(X, y).predict_proba(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.75 * X.data.nbytes  # most of it vectors of rows and columns


def test_nothing_is_warned_of(table):
    X, _, y, _ = table
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LogisticRegression().fit(X, y).predict_proba(X)
