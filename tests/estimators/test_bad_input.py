"""Bad input: an error that names the argument, what came, what was expected, what to do."""

import decimal
import fractions
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning, NotFittedError

from fastlogreg import LogisticRegression
from fastlogreg.errors import (
    FastLogRegError,
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    InvalidParameterTypeError,
)
from tests.problems import SMOOTH, correlated


@pytest.fixture
def table():
    X, y, weights = correlated(60, 3)
    return X, y, weights


@pytest.mark.parametrize("start", ["cold", "warm"])
def test_nan_and_infinity_in_x_are_counted_and_located(table, backend, start):
    X, y, _ = table
    model = LogisticRegression(backend=backend, warm_start=start == "warm").fit(X, y)
    spoilt = X.copy()
    spoilt[7, 1] = np.nan
    spoilt[30, 2] = np.inf
    pattern = r"X contains 1 NaN and 1 infinite value \(inf\), the first at row 7, column 1;.*fill"
    with pytest.raises(InvalidDataError, match=pattern):
        model.fit(spoilt, y)
    with pytest.raises(InvalidDataError, match=pattern):
        model.predict(spoilt)


def test_a_bad_column_of_a_frame_is_named(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["age", "height", "weight"])
    frame.loc[3, "height"] = np.nan
    with pytest.raises(InvalidDataError, match=r"1 NaN, the first at row 3, column 1 \('height'\)"):
        LogisticRegression().fit(frame, y)


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("scale", [1e200, 1e308])
def test_numbers_too_large_for_a_product_or_a_sum_are_refused(table, backend, solver, scale):
    X, y, _ = table
    large = X / np.abs(X).max() * scale
    with pytest.raises(
        InvalidDataError, match="values up to " + re.escape(f"{scale:.3g}") + ".*StandardScaler"
    ):
        LogisticRegression(backend=backend, solver=solver).fit(large, y)


@pytest.mark.parametrize(
    ("bad", "pattern"),
    [
        (np.nan, r"y contains 1 NaN, the first at 5; expected finite"),
        (np.inf, r"y contains 1 infinite value \(inf\), the first at 5"),
        (None, r"y contains 1 missing labels \(NaN or None\), the first at 5"),
        (pd.NA, r"y contains 1 missing labels \(NaN or None\), the first at 5"),
    ],
    ids=str,
)
def test_missing_labels_are_counted_and_located(table, bad, pattern):
    X, y, _ = table
    labels = np.array(y, dtype=float if isinstance(bad, float) else object)
    labels[5] = bad
    with pytest.raises(InvalidDataError, match=pattern):
        LogisticRegression().fit(X, labels)


@pytest.mark.parametrize(
    ("weights", "pattern"),
    [
        (np.r_[np.nan, np.ones(59)], r"sample_weight contains 1 NaN, the first at 0"),
        (np.r_[np.ones(58), -np.inf, 1], r"sample_weight contains 1 infinite value \(inf\).* 58"),
        (np.r_[np.ones(59), -2.0], r"sample_weight contains 1 negative values, .*\(-2\) at 59"),
        (np.zeros(60), "sample_weight is zero for every row"),
        (np.ones(59), r"sample_weight has shape \(59,\), but X has 60 rows"),
        (np.ones((60, 2)), r"sample_weight has shape \(60, 2\)"),
        (["heavy"] * 60, "sample_weight does not hold numbers"),
        ([10**400] * 60, "sample_weight does not hold numbers"),
        (np.ones(60) * 1j, "sample_weight does not hold numbers .*complex128"),
        (np.ones(60).astype("M8[s]"), "sample_weight does not hold numbers .*datetime64"),
        (np.ma.MaskedArray(np.ones(60), np.arange(60) < 2), "masked array in which 2 values"),
    ],
)
def test_bad_weights_are_refused(table, weights, pattern):
    X, y, _ = table
    with pytest.raises(InvalidDataError, match=pattern):
        LogisticRegression().fit(X, y, weights)


@pytest.mark.parametrize(
    ("C", "weight", "error", "pattern"),
    [
        (
            1.0,
            5e-324,
            InvalidDataError,
            "sums to 2.96439e-322 in float64; expected a finite sum of",
        ),
        (
            1.0,
            1e308,
            InvalidDataError,
            "sums to inf in float64; expected a finite sum of at least 1e-300",
        ),
        (1e-320, 1.0, InvalidParameterError, r"C is 1e-320.* leaves the range of float64"),
        (1e-300, 1e-300, InvalidParameterError, r"C is 1e-300.*expected a larger C"),
    ],
)
def test_weights_and_c_whose_product_leaves_float64_are_refused(table, C, weight, error, pattern):
    X, y, _ = table
    with pytest.raises(error, match=pattern):
        LogisticRegression(C).fit(X, y, weight)


def test_columns_of_dates_and_missing_objects_are_named(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["age", "height", "weight"])
    frame["when"] = pd.Timestamp("2013-01-01")
    with pytest.raises(InvalidDataError, match=r"1 column, 'when' .*Derive numbers from dates"):
        LogisticRegression().fit(frame, y)
    frame["when"] = pd.array([pd.NA] * 60, dtype=object)
    with pytest.raises(InvalidDataError, match=r"1 column, 'when' .*not numbers"):
        LogisticRegression().fit(frame, y)


def test_weights_that_leave_one_class_are_refused(table):
    X, y, _ = table
    with pytest.raises(InvalidDataError, match="all rows of class 0 have sample_weight 0"):
        LogisticRegression().fit(X, y, y.astype(float))


def test_one_class_is_refused(table):
    X, _, _ = table
    with pytest.raises(InvalidDataError, match=r"y holds one class only, .*'a'"):
        LogisticRegression().fit(X, ["a"] * 60)


def test_more_classes_than_codes_are_refused():
    rng = np.random.default_rng(0)
    y = np.arange(40_000) * 1_000_003
    with pytest.raises(InvalidDataError, match=r"y holds 40,000 classes; expected at most 32,767"):
        LogisticRegression().fit(rng.standard_normal((40_000, 1)), y)


@pytest.mark.parametrize("values", [np.linspace(0, 1, 60), np.tile([0.5, 1.5], 30)])
def test_a_continuous_target_is_refused(table, values):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        LogisticRegression().fit(table[0], values)


def test_labels_of_mixed_types_are_refused(table):
    labels = np.array(["a", 1] * 30, dtype=object)
    with pytest.raises(InvalidDataError, match="y mixes labels of types str and int"):
        LogisticRegression().fit(table[0], labels)


@pytest.mark.parametrize("places", [[0], [7], [3, 50]])
@pytest.mark.parametrize(
    "label", [(1, 2), [1], np.array([1, 2]), decimal.Decimal("sNaN"), 1j], ids=str
)
def test_objects_that_are_no_labels_are_refused(table, label, places):
    labels = np.empty(60, dtype=object)
    labels[:] = [0, 1] * 30
    for place in places:
        labels[place] = label
    with pytest.raises(InvalidDataError, match=r"y (holds|mixes) labels .* expected"):
        LogisticRegression().fit(table[0], labels)


def test_labels_of_one_type_without_order_are_refused(table):
    labels = np.array([0j, 1j, 2j] * 20, dtype=object)
    with pytest.raises(InvalidDataError, match="labels of type complex, which have no order"):
        LogisticRegression().fit(table[0], labels)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda X: X[:, 0], InvalidDataError),
        (lambda X: X[None], InvalidDataError),
        (lambda X: X[:0], InvalidDataError),
        (lambda X: X * 1j, InvalidDataError),
        (lambda X: np.where(X > 0, 10**400, X.astype(object)), InvalidDataError),
        (lambda X: np.ma.MaskedArray(X, X > 0.0), InvalidDataError),
        (lambda X: X.view(np.matrix), InvalidDataTypeError),
        (lambda X: X.astype("M8[s]"), InvalidDataTypeError),
        (lambda X: {"a": X}, InvalidDataTypeError),
        (lambda X: pl.DataFrame(X).lazy(), InvalidDataTypeError),
        (lambda X: pd.DataFrame(X, columns=["a", 1, 2]), InvalidDataTypeError),
    ],
)
def test_what_is_no_table_is_refused_with_an_error_of_ours(table, make, error):
    X, y, _ = table
    with pytest.raises(error) as caught:
        LogisticRegression().fit(make(X), y)
    assert type(caught.value) is error
    model = LogisticRegression().fit(X, y)
    with pytest.raises(InvalidDataError):
        model.predict(make(X))


def test_a_masked_array_without_masked_values_is_an_array(table):
    X, y, weights = table
    model = LogisticRegression().fit(*(np.ma.MaskedArray(one) for one in (X, y, weights)))
    assert np.array_equal(model.coef_, LogisticRegression().fit(X, y, weights).coef_)
    with pytest.raises(InvalidDataError, match="y is a masked array in which 1 values are masked"):
        LogisticRegression().fit(X, np.ma.MaskedArray(y, np.arange(60) == 3))


@pytest.mark.parametrize("settings", ["warn", "raise"])
def test_numbers_beyond_float64_warn_of_nothing_and_a_callback_keeps_its_settings(table, settings):
    X, y, _ = table
    seen = []
    with np.errstate(all=settings):
        expected = np.geterr()
        model = LogisticRegression(C=np.inf, callback=lambda _: seen.append(np.geterr()))
        with pytest.raises(InvalidDataError):
            model.fit(X * 1e200, y)
        LogisticRegression().fit(X * 1e-200, y).predict_proba(X * 1e150)
        with pytest.raises(InvalidDataError):
            LogisticRegression().fit(np.full(X.shape, np.longdouble("1e4000")), y)
        LogisticRegression(callback=lambda _: seen.append(np.geterr())).fit(X, y)
    assert seen
    assert all(one == expected for one in seen)


def test_fractions_are_numbers(table):
    X, y, _ = table
    model = LogisticRegression(C=fractions.Fraction(1, 2), l1_ratio=fractions.Fraction(1, 4))
    assert np.array_equal(
        model.fit(X, y).coef_, LogisticRegression(C=0.5, l1_ratio=0.25).fit(X, y).coef_
    )


def test_x_and_y_of_different_length_are_refused(table):
    X, y, _ = table
    with pytest.raises(InvalidDataError, match="y has 59 labels, but X has 60 rows"):
        LogisticRegression().fit(X, y[:-1])
    with pytest.raises(InvalidDataError, match="the target y is None"):
        LogisticRegression().fit(X, None)


def test_a_column_vector_y_warns_as_in_scikit_learn(table):
    X, y, _ = table
    with pytest.warns(DataConversionWarning):
        LogisticRegression().fit(X, y[:, None])


def test_a_1d_x_is_refused(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="Reshape your data"):
        LogisticRegression().fit(X[:, 0], y)


def test_columns_that_are_not_numbers_are_named(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["age", "height", "weight"])
    frame["city"] = "Ulm"
    frame["street"] = "Main"
    pattern = (
        r"2 columns, 'city' .*'street' .* not numbers.*categorical_features=\['city', 'street'"
    )
    with pytest.raises(InvalidDataError, match=pattern):
        LogisticRegression().fit(frame, y)
    with pytest.raises(InvalidDataError, match="not numbers: 3"):
        LogisticRegression().fit(np.c_[X.astype(object), np.array(["Ulm"] * 60)], y)


def test_predict_before_fit_is_refused(table):
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(LogisticRegression(), method)(table[0])


def test_other_columns_at_predict_are_named(table):
    X, y, _ = table
    frame = pd.DataFrame(X, columns=["age", "height", "weight"])
    model = LogisticRegression().fit(frame, y)
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time:\n- length.*missing:\n- height"):
        model.predict(frame.rename(columns={"height": "length"}))
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[["weight", "age", "height"]])
    with pytest.raises(ValueError, match="X has 2 features, but LogisticRegression is expecting 3"):
        LogisticRegression().fit(X, y).predict(X[:, :2])


@pytest.mark.parametrize(
    ("name", "value", "error", "expected"),
    [
        ("C", 0.0, InvalidParameterError, r"C is 0.0; expected a real number in \(0, inf\]"),
        ("C", -1, InvalidParameterError, "C is -1"),
        ("C", np.nan, InvalidParameterError, "C is nan"),
        ("C", "1", InvalidParameterTypeError, "C is '1' of type str; expected a real number"),
        ("C", 10**400, InvalidParameterError, "C is of type int and beyond the range of float64"),
        ("tol", 10**400, InvalidParameterError, "tol is of type int and beyond the range"),
        ("class_weight", {0: 10**400, 1: 1}, InvalidParameterError, "positive, finite weights"),
        ("C", True, InvalidParameterTypeError, "C is True of type bool"),
        ("l1_ratio", "some", InvalidParameterTypeError, "l1_ratio is 'some' of type str"),
        ("l1_ratio", 2.0, InvalidParameterError, r"l1_ratio is 2.0; .*\[0, 1\]"),
        ("fit_intercept", "yes", InvalidParameterTypeError, "expected True or False"),
        ("tol", 0.0, InvalidParameterError, "tol is 0.0"),
        ("tol", np.inf, InvalidParameterError, "tol is inf"),
        ("max_iter", -1, InvalidParameterError, "max_iter is -1; expected an integer of at least"),
        ("max_iter", 10.0, InvalidParameterTypeError, "max_iter is 10.0 of type float"),
        (
            "solver",
            "sag",
            InvalidParameterError,
            "solver is 'sag'; expected one of 'auto', 'gradient-descent', 'lbfgs'",
        ),
        ("solver", None, InvalidParameterTypeError, "solver is None"),
        ("backend", "gpu", InvalidParameterError, "'auto', 'numba', 'numpy'"),
        ("n_threads", 0, InvalidParameterError, "n_threads is 0"),
        ("n_threads", 1.5, InvalidParameterTypeError, "n_threads is 1.5"),
        ("warm_start", 1, InvalidParameterTypeError, "warm_start is 1"),
        ("callback", "print", InvalidParameterTypeError, "callback is 'print'"),
        ("verbose", "loud", InvalidParameterTypeError, "verbose is 'loud'"),
        ("random_state", "seed", InvalidParameterTypeError, "random_state is 'seed' of type str"),
        ("random_state", -1, InvalidParameterError, "random_state is -1"),
        ("random_state", np.random, InvalidParameterTypeError, "expected None, a seed"),
        ("class_weight", "even", InvalidParameterError, "class_weight is 'even'"),
        ("class_weight", [1, 2], InvalidParameterTypeError, "class_weight is of type list"),
        ("class_weight", {0: 1.0, 9: 1.0}, InvalidParameterError, r"names \[9\].*y holds \[0, 1\]"),
        ("class_weight", {0: -1.0}, InvalidParameterError, "positive, finite weights"),
        ("class_weight", {0: "a"}, InvalidParameterError, "positive, finite weights"),
    ],
)
def test_bad_parameters_are_refused_by_name(table, name, value, error, expected):
    X, y, _ = table
    with pytest.raises(error, match=expected):
        LogisticRegression(**{name: value}).fit(X, y)


def test_our_errors_share_a_base_and_are_built_ins_too():
    assert issubclass(InvalidDataError, FastLogRegError)
    assert issubclass(InvalidDataError, ValueError)
    assert issubclass(InvalidParameterTypeError, TypeError)


def test_input_arrays_are_not_changed(table, backend):
    X, y, weights = table
    before = [array.copy() for array in (X, y, weights)]
    LogisticRegression(backend=backend, class_weight="balanced").fit(X, y, weights).predict(X)
    for array, copy in zip((X, y, weights), before, strict=True):
        np.testing.assert_array_equal(array, copy)
