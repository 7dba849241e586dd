"""Several classes: scikit-learn's answers, oracle formulas, labels of any kind."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression as Peer

from fastlogreg import LogisticRegression, Status
from fastlogreg.errors import InvalidDataError
from tests import oracle
from tests.problems import SMOOTH, several


def peer(X, y, weights=None, **parameters):
    """Return scikit-learn's model, fitted far below the tolerances here."""
    return Peer(solver="newton-cholesky", tol=1e-12, max_iter=1_000, **parameters).fit(
        X, y, weights
    )


def assert_same_model(ours, theirs, rtol=1e-7):
    scale = np.abs(theirs.coef_).max()
    assert_allclose(ours.coef_, theirs.coef_, atol=rtol * scale)
    intercept = theirs.intercept_ - theirs.intercept_.mean()
    assert_allclose(ours.intercept_, intercept, atol=rtol * max(1.0, np.abs(intercept).max()))


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [3, 7, 50])
def test_agrees_with_scikit_learn(n_classes, fit_intercept):
    X, y, weights = several(1_500, 4, n_classes, seed=n_classes)
    ours = LogisticRegression(backend="numpy", tol=1e-11, fit_intercept=fit_intercept)
    ours.fit(X, y, weights)
    assert ours.status_.is_optimum
    assert ours.coef_.shape == (n_classes, 4)
    assert ours.intercept_.shape == (n_classes,)
    assert_same_model(ours, peer(X, y, weights, fit_intercept=fit_intercept))
    if not fit_intercept:
        assert not ours.intercept_.any()


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 2: 4.0}])
def test_class_weights_and_a_rare_class_are_those_of_scikit_learn(backend, class_weight):
    X, y, weights = several(3_000, 4, 4, seed=1, rare=2.0)
    assert np.bincount(y).min() < 30
    ours = LogisticRegression(backend=backend, tol=1e-11, class_weight=class_weight)
    assert_same_model(ours.fit(X, y, weights), peer(X, y, weights, class_weight=class_weight))


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("C", [1e-3, 10.0, np.inf])
def test_every_solver_reaches_the_optimum_of_the_formula(solver, backend, C):
    X, y, weights = several(400, 3, 3, seed=4)
    X = X / X.std(axis=0)
    model = LogisticRegression(C, solver=solver, backend=backend, tol=1e-8, max_iter=1_000)
    model.fit(X, y, weights)
    coef = np.vstack([model.coef_.T, model.intercept_])
    loss, gradient, _ = oracle.softmax_loss_gradient_hessian(X, coef, y, weights, (1.0,) * 3)
    total = weights.sum()
    penalty = 0.0 if np.isinf(C) else (model.coef_**2).sum() / (2.0 * C * total)
    slope = gradient / total
    slope[:-1] += 0.0 if np.isinf(C) else model.coef_.T / (C * total)
    assert np.abs(slope).max() <= 1.1e-8
    assert model.objective_ == pytest.approx(loss / total + penalty, rel=1e-12)
    assert_allclose(model.intercept_.sum(), 0.0, atol=1e-10)


def test_an_unpenalised_model_is_the_one_that_sums_to_0(backend):
    X, y, _ = several(600, 3, 4, seed=2)
    model = LogisticRegression(np.inf, backend=backend, tol=1e-9).fit(X, y)
    assert_allclose(model.coef_.sum(axis=0), 0.0, atol=1e-9)
    assert_allclose(model.intercept_.sum(), 0.0, atol=1e-9)
    shifted = LogisticRegression(np.inf, backend=backend, tol=1e-9, warm_start=True).fit(X, y)
    shifted.coef_ = shifted.coef_ + 3.0
    shifted.intercept_ = shifted.intercept_ - 5.0
    shifted.fit(X, y)
    assert shifted.n_iter_[0] == 0
    assert_allclose(shifted.coef_, model.coef_, atol=1e-9)


def test_weights_are_repeated_rows(backend):
    X, y, _ = several(200, 3, 3, seed=6)
    times = np.random.default_rng(0).integers(0, 4, 200)
    times[:3] = 1
    ours = LogisticRegression(backend=backend, tol=1e-11).fit(X, y, times)
    again = LogisticRegression(backend=backend, tol=1e-11).fit(
        np.repeat(X, times, axis=0), np.repeat(y, times)
    )
    assert_allclose(ours.coef_, again.coef_, atol=1e-8 * np.abs(again.coef_).max())


def test_a_warm_start_needs_the_same_classes():
    X, y, _ = several(800, 3, 3, seed=7)
    model = LogisticRegression(backend="numpy", warm_start=True).fit(X, y)
    model.fit(X, y)
    assert model.n_iter_[0] == 0
    model.fit(X, y + 1)
    assert model.n_iter_[0] > 0
    model.fit(X, np.minimum(y, 1))
    assert model.coef_.shape == (1, 3)
    model.fit(X, y)
    assert model.coef_.shape == (3, 3)


def test_what_is_predicted_follows_from_the_coefficients(backend):
    X, y, _ = several(300, 3, 4, seed=8)
    names = np.array(["d", "a", "c", "b"])
    model = LogisticRegression(backend=backend).fit(X, names[y])
    assert_array_equal(model.classes_, ["a", "b", "c", "d"])
    z = X @ model.coef_.T + model.intercept_
    assert_allclose(model.decision_function(X), z, rtol=1e-10, atol=1e-12)
    proba = np.exp(z - logsumexp(z, axis=1, keepdims=True))
    assert_allclose(model.predict_proba(X), proba, rtol=1e-10)
    assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    assert model.score(X, names[y]) == np.mean(model.predict(X) == names[y])


def test_log_proba_keeps_its_tails():
    model = LogisticRegression(backend="numpy").fit(*several(100, 1, 3)[:2])
    model.coef_ = np.array([[1.0], [0.0], [-1.0]])
    model.intercept_ = np.zeros(3)
    log_proba = model.predict_log_proba(np.array([[800.0], [-800.0], [40.0]]))
    assert_allclose(log_proba[0], [0.0, -800.0, -1600.0], rtol=1e-15)
    assert_allclose(log_proba[1], [-1600.0, -800.0, 0.0], rtol=1e-15)
    # -log(1 + exp(-40) + exp(-80)): below the rounding of a probability near 1.
    assert_allclose(log_proba[2, 0], -4.248354255291589e-18, rtol=1e-12)


def test_float32_gives_the_answer_of_the_same_numbers_in_float64(backend):
    X, y, _ = several(1_000, 4, 3)
    X = X.astype(np.float32)
    single = LogisticRegression(backend=backend, tol=1e-10).fit(X, y)
    double = LogisticRegression(backend=backend, tol=1e-10).fit(X.astype(np.float64), y)
    assert single.coef_.dtype == single.predict_proba(X).dtype == np.float32
    assert_allclose(single.coef_, double.coef_, rtol=1e-5, atol=1e-6)


LABELS = {
    "int": np.array([0, 1, 2]),
    "negative": np.array([-128, 0, 127], dtype=np.int8),
    "far apart": np.array([-(2**62), 0, 2**62]),
    "uint64": np.array([2**63, 2**63 + 5, 2**64 - 1], dtype=np.uint64),
    "uint64, near": np.array([2**64 - 9, 2**64 - 5, 2**64 - 1], dtype=np.uint64),
    "float": np.array([-1.0, 0.0, 5.0]),
    "float32": np.array([1.0, 2.0, 3.0], dtype=np.float32),
    "huge float": np.array([-1e300, 0.0, 1e300]),
    "text": np.array(["a", "bb", "c"]),
    "bytes": np.array([b"a", b"bb", b"c"]),
    "objects": np.array(["a", "bb", "c"], dtype=object),
    "int objects": np.array([1, 2, 30], dtype=object),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_kind_become_the_same_codes(labels):
    X, y, _ = several(120, 2, 3)
    expected = LogisticRegression(backend="numpy").fit(X, y)
    model = LogisticRegression(backend="numpy").fit(X, labels[y])
    assert_array_equal(model.classes_, labels)
    assert model.classes_.dtype == labels.dtype
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.predict(X), labels[expected.predict(X)])


def test_labels_in_other_containers():
    X, y, _ = several(120, 2, 3)
    names = np.array(["x", "y", "z"])[y]
    expected = LogisticRegression(backend="numpy").fit(X, y)
    polars = pytest.importorskip("polars")
    for labels in (
        y.tolist(),
        names.tolist(),
        pd.Series(names),
        pd.Series(names).astype("category"),
        pd.Series(y).astype("Int64"),
        polars.Series(names.tolist()),
        y[:, None].repeat(2, axis=1)[:, 0],
    ):
        model = LogisticRegression(backend="numpy").fit(X, labels)
        assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize("kind", [np.int64, np.float64, "U4", object])
@pytest.mark.parametrize("n_classes", [3, 12, 13, 127, 128, 300])
def test_codes_are_the_places_among_the_sorted_classes(n_classes, kind):
    from fastlogreg.estimators.labels import encode_labels

    rng = np.random.default_rng(n_classes)
    values = rng.choice(9_000, n_classes, replace=False) + 1_000
    y = rng.choice(values, 70_000).astype(kind)
    classes, codes = encode_labels(y, len(y), "test")
    expected, places = np.unique(y, return_inverse=True)
    assert_array_equal(classes, expected)
    assert classes.dtype == y.dtype
    assert_array_equal(codes, places)
    assert codes.dtype == (np.int8 if n_classes <= 127 else np.int16)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.5, 1.0, 2.0], "Unknown label type: continuous"),
        (np.array([0.5, 1.0, 2.0], dtype=object), "Unknown label type: continuous"),
        (np.array(["a", 1, "b"], dtype=object), "y mixes labels of types str and int"),
        (np.array([(1, 2), [1], "b", 3], dtype=object)[1:], "cannot be told apart"),
    ],
    ids=["fractions", "fractions in objects", "mixed", "no hash"],
)
def test_labels_that_are_none_are_refused(labels, message):
    X = np.random.default_rng(0).standard_normal((30, 2))
    labels = np.array([labels[i % 3] for i in range(30)], dtype=np.asarray(labels).dtype)
    with pytest.raises((InvalidDataError, ValueError), match=message):
        LogisticRegression().fit(X, labels)


def test_a_class_of_no_weight_is_refused():
    X, y, _ = several(90, 2, 3)
    with pytest.raises(InvalidDataError, match="all rows of class 2 have sample_weight 0"):
        LogisticRegression().fit(X, y, (y < 2).astype(float))


def test_seeds_give_the_same_bits_again_and_change_the_way_only(backend):
    X, y, _ = several(20_000, 4, 3, seed=3)
    fits = {
        seed: LogisticRegression(
            solver="subsampled-newton", backend=backend, random_state=seed, tol=1e-9
        ).fit(X, y)
        for seed in (None, 0, 1)
    }
    again = LogisticRegression(
        solver="subsampled-newton", backend=backend, random_state=1, tol=1e-9
    ).fit(X, y)
    assert_array_equal(fits[None].coef_, fits[0].coef_)
    assert_array_equal(fits[1].coef_, again.coef_)
    assert (fits[0].coef_ != fits[1].coef_).any()
    assert_allclose(fits[0].coef_, fits[1].coef_, atol=1e-6)


def test_a_random_state_gives_a_new_seed_a_fit_and_the_global_one_is_not_read():
    X, y, _ = several(20_000, 3, 3, seed=3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    model = LogisticRegression(
        solver="subsampled-newton", backend="numpy", random_state=np.random.RandomState(5)
    )
    first, second = model.fit(X, y).coef_, model.fit(X, y).coef_
    model.random_state = np.random.RandomState(5)
    assert_array_equal(model.fit(X, y).coef_, first)
    assert (first != second).any()
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_callback_and_the_verbose_line_tell_where_curvature_is_from(capsys):
    X, y, _ = several(20_000, 3, 3, seed=3)
    seen = []
    LogisticRegression(
        solver="subsampled-newton",
        backend="numpy",
        callback=lambda step: seen.append(step),
        verbose=1,
    ).fit(X, y)
    assert any(step.curvature.endswith("sampled rows") for step in seen)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("curvature: ")[1] for line in lines] == [step.curvature for step in seen]


def test_classes_that_cannot_be_learned_in_max_iter_warn_once():
    X, y, _ = several(300, 3, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression(backend="numpy", max_iter=1).fit(X, y)
    assert model.status_ is Status.MAX_ITER
    assert len(caught) == 1
