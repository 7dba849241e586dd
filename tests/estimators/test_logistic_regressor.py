"""The from-scratch model against the tutorial's formulas, written out here."""

import copy
import pickle
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from fastlogreg import LogisticRegression, LogisticRegressor, planner
from fastlogreg.errors import (
    DivergenceError,
    InvalidDataError,
    InvalidParameterError,
    InvalidParameterTypeError,
)
from fastlogreg.estimators import logistic_regressor
from fastlogreg.reference import dense as reference
from tests.problems import breast_cancer, two_clouds


def tutorial_epochs(X, y, W, epochs, lr, batches=None):
    """Yield the cost of each epoch and the W after it, by the tutorial's own formulas."""
    X1 = np.vstack([X, np.ones((1, X.shape[1]))])
    y = y.reshape(1, -1)
    W = W.copy()
    for _ in range(epochs):
        cost = 0.0
        for rows in [slice(None)] if batches is None else batches():
            p = 1.0 / (1.0 + np.exp(-(W @ X1[:, rows])))
            cost += -np.sum(y[:, rows] * np.log(p) + (1 - y[:, rows]) * np.log(1 - p))
            dW = (p - y[:, rows]) @ X1[:, rows].T
            W = W - lr * dW
        yield cost, W


def points(n=150, dims=3, seed=1):
    """Return X (dims, n) in C order and y: moderate numbers that no line separates."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((dims, n))
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X.sum(axis=0)))).astype(np.int64)
    return X, y


@pytest.fixture(params=["numpy", "numba"])
def planned_backend(request, monkeypatch):
    """Make the planner choose a backend for tables of every size."""
    monkeypatch.setattr(planner, "NUMBA_FROM_CELLS", 1 if request.param == "numba" else sys.maxsize)
    return request.param


@pytest.fixture
def designs(monkeypatch):
    """Return a list that collects every table that a model reads."""
    seen = []

    class Spy(logistic_regressor.DenseDesign):
        def __init__(self, X, backend, n_threads):
            super().__init__(X, backend, n_threads)
            seen.append(self)

    monkeypatch.setattr(logistic_regressor, "DenseDesign", Spy)
    return seen


@pytest.fixture
def pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


# The trajectory.


@pytest.mark.usefixtures("planned_backend")
@pytest.mark.parametrize("epochs", [1, 2, 7, 60])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_full_batch_follows_the_tutorial_from_the_same_start(dtype, epochs):
    X, y = points()
    X = X.astype(dtype)
    start = np.random.default_rng(5).standard_normal((1, 4))
    model = LogisticRegressor(random_state=5).fit(X, y, epochs=epochs, lr=0.01)
    costs, weights = zip(
        *tutorial_epochs(X.astype(np.float64), y, start, epochs, 0.01), strict=True
    )
    np.testing.assert_allclose(model.loss, costs, rtol=1e-12)
    np.testing.assert_allclose(model.W, weights[-1], rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 32, 149])
def test_mini_batches_follow_the_tutorial_with_the_same_permutations(planned_backend, batch_size):
    X, y = points()
    n = X.shape[1]
    generator = np.random.default_rng(5)
    start = generator.standard_normal((1, 4))

    def batches():
        order = generator.permutation(n)
        return [order[i : i + batch_size] for i in range(0, n, batch_size)]

    model = LogisticRegressor(random_state=5).fit(X, y, epochs=5, lr=0.02, batch_size=batch_size)
    costs, weights = zip(*tutorial_epochs(X, y, start, 5, 0.02, batches), strict=True)
    np.testing.assert_allclose(model.loss, costs, rtol=1e-12)
    np.testing.assert_allclose(model.W, weights[-1], rtol=1e-12)


@pytest.mark.parametrize("batch_size", [150, 151, 10_000])
def test_a_batch_of_all_points_is_full_batch_to_the_bit(batch_size):
    X, y = points()
    full = LogisticRegressor().fit(X, y, epochs=5)
    batch = LogisticRegressor().fit(X, y, epochs=5, batch_size=batch_size)
    assert np.array_equal(full.W, batch.W)
    assert full.loss == batch.loss


def test_the_planned_backend_is_the_one_that_runs(planned_backend, designs):
    X, y = points()
    LogisticRegressor().fit(X, y, epochs=1).predict(X)
    assert {design.backend.__name__ for design in designs} == {
        "fastlogreg.kernels.dense" if planned_backend == "numba" else "fastlogreg.reference.dense"
    }


def test_it_ends_at_the_unpenalised_optimum():
    X, y = points()
    model = LogisticRegressor().fit(X, y, epochs=3000, lr=0.02)
    best = LogisticRegression(C=np.inf, tol=1e-12).fit(X.T, y)
    np.testing.assert_allclose(model.W[0, :-1], best.coef_[0], rtol=1e-9)
    np.testing.assert_allclose(model.W[0, -1], best.intercept_[0], rtol=1e-9)


@pytest.mark.parametrize("batch_size", [None, 40])
def test_a_second_fit_goes_on_as_if_the_first_had_not_stopped(batch_size):
    X, y = points()
    whole = LogisticRegressor(3).fit(X, y, epochs=9, lr=0.02, batch_size=batch_size)
    model = LogisticRegressor(3).fit(X, y, epochs=4, lr=0.02, batch_size=batch_size)
    first = model.W
    model.fit(X, y, epochs=5, lr=0.02, batch_size=batch_size)
    assert np.array_equal(model.W, whole.W)
    assert model.loss == whole.loss
    assert len(model.loss) == 9
    assert (model.epochs, model.lr) == (5, 0.02)
    assert not np.array_equal(first, model.W), "an earlier W is never written to"


def test_a_W_that_was_set_is_where_the_fit_starts_and_is_not_changed():
    X, y = points()
    start = np.zeros((1, 4))
    model = LogisticRegressor()
    model.W = start
    model.fit(X, y, epochs=1)
    assert model.loss[0] == pytest.approx(len(y) * np.log(2.0), rel=1e-14)
    assert not start.any()
    assert model.W.any()


# What comes in and goes out.


def test_attributes_have_the_promised_shapes_and_types():
    X, y = points()
    model = LogisticRegressor().fit(X, y)
    assert model.W.shape == (1, 4)
    assert model.W.dtype == np.float64
    assert isinstance(model.loss, list)
    assert all(type(cost) is float for cost in model.loss)
    assert (len(model.loss), model.epochs, model.lr) == (100, 100, 0.01)


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.astype(bool),
        lambda y: y.astype(np.float32),
        lambda y: y.astype(np.uint8),
        lambda y: y.astype(object),
        lambda y: y.reshape(1, -1),
        lambda y: y.tolist(),
    ],
    ids=["bool", "float", "uint8", "object", "row", "list"],
)
def test_labels_of_any_kind_of_0_and_1_give_the_same_fit(convert):
    X, y = points()
    expected = LogisticRegressor().fit(X, y, epochs=3)
    model = LogisticRegressor().fit(X, convert(y), epochs=3)
    assert np.array_equal(model.W, expected.W)


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda X: X.astype(">f8"),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.tolist(),
        lambda X: X.astype(object),
    ],
    ids=["F order", "big endian", "strided", "list", "object"],
)
def test_X_in_any_layout_gives_the_same_fit(convert):
    X, y = points()
    expected = LogisticRegressor().fit(X, y, epochs=3)
    model = LogisticRegressor().fit(convert(X), y, epochs=3)
    np.testing.assert_allclose(model.W, expected.W, rtol=1e-13)


def test_integers_and_booleans_are_numbers():
    X, y = points()
    whole = np.round(3.0 * X)
    expected = LogisticRegressor().fit(whole, y, epochs=3).W
    assert np.array_equal(LogisticRegressor().fit(whole.astype(np.int8), y, epochs=3).W, expected)
    LogisticRegressor().fit(X > 0.0, y, epochs=3)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_X_is_read_where_it_lies(designs, dtype, order):
    X, y = points()
    X = np.asarray(X, dtype=dtype, order=order)
    X.flags.writeable = False
    LogisticRegressor().fit(X, y, epochs=2).predict(X)
    assert [np.shares_memory(X, design.X) for design in designs] == [True, True]
    assert [design.X.shape for design in designs] == [(150, 3), (150, 3)]


@pytest.mark.usefixtures("planned_backend")
def test_predict_returns_a_row_of_probabilities():
    X, y = points()
    model = LogisticRegressor().fit(X, y, epochs=20)
    probability = model.predict(X)
    X1 = np.vstack([X, np.ones(X.shape[1])])
    assert probability.shape == (1, X.shape[1])
    assert probability.dtype == np.float64
    np.testing.assert_allclose(probability, 1.0 / (1.0 + np.exp(-(model.W @ X1))), rtol=1e-13)
    assert model.predict(X[:, :1]).shape == (1, 1)
    assert model.predict(X.astype(np.float32)).dtype == np.float32


def test_one_point_one_dimension_and_one_class_are_enough():
    model = LogisticRegressor().fit([[2.0]], [1], epochs=50, lr=0.5)
    assert model.W.shape == (1, 2)
    assert model.loss[-1] < model.loss[0]
    assert 0.5 < model.predict([[2.0]])[0, 0] < 1.0


def test_it_survives_pickle_and_copy_and_goes_on_the_same():
    X, y = points()
    model = LogisticRegressor(1).fit(X, y, epochs=2, batch_size=50)
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    model.fit(X, y, epochs=2, batch_size=50)
    for twin in twins:
        twin.fit(X, y, epochs=2, batch_size=50)
        assert np.array_equal(twin.W, model.W)


# Seeds.


def test_no_seed_is_a_fixed_seed_and_the_global_generator_is_left_alone():
    X, y = points()
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = LogisticRegressor().fit(X, y, epochs=2, batch_size=40)
    second = LogisticRegressor().fit(X, y, epochs=2, batch_size=40)
    assert np.array_equal(first.W, second.W)
    assert np.array_equal(first.W, LogisticRegressor(0).fit(X, y, epochs=2, batch_size=40).W)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_seeds_of_every_kind_decide_the_start():
    X, y = points()

    def fitted(seed):
        return LogisticRegressor(seed).fit(X, y, epochs=1).W

    assert not np.array_equal(fitted(1), fitted(2))
    assert np.array_equal(fitted(1), fitted(np.int64(1)))
    assert np.array_equal(fitted(1), fitted(np.random.default_rng(1)))
    legacy = [np.random.RandomState(1) for _ in range(2)]
    assert np.array_equal(fitted(legacy[0]), fitted(legacy[1]))


def test_models_that_share_a_generator_start_apart():
    X, y = points()
    generator = np.random.default_rng(1)
    first, second = (LogisticRegressor(generator).fit(X, y, epochs=1) for _ in range(2))
    assert not np.array_equal(first.W, second.W)


# Extremes: finite numbers, or an error, and never a NaN.


@pytest.mark.usefixtures("planned_backend")
@pytest.mark.parametrize("scale", [1e4, 1e100])
@pytest.mark.parametrize("batch_size", [None, 32])
def test_steep_models_stay_finite_where_the_tutorial_gets_nan(batch_size, scale):
    X, y = points()
    model = LogisticRegressor().fit(X * scale, y, epochs=30, batch_size=batch_size)
    assert np.isfinite(model.W).all()
    assert np.isfinite(model.loss).all()
    assert np.isfinite(model.predict(X * scale)).all()


def test_raw_breast_cancer_stays_finite():
    X, y = breast_cancer(scaled=False)
    model = LogisticRegressor().fit(X.T, y, epochs=50)
    assert np.isfinite(model.loss).all()


@pytest.mark.usefixtures("planned_backend")
def test_divergence_names_the_epoch_and_a_rate_that_works():
    X, y = points()
    model = LogisticRegressor().fit(X, y, epochs=2)
    W, loss = model.W.copy(), list(model.loss)
    with pytest.raises(DivergenceError, match=r"in epoch 2 of 50, with lr=1e\+307.*smaller lr"):
        model.fit(X, y, epochs=50, lr=1e307)
    assert np.array_equal(model.W, W)
    assert model.loss == loss
    assert (model.epochs, model.lr) == (2, 0.01)


def test_the_rate_that_the_error_proposes_never_raises_the_cost():
    X, y = points()
    with pytest.raises(DivergenceError) as caught:
        LogisticRegressor().fit(X, y, epochs=50, lr=1e307)
    proposed = float(str(caught.value).split("(up to ")[1].split()[0])
    loss = LogisticRegressor().fit(X, y, epochs=50, lr=proposed).loss
    assert (np.diff(loss) < 0.0).all()


def test_points_too_large_for_float64_diverge_in_the_first_epoch():
    X, y = points()
    with pytest.raises(DivergenceError, match=r"in epoch 1 of 100.*scale each dimension of X"):
        LogisticRegressor().fit(X * 1e307, y)


def test_predict_tells_of_points_that_overflow():
    X, y = points()
    model = LogisticRegressor().fit(X, y)
    with pytest.raises(InvalidDataError, match=r"up to 1e\+308.*range of float64"):
        model.predict(np.full((3, 1), 1e308))


# An error loses nothing.


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_fit_leaves_the_model_as_it_was(monkeypatch, error):
    X, y = points()
    model = LogisticRegressor(1).fit(X, y, epochs=2, batch_size=40)
    twin = copy.deepcopy(model)
    whole_pass, calls = reference.loss_gradient, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise error
        return whole_pass(*arguments)

    monkeypatch.setattr(reference, "loss_gradient", interrupted)
    with pytest.raises(error):
        model.fit(X, y, epochs=50, lr=0.5, batch_size=40)
    monkeypatch.undo()
    assert np.array_equal(model.W, twin.W)
    assert (model.loss, model.epochs, model.lr) == (twin.loss, 2, 0.01)
    # The draws of the broken fit are taken back as well.
    assert np.array_equal(model.fit(X, y, batch_size=40).W, twin.fit(X, y, batch_size=40).W)


def test_a_failed_first_fit_leaves_the_model_unfitted():
    X, y = points()
    model = LogisticRegressor()
    with pytest.raises(DivergenceError):
        model.fit(X, y, lr=1e307)
    assert model.loss == []
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert np.array_equal(model.fit(X, y).W, LogisticRegressor().fit(X, y).W)


# Bad input.


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("epochs", 0, InvalidParameterError),
        ("epochs", 2.0, InvalidParameterTypeError),
        ("epochs", True, InvalidParameterTypeError),
        ("lr", 0.0, InvalidParameterError),
        ("lr", -0.1, InvalidParameterError),
        ("lr", np.nan, InvalidParameterError),
        ("lr", np.inf, InvalidParameterError),
        ("lr", "0.1", InvalidParameterTypeError),
        ("batch_size", 0, InvalidParameterError),
        ("batch_size", 1.5, InvalidParameterTypeError),
        ("random_state", -1, InvalidParameterError),
        ("random_state", True, InvalidParameterTypeError),
        ("random_state", "seed", InvalidParameterTypeError),
    ],
)
def test_a_parameter_out_of_range_or_of_a_wrong_type_is_named(name, value, error):
    X, y = points()
    seed = {"random_state": value} if name == "random_state" else {}
    arguments = {} if seed else {name: value}
    with pytest.raises(error, match=rf"^{name} is .*expected"):
        LogisticRegressor(**seed).fit(X, y, **arguments)


def test_other_dimensions_than_at_the_first_fit_are_refused():
    X, y = points()
    model = LogisticRegressor().fit(X, y)
    for call in (lambda: model.fit(X[:2], y), lambda: model.predict(X[:2])):
        with pytest.raises(
            InvalidDataError, match=r"X has 2 dimensions.*\(1, 3\), but W has shape \(1, 4\)"
        ):
            call()


def test_a_W_that_was_set_to_nan_is_refused():
    X, y = points()
    model = LogisticRegressor()
    model.W = np.full((1, 4), np.nan)
    with pytest.raises(InvalidDataError, match="W contains 4 NaN"):
        model.fit(X, y)


@pytest.mark.parametrize(
    "call",
    [
        lambda model, X, y: model.predict(X),
        lambda model, X, y: model.plot_loss(),
        lambda model, X, y: model.decision_boundary(X, y),
    ],
    ids=["predict", "plot_loss", "decision_boundary"],
)
def test_nothing_works_before_fit(call):
    X, y = points()
    with pytest.raises(NotFittedError, match="Call fit"):
        call(LogisticRegressor(), X, y)


# Pictures.


def test_plot_loss_draws_the_cost_of_every_epoch_of_all_fits(pyplot):
    X, y = points()
    model = LogisticRegressor().fit(X, y, epochs=5).fit(X, y, epochs=3)
    ax = model.plot_loss()
    (line,) = ax.lines
    assert line.get_xdata().tolist() == list(range(1, 9))
    assert line.get_ydata().tolist() == model.loss
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "summed loss")
    given = pyplot.figure().subplots()
    assert model.plot_loss(ax=given) is given


def test_decision_boundary_draws_the_line_where_the_models_probability_is_a_half(pyplot):
    X, y = two_clouds(200)
    model = LogisticRegressor().fit(X.T, y, epochs=50)
    ax = model.decision_boundary(X.T, y.reshape(1, -1))
    line = next(c for c in ax.collections if hasattr(c, "levels"))
    vertices = np.concatenate([path.vertices for path in line.get_paths()])
    np.testing.assert_allclose(model.predict(vertices.T), 0.5, atol=1e-9)
    given = pyplot.figure().subplots()
    assert model.decision_boundary(X.T, y, ax=given) is given


def test_decision_boundary_checks_what_it_draws(pyplot):
    X, y = points()
    with pytest.raises(InvalidDataError, match="X of 3 dimensions, but decision_boundary draws"):
        LogisticRegressor().fit(X, y).decision_boundary(X, y)
    model = LogisticRegressor().fit(X[:2], y)
    with pytest.raises(InvalidDataError, match="X has 3 dimensions"):
        model.decision_boundary(X, y)
    with pytest.raises(InvalidDataError, match="did you mean"):
        model.decision_boundary(X[:2].T, y)
    with pytest.raises(InvalidDataError, match="contains 1 NaN"):
        model.decision_boundary(np.where(X[:2] == X[0, 0], np.nan, X[:2]), y)
    assert pyplot.get_fignums() == []


def test_without_matplotlib_all_but_the_pictures_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    X, y = two_clouds(50)
    model = LogisticRegressor().fit(X.T, y)
    for draw in (model.plot_loss, lambda: model.decision_boundary(X.T, y)):
        with pytest.raises(ImportError, match=r'python -m pip install "fastlogreg\[plot\]"'):
            draw()


def test_fit_and_predict_of_a_small_table_load_neither_numba_nor_matplotlib(run_python):
    code = """
import sys
from fastlogreg import LogisticRegressor
LogisticRegressor().fit([[1.0, 2.0, 3.0]], [0, 1, 0], batch_size=2).predict([[1.0]])
print([name for name in ("numba", "matplotlib") if name in sys.modules])
"""
    assert run_python(code) == "[]"
