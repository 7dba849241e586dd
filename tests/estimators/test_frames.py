"""DataFrames: the same model from every library, and that of the one-hot table."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from bench.judge import judge
from fastlogreg import LogisticRegression, load, save
from fastlogreg.errors import (
    InvalidDataError,
    InvalidDataTypeError,
    InvalidParameterError,
    InvalidParameterTypeError,
)

N = 500
CATEGORIES = ["city", "size"]


def people(n=N, seed=0):
    """Return a frame of text, integer categories and numbers, and y."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Ulm", "Bonn", "Köln", "Hof"], n, p=[0.5, 0.3, 0.19, 0.01]),
            "age": rng.normal(40.0, 10.0, n),
            "size": rng.integers(1, 5, n),
            "member": rng.random(n) < 0.4,
        }
    )
    odds = (frame.age - 40.0) / 10.0 + (frame.city == "Bonn") - 0.5 * (frame["size"] == 2)
    return frame, np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-odds)), "yes", "no")


FRAME, Y = people()


def categorical(frame):
    return frame.astype({"city": "category", "size": "category"})


def reordered(frame):
    """Return the frame with levels in another order, one of which no row has."""
    levels = pd.CategoricalDtype(["Köln", "Rom", "Hof", "Ulm", "Bonn"])
    return categorical(frame).astype({"city": levels})


def fit(X, **parameters):
    return LogisticRegression(tol=1e-11, **parameters).fit(X, Y)


def dense_of(frame):
    return np.column_stack(
        [
            OneHotEncoder(sparse_output=False).fit_transform(frame[["city"]]),
            frame.age,
            OneHotEncoder(sparse_output=False).fit_transform(frame[["size"]]),
            frame.member,
        ]
    )


ONE_HOT = fit(dense_of(FRAME))
SAME = {
    "pandas": lambda: fit(categorical(FRAME)),
    "pandas, other levels": lambda: fit(reordered(FRAME)),
    "pandas, names": lambda: fit(FRAME, categorical_features=CATEGORIES),
    "pandas, mask": lambda: fit(FRAME, categorical_features=[True, False, True, False]),
    "pandas, nullable": lambda: fit(
        FRAME.convert_dtypes(), categorical_features=np.array(CATEGORIES)
    ),
    "pandas, Arrow": lambda: fit(
        FRAME.convert_dtypes(dtype_backend="pyarrow"), categorical_features=CATEGORIES
    ),
    "polars": lambda: fit(
        pl.from_pandas(FRAME).with_columns(pl.col("city").cast(pl.Categorical)),
        categorical_features=CATEGORIES,
    ),
    "polars, Enum": lambda: fit(
        pl.from_pandas(FRAME).with_columns(
            pl.col("city").cast(pl.Enum(["Rom", "Ulm", "Hof", "Bonn", "Köln"])),
            pl.col("size").cast(pl.String).cast(pl.Enum(list("4321"))),
        )
    ),
    "Arrow, chunks": lambda: fit(
        pa.concat_tables([pa.Table.from_pandas(FRAME[:99]), pa.Table.from_pandas(FRAME[99:])]),
        categorical_features=CATEGORIES,
    ),
    "Arrow, dictionaries": lambda: fit(pa.Table.from_pandas(categorical(FRAME))),
    "array of objects": lambda: fit(FRAME.to_numpy(dtype=object), categorical_features=[0, 2]),
    "dense, F order": lambda: fit(np.asfortranarray(dense_of(FRAME))),
    "CSR": lambda: fit(sparse.csr_array(dense_of(FRAME))),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_every_kind_of_table_gives_the_one_hot_model(make):
    model = make()
    np.testing.assert_allclose(model.coef_, ONE_HOT.coef_, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, ONE_HOT.intercept_, rtol=1e-8, atol=1e-9)


class Stream:
    """A table that is nothing but a stream of Arrow."""

    def __init__(self, frame):
        self._table = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Batch:
    """A table that is nothing but one batch of Arrow."""

    def __init__(self, frame):
        (self._batch,) = pa.Table.from_pandas(frame).to_batches()

    def __arrow_c_array__(self, requested_schema=None):
        return self._batch.__arrow_c_array__(requested_schema)


@pytest.mark.parametrize("kind", [Stream, Batch])
def test_what_only_hands_over_arrow_is_read(kind):
    model = fit(kind(categorical(FRAME)))
    np.testing.assert_allclose(model.coef_, ONE_HOT.coef_, rtol=1e-8, atol=1e-9)
    assert model.feature_names_in_.tolist() == list(FRAME)


def test_the_order_of_columns_does_not_matter():
    names = ["member", "size", "age", "city"]
    model, first = fit(categorical(FRAME)[names]), fit(categorical(FRAME))
    assert model.feature_names_in_.tolist() == names
    found = dict(zip(model.get_feature_names_out(), model.coef_[0], strict=True))
    assert sorted(found) == sorted(first.get_feature_names_out())
    ordered = [found[name] for name in first.get_feature_names_out()]
    np.testing.assert_allclose(ordered, ONE_HOT.coef_[0], rtol=1e-8, atol=1e-9)


def test_scikit_learn_agrees():
    encoder = ColumnTransformer([("levels", OneHotEncoder(), CATEGORIES)], remainder="passthrough")
    peer = make_pipeline(encoder, Peer(solver="newton-cholesky", tol=1e-12)).fit(FRAME, Y)
    ours = fit(categorical(FRAME))
    np.testing.assert_allclose(
        ours.predict_proba(categorical(FRAME)), peer.predict_proba(FRAME), rtol=1e-6
    )


@pytest.mark.parametrize("solver", ["newton-cg", "lbfgs", "subsampled-newton"])
def test_every_solver_takes_categories(solver):
    model = LogisticRegression(solver=solver, tol=1e-8, max_iter=2_000).fit(categorical(FRAME), Y)
    assert model.objective_ == pytest.approx(ONE_HOT.objective_, rel=1e-9)


def test_compiled_passes_take_categories():
    model = fit(categorical(FRAME), backend="numba")
    np.testing.assert_allclose(model.coef_, ONE_HOT.coef_, rtol=1e-8, atol=1e-9)


def test_l1_sets_levels_to_zero():
    ours = LogisticRegression(C=0.1, l1_ratio=1.0, tol=1e-10).fit(categorical(FRAME), Y)
    dense = LogisticRegression(C=0.1, l1_ratio=1.0, tol=1e-10).fit(dense_of(FRAME), Y)
    np.testing.assert_array_equal(ours.coef_ == 0.0, dense.coef_ == 0.0)
    np.testing.assert_allclose(ours.coef_, dense.coef_, rtol=1e-6, atol=1e-9)


def test_several_classes_take_categories():
    y = np.array(["a", "b", "c"])[(FRAME.age.to_numpy().astype(int) + FRAME["size"]) % 3]
    ours = LogisticRegression(tol=1e-10).fit(categorical(FRAME), y)
    dense = LogisticRegression(tol=1e-10).fit(dense_of(FRAME), y)
    np.testing.assert_allclose(ours.coef_, dense.coef_, rtol=1e-6, atol=1e-8)
    frame = ours.coefficients()
    assert list(frame) == ["feature", "level", "class", "coefficient"]
    assert len(frame) == 3 * (ours.coef_.shape[1] + 1)


def test_names_and_coefficients():
    model = fit(categorical(FRAME))
    names = [f"city_{c}" for c in ("Bonn", "Hof", "Köln", "Ulm")]
    names += ["age", "size_1", "size_2", "size_3", "size_4", "member"]
    assert model.get_feature_names_out().tolist() == names
    assert model.n_features_in_ == 4
    assert model.feature_names_in_.tolist() == list(FRAME)
    assert model.is_categorical_.tolist() == [True, False, True, False]
    assert [levels.tolist() for levels in model.categories_] == [
        ["Bonn", "Hof", "Köln", "Ulm"],
        [1, 2, 3, 4],
    ]
    frame = model.coefficients()
    assert frame.feature.tolist() == [*["city"] * 4, "age", *["size"] * 4, "member", "(intercept)"]
    assert frame.level.tolist()[:4] == ["Bonn", "Hof", "Köln", "Ulm"]
    np.testing.assert_array_equal(frame.coefficient[:-1], model.coef_[0])
    assert frame.coefficient.iloc[-1] == model.intercept_[0]


def test_without_a_penalty_the_first_level_is_the_reference():
    model = fit(categorical(FRAME), C=np.inf)
    assert model.reference_levels_ == {"city": "Bonn", "size": 1}
    assert "city_Bonn" not in model.get_feature_names_out()
    reference = model.coefficients().set_index("level").coefficient
    assert (reference["Bonn"], reference[1]) == (0.0, 0.0)
    encoder = ColumnTransformer(
        [("levels", OneHotEncoder(drop="first"), CATEGORIES)], remainder="passthrough"
    )
    peer = make_pipeline(encoder, Peer(C=np.inf, solver="newton-cholesky", tol=1e-12))
    peer.fit(FRAME, Y)
    np.testing.assert_allclose(
        model.predict_proba(categorical(FRAME)), peer.predict_proba(FRAME), rtol=1e-5
    )
    assert fit(categorical(FRAME)).reference_levels_ == {}


def test_without_intercept_the_first_category_keeps_its_levels():
    model = fit(categorical(FRAME), C=np.inf, fit_intercept=False)
    assert model.reference_levels_ == {"size": 1}
    assert model.status_.is_optimum


# Other tables.


def test_levels_are_matched_by_value():
    model = fit(categorical(FRAME))
    expected = model.predict_proba(categorical(FRAME))
    other = people(80, seed=3)[0]
    same = model.predict_proba(reordered(other))
    for table in (
        categorical(other),
        other,  # text and integers
        other.astype({"size": float}),
        pl.from_pandas(other),
        pa.Table.from_pandas(other),
    ):
        np.testing.assert_array_equal(model.predict_proba(table), same)
    np.testing.assert_array_equal(model.predict_proba(reordered(FRAME)), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # columns without names
        array = model.predict_proba(other.to_numpy(dtype=object))
    np.testing.assert_array_equal(array, same)


def test_an_unknown_level_is_named_or_ignored():
    new = FRAME.head(5).assign(city=["Ulm", "Ulmm", "Bonn", "Ulmm", "Hof"])
    model = fit(categorical(FRAME))
    pattern = r"column 'city' has 'Ulmm', .* in 2 rows, the first in row 1 .*did you mean 'Ulm'"
    with pytest.raises(InvalidDataError, match=pattern):
        model.predict(new)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(FRAME[["city"]])
    decision = model.set_params(handle_unknown="ignore").decision_function(new)
    city = encoder.transform(new[["city"]]) @ model.coef_[0, :4]
    rest = model.decision_function(new.assign(city="Ulm")) - model.coef_[0, 3]
    np.testing.assert_allclose(decision, city + rest)


def test_infrequent_levels_share_a_coefficient():
    model = fit(categorical(FRAME), min_frequency=0.05, handle_unknown="infrequent")
    assert model.get_feature_names_out().tolist()[:4] == [
        "city_Bonn",
        "city_Köln",
        "city_Ulm",
        "city_infrequent",
    ]
    assert [None if x is None else x.tolist() for x in model.infrequent_categories_] == [
        ["Hof"],
        None,
    ]
    rows = FRAME.head(2).assign(city=["Hof", "Paris"], age=40.0, size=1, member=False)
    assert np.ptp(model.decision_function(rows)) == 0.0
    encoder = OneHotEncoder(min_frequency=0.05, sparse_output=False)
    columns = encoder.fit_transform(FRAME[["city"]])
    dense = np.column_stack([columns, dense_of(FRAME)[:, 4:]])
    np.testing.assert_allclose(model.coef_, fit(dense).coef_, rtol=1e-8, atol=1e-9)


def test_missing_categories():
    frame = categorical(FRAME)
    frame.loc[[3, 7, 8], "city"] = None
    with pytest.raises(InvalidDataError, match="'city' has 3 missing values, the first in row 3"):
        fit(frame)
    own = fit(frame, handle_missing="category")
    assert own.get_feature_names_out()[4] == "city_missing"
    filled = fit(frame.astype({"city": object}).fillna("~").astype({"city": "category"}))
    np.testing.assert_allclose(own.coef_, filled.coef_, rtol=1e-8, atol=1e-9)
    none = fit(frame, handle_missing="ignore")
    dense = dense_of(FRAME)
    dense[[3, 7, 8], :4] = 0.0
    np.testing.assert_allclose(none.coef_, fit(dense).coef_, rtol=1e-8, atol=1e-9)


def test_a_level_seen_once_and_a_table_of_categories_only():
    frame = FRAME[CATEGORIES].copy()
    frame.loc[11, "city"] = "Rom"
    model = fit(categorical(frame))
    encoder = OneHotEncoder(sparse_output=False)
    dense = fit(encoder.fit_transform(frame))
    np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    "y",
    [pd.Series(Y, dtype="category"), pl.Series(Y, dtype=pl.Enum(["yes", "no"]))],
    ids=["pandas", "polars"],
)
def test_a_categorical_target(y):
    model = LogisticRegression(tol=1e-11).fit(categorical(FRAME), y)
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(model.coef_, ONE_HOT.coef_, rtol=1e-8, atol=1e-9)


def test_numbers_of_a_frame_are_read_where_they_lie(monkeypatch):
    from fastlogreg.estimators import reading, validation

    matrix = np.random.default_rng(0).standard_normal((50, 3))
    frame = pd.DataFrame(np.asfortranarray(matrix), columns=list("abc"), copy=False)
    table = validation.check_table(LogisticRegression(), frame, reset=True)
    assert np.shares_memory(table.matrix, frame.to_numpy())
    monkeypatch.setattr(reading, "_FEW_CELLS", 0)
    mixed = frame.assign(d=np.arange(50))
    table = validation.check_table(LogisticRegression(), mixed, reset=True)
    design = table.design("numpy", 1)
    assert np.shares_memory(design.X.numbers[3], mixed.d.to_numpy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f, "1 column, 'city' .*not numbers"),
        (lambda f: f.assign(city=pd.Timestamp("2020-01-01")), "'city' .*Derive numbers from dates"),
        (lambda f: f.drop(columns="city").assign(age=np.nan), "NaN"),
        (lambda f: f.drop(columns="city").assign(age=np.inf), "infinite"),
        (lambda f: categorical(f).head(0), r"0 sample\(s\)"),
        (lambda f: pd.concat([f.age, f.age], axis=1), "2 columns named 'age'"),
    ],
)
def test_tables_that_cannot_be_fitted(change, message):
    frame = change(FRAME)
    with pytest.raises(InvalidDataError, match=message):
        LogisticRegression().fit(frame, Y[: len(frame)])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"categorical_features": ["town"]}, "names 'town', which is no column"),
        ({"categorical_features": [7]}, "holds 7, but X has 4 columns"),
        ({"categorical_features": [-1]}, "holds -1, but X has 4 columns"),
        ({"categorical_features": [True]}, "mask of shape"),
        ({"categorical_features": "dtype"}, "expected one of 'from_dtype'"),
        ({"handle_unknown": "drop"}, "handle_unknown is 'drop'"),
        ({"handle_missing": "drop"}, "handle_missing is 'drop'"),
        ({"min_frequency": 0}, "min_frequency is 0"),
        ({"min_frequency": 1.5}, "min_frequency is 1.5"),
    ],
)
def test_parameters_that_fit_no_table(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        LogisticRegression(**parameters).fit(categorical(FRAME), Y)


def test_files_pickles_and_searches_keep_the_categories(tmp_path):
    model = fit(categorical(FRAME), min_frequency=10)
    save(model, tmp_path / "m.json")
    for back in (load(tmp_path / "m.json"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(back.predict_proba(FRAME), model.predict_proba(FRAME))
        assert back.get_feature_names_out().tolist() == model.get_feature_names_out().tolist()
    search = GridSearchCV(LogisticRegression(handle_unknown="ignore"), {"C": [0.1, 1.0]}, cv=3)
    assert search.fit(categorical(FRAME), Y).best_score_ > 0.5


def test_a_second_fit_on_an_array_forgets_the_categories():
    model = fit(categorical(FRAME))
    model.fit(dense_of(FRAME), Y)
    assert model.is_categorical_ is None
    assert model.get_feature_names_out().tolist()[:2] == ["x0", "x1"]
    np.testing.assert_array_equal(model.coef_, ONE_HOT.coef_)


@pytest.mark.parametrize("others", [[], ["x"], ["x", "other"]])
def test_a_category_of_one_level_without_a_penalty_has_no_coefficient(backend, others):
    """Its only level is the reference; the rest is fitted as if it were not there."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "one": pd.Categorical(["a"] * 200),
            "x": rng.standard_normal(200),
            "other": pd.Categorical(["b"] * 200),
        }
    )
    y = rng.integers(0, 2, 200)
    model = LogisticRegression(C=np.inf, backend=backend).fit(table[["one", *others]], y)
    assert model.coef_.shape == (1, len(others[:1]))
    peer = LogisticRegression(C=np.inf, backend="numpy").fit(np.c_[table["x"]], y)
    expected = peer.predict_proba(np.c_[table["x"]])[:, 1] if others else y.mean()
    found = model.predict_proba(table[["one", *others]])[:, 1]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("wanted", [[[0]], np.array([["city"]])])
def test_categorical_features_of_two_dimensions_are_refused(wanted):
    with pytest.raises(InvalidParameterTypeError, match="categorical_features is "):
        LogisticRegression(categorical_features=wanted).fit(FRAME, Y)


def test_thousands_of_levels_form_no_matrix_of_levels_by_levels():
    m, rng = 20_000, np.random.default_rng(0)
    codes = np.concatenate([np.arange(m), rng.integers(0, m, m)])
    x = rng.standard_normal(2 * m)
    frame = pd.DataFrame({"key": pd.Categorical.from_codes(codes, np.arange(m)), "x": x})
    y = x + rng.standard_normal(2 * m) > 0.0
    tracemalloc.start()
    model = LogisticRegression(solver="newton-cholesky", backend="numpy", tol=1e-9).fit(frame, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < m * m * 8 / 32  # a 32nd of that matrix
    one_hot = sparse.csr_array((np.ones(2 * m), codes, np.arange(2 * m + 1)), shape=(2 * m, m))
    verdict = judge(sparse.hstack([one_hot, x[:, None]]), y, model.coef_, model.intercept_)
    assert verdict.gradient_norm <= 2e-9


def test_a_query_is_told_how_to_become_a_frame():
    query = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}).lazy()
    with pytest.raises(InvalidDataTypeError, match=r"LazyFrame, a query.*collect"):
        LogisticRegression().fit(query, [0, 1, 0, 1])
