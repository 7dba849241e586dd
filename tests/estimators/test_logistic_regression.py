"""LogisticRegression: scikit-learn's answers, its habits, and what the fit says of itself."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fastlogreg import LogisticRegression, Status
from fastlogreg.errors import InvalidDataError
from fastlogreg.planner import BACKENDS
from tests import oracle
from tests.problems import SMOOTH, breast_cancer, correlated

TABLES = {
    "breast cancer, scaled": lambda: (*breast_cancer(scaled=True), None),
    "breast cancer, raw": lambda: (*breast_cancer(scaled=False), None),
    "generated": lambda: (*correlated(3000, 12, seed=5)[:2], None),
    "generated, weighted": lambda: correlated(3_000, 12, seed=5),
}


def peer_at_1e_12(X, y, weights, **parameters):
    """Return scikit-learn's model, fitted until its gradient is below 1e-12."""
    peer = Peer(solver="newton-cholesky", tol=1e-12, max_iter=1_000, **parameters)
    return peer.fit(X, y, weights)


def assert_same_coefficients(ours, theirs):
    coef = np.append(ours.coef_, ours.intercept_)
    expected = np.append(theirs.coef_, theirs.intercept_)
    assert np.abs(coef - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", TABLES)
def test_agrees_with_scikit_learn(name, backend, fit_intercept):
    X, y, weights = TABLES[name]()
    ours = LogisticRegression(backend=backend, tol=1e-12, fit_intercept=fit_intercept)
    ours.fit(X, y, weights)
    assert ours.status_.is_optimum
    assert ours.history_[-1].gradient_norm <= 1e-12
    theirs = peer_at_1e_12(X, y, weights, fit_intercept=fit_intercept)
    assert_same_coefficients(ours, theirs)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)
    assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 1: 4.0}, {1: 2.0}])
def test_class_weights_are_those_of_scikit_learn(class_weight, backend):
    X, y, weights = correlated(500, 5, seed=2)
    ours = LogisticRegression(backend=backend, tol=1e-12, class_weight=class_weight)
    theirs = peer_at_1e_12(X, y, weights, class_weight=class_weight)
    assert_same_coefficients(ours.fit(X, y, weights), theirs)


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("C", [1e-8, 1e-2, 1e3, np.inf])
def test_every_solver_reaches_the_optimum_at_any_strength(solver, backend, C):
    X, y, weights = correlated(400, 6, seed=8)
    X = X / X.std(axis=0)
    ours = LogisticRegression(C, solver=solver, backend=backend, tol=1e-8, max_iter=1_000)
    ours.fit(X, y, weights)
    slope = oracle.gradient_norm(X, y, ours.coef_[0], ours.intercept_[0], C=C, weights=weights)
    assert slope <= 1.1e-8
    value = oracle.objective(X, y, ours.coef_[0], ours.intercept_[0], C=C, weights=weights)
    assert ours.objective_ == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_float32_gives_the_answer_of_the_same_numbers_in_float64(backend, order):
    X, y, _ = correlated(2_000, 6, dtype=np.float32, order=order)
    single = LogisticRegression(backend=backend, tol=1e-10).fit(X, y)
    double = LogisticRegression(backend=backend, tol=1e-10).fit(X.astype(np.float64), y)
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    assert single.predict_proba(X).dtype == np.float32
    assert_allclose(single.coef_, double.coef_, rtol=2 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("solver", SMOOTH)
def test_backends_agree(solver):
    X, y, weights = correlated(5_000, 8, seed=1)
    fits = [
        LogisticRegression(solver=solver, backend=backend, tol=1e-9, max_iter=2_000).fit(
            X, y, weights
        )
        for backend in BACKENDS
    ]
    assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-6)


@pytest.mark.parametrize(
    "labels",
    [
        (0, 1),
        (-1, 1),
        (7, 3),
        (0.0, 1.0),
        (False, True),
        ("no", "yes"),
        (np.str_("b"), np.str_("a")),
        (b"x", b"y"),
    ],
    ids=str,
)
@pytest.mark.parametrize("as_object", [False, True])
def test_labels_of_any_kind(labels, as_object):
    X, y, _ = correlated(200, 3)
    named = np.array(labels, dtype=object if as_object else None)[y]
    model = LogisticRegression().fit(X, named)
    assert_array_equal(model.classes_, np.unique(named))
    assert model.classes_.dtype == named.dtype
    assert set(model.predict(X)) <= set(labels)
    swapped = labels[0] > labels[1]
    expected = LogisticRegression().fit(X, 1 - y if swapped else y)
    assert_array_equal(model.coef_, expected.coef_)


def test_labels_in_pandas_types_and_lists():
    X, y, _ = correlated(200, 3)
    expected = LogisticRegression().fit(X, y)
    for labels in (
        y.tolist(),
        pd.Series(y),
        pd.Series(np.array(["a", "b"])[y]),
        pd.Series(np.array(["a", "b"])[y]).astype("category"),
        pd.Series(y).astype("Int64"),
    ):
        assert_array_equal(LogisticRegression().fit(X, labels).coef_, expected.coef_)


def test_proba_and_log_proba_keep_their_tails():
    X = np.array([[-1.0], [1.0], [-1.0], [1.0], [0.9]])
    model = LogisticRegression(C=10.0).fit(X, [0, 1, 1, 0, 1])
    far = np.array([[2_000.0], [-2_000.0]]) / model.coef_[0, 0]
    decision = model.decision_function(far)
    log_proba = model.predict_log_proba(far)
    assert_allclose(log_proba[0], [-decision[0], 0.0], rtol=1e-12)
    assert_allclose(log_proba[1], [0.0, decision[1]], rtol=1e-12)
    near = np.array([[40.0]]) / model.coef_[0, 0]
    assert 0.0 < model.predict_proba(near)[0, 0] < 1e-16


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_where_they_lie(backend, order, monkeypatch, tmp_path):
    from fastlogreg.design import DenseDesign
    from fastlogreg.tables import dense as module

    used = []

    class Spy(DenseDesign):
        def __init__(self, X, *args):
            super().__init__(X, *args)
            used.append(self.X)

    monkeypatch.setattr(module, "DenseDesign", Spy)
    X, y, _ = correlated(300, 4, order=order)
    X.flags.writeable = False
    model = LogisticRegression(backend=backend).fit(X, y)
    model.predict(X)
    mapped = np.memmap(tmp_path / "x", dtype=np.float64, mode="w+", shape=X.T.shape)
    mapped[:] = X.T
    model.fit(mapped.T, y)
    assert all(np.shares_memory(array, X) for array in used[:2])
    assert np.shares_memory(used[2], mapped)


def test_strided_views_and_other_types_are_converted(backend):
    X, y, _ = correlated(300, 6)
    X = np.round(X * 4)
    expected = LogisticRegression(backend=backend, tol=1e-10).fit(X, y).coef_
    wide = np.zeros((300, 12))
    wide[:, ::2] = X
    swapped = X.astype(X.dtype.newbyteorder())
    unaligned = np.frombuffer(b"\0" + X.tobytes(), dtype=np.uint8)[1:].view(np.float64)
    for other in (
        wide[:, ::2],
        X[::-1][::-1],
        swapped,
        unaligned.reshape(X.shape),
        X.astype(np.int32),
        X.astype(object),
        X.tolist(),
        pd.DataFrame(X.astype(np.int8)).to_numpy(),
    ):
        assert_allclose(
            LogisticRegression(backend=backend, tol=1e-10).fit(other, y).coef_, expected, rtol=1e-9
        )


def test_warm_start_goes_on_from_the_last_fit():
    X, y, _ = correlated(2_000, 8)
    model = LogisticRegression(warm_start=True).fit(X, y)
    cold = model.n_iter_[0]
    coef = model.coef_.copy()
    model.fit(X, y)
    assert model.n_iter_[0] < cold
    assert_allclose(model.coef_, coef, rtol=1e-5)
    model.fit(X[:, :5], y)
    assert model.coef_.shape == (1, 5)
    assert LogisticRegression().fit(X, y).fit(X, y).n_iter_[0] == cold


def test_the_fit_tells_what_it_did(backend):
    X, y, _ = correlated(2_000, 8)
    model = LogisticRegression(backend=backend, n_threads=2).fit(X, y)
    assert (model.backend_, model.solver_) == (backend, "newton-cholesky")
    assert model.status_ is Status.CONVERGED
    assert model.n_iter_.shape == (1,)
    assert len(model.history_) == model.n_iter_[0] + 1
    assert model.n_passes_ == model.n_iter_[0] + 1
    assert model.history_[-1].objective == model.objective_
    assert "was asked for" in str(model.plan_)


def test_passes_are_reads_of_x(backend, monkeypatch):
    from fastlogreg.design import load_backend

    module = load_backend(backend)
    calls = []
    for name in ("loss_gradient", "loss_gradient_hessian", "decision"):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *a, original=original: calls.append(1) or original(*a)
        )
    X, y, _ = correlated(500, 4)
    model = LogisticRegression(backend=backend).fit(X, y)
    assert model.n_passes_ == len(calls)


def test_verbose_prints_a_line_an_iteration(capsys):
    X, y, _ = correlated(300, 3)
    model = LogisticRegression(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_[0] + 1
    assert lines[0].startswith("iteration    0  objective 0.693147")


def test_a_callback_stops_the_fit_without_a_warning():
    X, y, _ = correlated(300, 3)
    model = LogisticRegression(callback=lambda step: step.iteration == 1).fit(X, y)
    assert model.status_ is Status.STOPPED
    assert model.n_iter_[0] == 1


def test_an_interrupt_leaves_the_fitted_model_as_it_was():
    X, y, _ = correlated(300, 3)
    model = LogisticRegression().fit(X, y)
    before = pickle.dumps(model)

    def interrupt(step):
        raise KeyboardInterrupt

    model.callback = interrupt
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, 1 - y)
    model.callback = None
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("fitted", [True, False])
def test_a_failed_fit_leaves_the_estimator_as_it_was(fitted):
    X, y, _ = correlated(300, 3)
    model = LogisticRegression()
    if fitted:
        model.fit(X, y)
    before = pickle.dumps(model)
    spoilt = X.copy()
    spoilt[0, 0] = np.nan
    for bad in ((np.c_[X, X], y[:-1]), (np.c_[X, X], np.ones(300)), (spoilt, y)):
        with pytest.raises(ValueError, match="expected"):
            model.fit(*bad)
        assert pickle.dumps(model) == before
    if fitted:
        with pytest.raises(ValueError, match="X has 6 features"):
            model.predict(np.c_[X, X])
    else:
        with pytest.raises(NotFittedError):
            model.predict(X)


def test_tiny_columns_are_fitted_although_their_gradient_is_small(backend):
    X, y, _ = correlated(500, 3)
    tiny = X / np.abs(X).max() * 1e-7
    for solver in SMOOTH:
        model = LogisticRegression(
            np.inf, fit_intercept=False, backend=backend, solver=solver, max_iter=1_000
        ).fit(tiny, y)
        best = LogisticRegression(np.inf, fit_intercept=False, tol=1e-10).fit(X, y)
        assert model.objective_ == pytest.approx(best.objective_, abs=1e-3)


def test_a_warm_start_among_saturated_rows_is_never_called_an_optimum_in_silence(backend):
    X, y, _ = correlated(300, 3)
    model = LogisticRegression(np.inf, warm_start=True, backend=backend)
    model.fit(X, y)
    expected = model.coef_.copy()
    model.coef_ = -1e5 * np.abs(model.coef_)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    if model.status_.is_optimum:
        assert_allclose(model.coef_, expected, rtol=1e-4)
    else:
        assert [warning.category for warning in caught] == [ConvergenceWarning]
    assert np.isfinite(model.coef_).all()


def test_coefficients_beyond_float32_are_refused():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 1)).astype(np.float32)
    y = X[:, 0] + rng.standard_normal(200) > 0
    with pytest.raises(InvalidDataError, match="leave the range of float32; expected"):
        LogisticRegression(np.inf).fit(X * np.float32(1e-39), y)


def test_fits_in_several_python_threads_at_once_give_the_same_bits(backend):
    X, y, _ = correlated(20_000, 5)
    model = LogisticRegression(backend=backend, n_threads=2)
    expected = clone(model).fit(X, y).coef_
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: clone(model).fit(X, y).coef_, range(12)):
            assert_array_equal(found, expected)


def test_no_convergence_warns_with_the_gradient_and_what_to_change():
    X, y, _ = correlated(300, 3)
    with pytest.warns(ConvergenceWarning) as caught:
        model = LogisticRegression(max_iter=1).fit(X, y)
    message = str(caught[0].message)
    assert f"{model.history_[-1].gradient_norm:.3e}" in message
    assert "raise max_iter" in message
    assert "max_iter=1" in message
    assert caught[0].filename == __file__


def test_collinear_columns_without_a_penalty_give_the_optimum(backend):
    X, y, _ = correlated(400, 4)
    twice = np.c_[X, X[:, :2], np.ones(len(X))]
    plain = LogisticRegression(C=np.inf, backend=backend, tol=1e-9).fit(X, y)
    doubled = LogisticRegression(C=np.inf, backend=backend, tol=1e-9).fit(twice, y)
    assert doubled.objective_ == pytest.approx(plain.objective_, abs=1e-12)
    assert_allclose(doubled.decision_function(twice), plain.decision_function(X), atol=1e-6)


def test_more_columns_than_rows():
    X, y, _ = correlated(20, 50)
    ours = LogisticRegression(tol=1e-12).fit(X, y)
    assert_same_coefficients(ours, peer_at_1e_12(X, y, None))


def test_works_in_pipelines_searches_and_clones():
    X, y = breast_cancer(scaled=False)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.95
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=3, n_jobs=2)
    assert search.fit(X, y).best_score_ > 0.95
    model = LogisticRegression(C=3.0, callback=print)
    assert clone(model).get_params() == model.get_params()


def test_pickle_keeps_every_bit():
    X, y, _ = correlated(300, 3)
    model = LogisticRegression().fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert again.history_ == model.history_
    assert str(again.plan_) == str(model.plan_)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_takes_the_frames_of_set_output(library):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.standard_normal(200), "colour": rng.choice(["red", "blue"], 200)}
    )
    y = frame["size"] + (frame["colour"] == "red") + rng.standard_normal(200) > 0.5
    if library == "polars":
        frame = pytest.importorskip("polars").DataFrame(frame.to_dict("list"))
    encoder = ColumnTransformer(
        [
            ("number", StandardScaler(), ["size"]),
            ("category", OneHotEncoder(sparse_output=False), ["colour"]),
        ]
    )
    pipeline = make_pipeline(encoder, LogisticRegression()).set_output(transform=library)
    pipeline.fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == [
        "number__size",
        "category__colour_blue",
        "category__colour_red",
    ]
    assert pipeline.score(frame, y) > 0.7


def test_sample_weight_is_routed():
    X, y, weights = correlated(400, 3)
    weights[::4] = 0.0
    expected = LogisticRegression().fit(StandardScaler().fit_transform(X), y, weights)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            LogisticRegression().set_fit_request(sample_weight=True),
        )
        pipeline.fit(X, y, sample_weight=weights)
    assert_allclose(pipeline[-1].coef_, expected.coef_, rtol=1e-10)


def test_a_number_as_sample_weight_weighs_every_row():
    X, y, _ = correlated(100, 3)
    weighted = LogisticRegression(C=np.inf).fit(X, y, 2.5)
    assert_allclose(weighted.coef_, LogisticRegression(C=np.inf).fit(X, y).coef_, rtol=1e-9)


def test_the_example_of_the_docstring_runs():
    import doctest

    from fastlogreg.estimators import logistic_regression

    assert doctest.testmod(logistic_regression).failed == 0
