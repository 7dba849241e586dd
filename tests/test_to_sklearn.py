"""to_sklearn: scikit-learn's own estimator, fitted, of the same probabilities."""

import itertools
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from fastlogreg import LogisticRegression
from fastlogreg.errors import ConversionError, FastLogRegError
from tests.problems import correlated, several

POLICIES = list(
    itertools.product(["error", "ignore", "infrequent"], ["error", "category", "ignore"])
)


def quiet(peer, X):
    """Return probabilities without the encoder's notes that it met what it does not know."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found unknown categories in columns", UserWarning)
        return peer.predict_proba(X)


def close(peer, model, X, rtol=1e-12):
    ours, theirs = model.predict_proba(X), quiet(peer, X)
    assert theirs.shape == ours.shape
    np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=rtol)


def frame(n=300, seed=0):
    """Return a table of categories of every kind between numbers, and labels."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "first": rng.choice(["u", "v", "w", "rare", "rarer"], n, p=[0.4, 0.3, 0.2, 0.06, 0.04]),
            "x": rng.standard_normal(n),
            "z": rng.standard_normal(n),
            "whole": rng.choice([3, 10, -2], n),
            "real": rng.choice([0.5, 1.5, -7.25], n),
            "flag": rng.choice([True, False], n),
            "y": rng.standard_normal(n),
        }
    )
    chosen = ["first", "whole", "real", "flag"]
    margin = table["x"] + (table["first"] == "u") - table["flag"] + 0.1 * table["whole"]
    return table, np.where(margin > rng.logistic(size=n), "yes", "no"), chosen


def with_missing(table, chosen, seed=1):
    """Return a table some of whose categories are missing."""
    rng = np.random.default_rng(seed)
    return table.assign(**{name: table[name].mask(rng.random(len(table)) < 0.1) for name in chosen})


def fitted(table, y, chosen, **parameters):
    model = LogisticRegression(backend="numpy", categorical_features=chosen, tol=1e-4, **parameters)
    return model.fit(table, y)


# Numbers.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_model_of_numbers_is_a_logistic_regression(dtype, n_classes):
    X, y, _ = several(300, 4, n_classes)
    X = X.astype(dtype)
    labels = np.array(["ash", "birch", "cedar"], dtype=object)[y]
    model = LogisticRegression(C=0.3, class_weight="balanced", backend="numpy").fit(X, labels)
    peer = model.to_sklearn()
    assert type(peer) is Peer
    check_is_fitted(peer)
    assert peer.coef_.dtype == dtype
    assert (peer.coef_ == model.coef_).all()
    assert (peer.intercept_ == model.intercept_).all()
    assert (peer.classes_ == model.classes_).all()
    assert (peer.n_iter_ == model.n_iter_).all()
    assert peer.n_features_in_ == 4
    assert not hasattr(peer, "feature_names_in_")
    assert (peer.C, peer.class_weight) == (0.3, "balanced")
    close(peer, model, X, rtol=1e-12 if dtype == np.float64 else 1e-6)
    close(peer, model, csr_matrix(X), rtol=1e-12 if dtype == np.float64 else 1e-6)
    assert (peer.predict(X) == model.predict(X)).all()


def test_names_of_columns_are_checked_by_the_peer():
    X, y, _ = correlated(200, 3)
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    peer = LogisticRegression(backend="numpy").fit(table, y).to_sklearn()
    assert peer.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        peer.predict(table[["b", "a", "c"]])


@pytest.mark.parametrize("parameters", [{"l1_ratio": 1.0}, {"l1_ratio": 0.5}, {"C": np.inf}, {}])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_fitted_again_the_peer_finds_the_same(parameters, fit_intercept):
    """Its parameters are those of the same problem, so that clones of it make sense."""
    X, y, _ = correlated(200, 3)
    model = LogisticRegression(
        backend="numpy", fit_intercept=fit_intercept, tol=1e-9, **parameters
    ).fit(X, y)
    peer = model.to_sklearn()
    before = peer.predict_proba(X)
    again = clone(peer).set_params(tol=1e-9, max_iter=10_000)
    with warnings.catch_warnings():
        # scikit-learn 1.8 says so of its own C=inf.
        warnings.filterwarnings("ignore", "Setting penalty=None will ignore", UserWarning)
        again.fit(X, y)
    np.testing.assert_allclose(again.predict_proba(X), before, atol=1e-5)


def test_the_peer_shares_nothing_with_the_model():
    X, y, _ = correlated(200, 3)
    model = LogisticRegression(backend="numpy").fit(X, y)
    before = model.predict_proba(X)
    peer = model.to_sklearn()
    for name in ("coef_", "intercept_", "classes_", "n_iter_"):
        assert not np.shares_memory(getattr(peer, name), getattr(model, name))
    peer.coef_ *= 2.0
    assert (model.predict_proba(X) == before).all()


# Categories.


@pytest.mark.parametrize(("unknown", "missing"), POLICIES)
@pytest.mark.parametrize("min_frequency", [None, 40])
def test_rows_of_every_kind_have_the_same_probabilities(unknown, missing, min_frequency):
    table, y, chosen = frame()
    policy = {"handle_unknown": unknown, "handle_missing": missing, "min_frequency": min_frequency}
    seen = table if missing == "error" else with_missing(table, chosen)
    model = fitted(seen, y, chosen, **policy)
    peer = model.to_sklearn()
    assert type(peer) is Pipeline
    check_is_fitted(peer)
    close(peer, model, seen)
    close(peer, model, table)  # whole numbers are of another type where none is missing
    others = table.assign(first="new", whole=99, real=0.25)
    if unknown == "error":
        with pytest.raises(ValueError, match="unknown categories"):
            peer.predict(others)
    else:
        close(peer, model, others)
        if missing != "error":
            close(peer, model, with_missing(others, chosen))


@pytest.mark.parametrize(("unknown", "missing"), POLICIES)
def test_missing_values_of_a_fit_without_any(unknown, missing):
    table, y, chosen = frame()
    model = fitted(
        table, y, chosen, handle_unknown=unknown, handle_missing=missing, min_frequency=40
    )
    peer = model.to_sklearn()
    close(peer, model, table)
    if missing == "ignore" or (missing == "category" and unknown != "error"):
        close(peer, model, with_missing(table, chosen))
    elif unknown == "error":
        with pytest.raises(ValueError, match="unknown categories"):
            peer.predict(with_missing(table, chosen))


@pytest.mark.parametrize("missing", [None, np.nan])
def test_none_and_nan_are_both_missing(missing):
    table, y, _ = frame()
    first = table["first"].astype(object).where(table["first"] != "v", missing)
    seen = table[["x"]].assign(first=pd.Series(first, dtype=object))
    for policy in ("category", "ignore"):
        model = fitted(seen, y, ["first"], handle_missing=policy)
        close(model.to_sklearn(), model, seen)
        other = seen.assign(first=pd.Series([np.nan, None, "u"] * 100, dtype=object))
        close(model.to_sklearn(), model, other)


@pytest.mark.parametrize("kind", ["string", "Int64", "boolean", "polars"])
def test_missing_values_of_other_types(kind):
    rng = np.random.default_rng(0)
    values = {"Int64": [1, 2, None], "boolean": [True, False, None]}.get(kind, ["u", "v", None])
    column = [values[k] for k in rng.integers(0, 3, 200)]
    numbers = rng.standard_normal(200)
    if kind == "polars":
        table = pl.DataFrame({"c": column, "x": numbers})
    else:
        table = pd.DataFrame({"c": pd.Series(column, dtype=kind), "x": numbers})
    model = fitted(table, rng.integers(0, 2, 200), ["c"], handle_missing="category")
    peer = model.to_sklearn()
    if kind == "string":  # scikit-learn does not know pandas.NA in text
        with pytest.raises(ValueError, match="unknown categories"):
            peer.predict(table)
        table = table.assign(c=pd.Series(column, dtype=object))
    close(peer, model, table)


@pytest.mark.parametrize(
    "values",
    [["a", "b"], [1, 2], [0.5, 2.0], [True, False], ["a", "b", None], [1, 2, None]],
    ids=str,
)
def test_a_categorical_type_of_any_values(values):
    rng = np.random.default_rng(0)
    column = pd.Categorical([values[k] for k in rng.integers(0, len(values), 200)])
    table = pd.DataFrame({"c": column, "x": rng.standard_normal(200)})
    y = rng.integers(0, 2, 200)
    model = LogisticRegression(backend="numpy", handle_missing="category").fit(table, y)
    peer = model.to_sklearn()
    close(peer, model, table)
    # Values count: other types and orders of levels, and other orders of columns here.
    other = table.assign(c=table["c"].cat.reorder_categories(table["c"].cat.categories[::-1]))
    close(peer, model, other)
    np.testing.assert_allclose(
        peer.predict_proba(table[["x", "c"]]), model.predict_proba(table), rtol=1e-12
    )


def test_reference_levels_have_the_coefficient_0():
    table, y, chosen = frame()
    for parameters in ({}, {"fit_intercept": False}, {"min_frequency": 290}):
        model = fitted(table, y, chosen, C=np.inf, handle_unknown="ignore", **parameters)
        assert model.reference_levels_
        peer = model.to_sklearn()
        close(peer, model, table)
        close(peer, model, table.assign(first="new"))


def test_columns_of_which_every_value_is_infrequent_or_missing():
    table, y, chosen = frame()
    model = fitted(table, y, chosen, min_frequency=250, handle_unknown="infrequent")
    close(model.to_sklearn(), model, table)
    close(model.to_sklearn(), model, table.assign(first="new"))
    nothing = table[["x"]].assign(c=np.full(len(table), np.nan))
    model = fitted(nothing, y, ["c"], handle_missing="category")
    close(model.to_sklearn(), model, nothing)


def test_several_classes_with_categories():
    table, _, chosen = frame()
    y = np.random.default_rng(2).choice(["ash", "birch", "cedar"], len(table))
    model = fitted(table, y, chosen, min_frequency=40)
    peer = model.to_sklearn()
    assert peer.classes_.tolist() == ["ash", "birch", "cedar"]
    close(peer, model, table)
    assert (peer.predict(table) == model.predict(table)).all()


@pytest.mark.parametrize("dtype", [object, np.float64, np.int64])
def test_arrays_with_categories(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, (200, 4)).astype(dtype)
    if dtype is object:
        X[:, 1] = rng.choice(["a", "b"], 200)
        X[:, 2] = rng.standard_normal(200)
    model = fitted(X, rng.integers(0, 2, 200), [0, 1], handle_unknown="ignore")
    peer = model.to_sklearn()
    close(peer, model, X)
    assert not hasattr(peer, "feature_names_in_")


def test_names_are_those_of_the_model():
    table, y, chosen = frame()
    model = fitted(table, y, chosen, handle_unknown="ignore")
    peer = model.to_sklearn()
    assert peer.feature_names_in_.tolist() == list(table)
    assert peer[:-1].get_feature_names_out().tolist() == model.get_feature_names_out().tolist()
    assert (peer["classifier"].coef_ == model.coef_).all()


def test_the_encoders_have_our_parameters_and_are_fitted_again_with_them():
    table, y, chosen = frame()
    model = fitted(table, y, chosen, handle_unknown="infrequent", min_frequency=0.1)
    peer = model.to_sklearn()
    encoder = peer["columns"].named_transformers_["category_0"]
    assert encoder.min_frequency == 0.1
    assert encoder.infrequent_categories_[0].tolist() == ["rare", "rarer"]
    again = clone(peer).set_params(classifier__tol=1e-10).fit(table, y)
    np.testing.assert_allclose(again.predict_proba(table), model.predict_proba(table), atol=1e-3)


def test_many_levels_stay_sparse():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"c": rng.integers(0, 1_000, 3_000), "x": rng.standard_normal(3_000)})
    model = fitted(table, rng.integers(0, 2, 3_000), ["c"], max_iter=50)
    peer = model.to_sklearn()
    assert issparse(peer[:-1].transform(table))
    close(peer, model, table)


def test_a_pickle_of_the_peer_needs_nothing_of_ours(run_python, tmp_path):
    table, y, chosen = frame()
    path = tmp_path / "peer.pickle"
    path.write_bytes(pickle.dumps((fitted(table, y, chosen).to_sklearn(), table)))
    code = f"""
import pickle, sys
from pathlib import Path
peer, table = pickle.loads(Path({str(path)!r}).read_bytes())
peer.predict_proba(table)
print([name for name in sys.modules if name.startswith("fastlogreg")])
"""
    assert run_python(code) == "[]"


def test_output_set_to_pandas_changes_nothing():
    table, y, chosen = frame()
    model = fitted(table, y, chosen)
    with sklearn.config_context(transform_output="pandas"):
        peer = model.to_sklearn()
    close(peer, model, table)
    assert isinstance(peer["columns"], ColumnTransformer)


# What cannot be said.


def test_an_unfitted_model_is_refused():
    with pytest.raises(NotFittedError):
        LogisticRegression().to_sklearn()


@pytest.mark.parametrize(
    "values", [["a", 1], [b"a", b"b"], [1, np.inf], [1, 2**70], [(1, 2), (3,)]], ids=str
)
def test_categories_that_an_encoder_cannot_hold_are_named(values):
    rng = np.random.default_rng(0)
    column = np.empty(200, dtype=object)
    column[:] = [values[k] for k in rng.integers(0, 2, 200)]
    table = pd.DataFrame({"x": rng.standard_normal(200), "odd": column})
    model = fitted(table, rng.integers(0, 2, 200), ["odd"])
    with pytest.raises(ConversionError, match="column 'odd' has categories") as info:
        model.to_sklearn()
    assert isinstance(info.value, FastLogRegError | ValueError)


def test_without_pandas_named_categories_say_what_to_install(monkeypatch):
    table, y, chosen = frame()
    model = fitted(table, y, chosen)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        model.to_sklearn()


def test_an_unfinished_fit_is_converted_as_it_is():
    X, y, _ = correlated(200, 3)
    with pytest.warns(ConvergenceWarning):
        model = LogisticRegression(backend="numpy", max_iter=1).fit(X, y)
    close(model.to_sklearn(), model, X)


# Further.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_onnx_gives_the_same_probabilities(n_classes):
    onnxruntime = pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    table, _, _ = frame()
    table = table[["first", "x", "z", "whole"]]
    y = np.array(["ash", "birch", "cedar"])[np.random.default_rng(2).integers(0, n_classes, 300)]
    model = fitted(table, y, ["first", "whole"], handle_unknown="ignore")
    types = {"first": StringTensorType, "whole": Int64TensorType}
    onnx = skl2onnx.to_onnx(
        model.to_sklearn(),
        initial_types=[(name, types.get(name, FloatTensorType)([None, 1])) for name in table],
        options={"zipmap": False},
    )
    session = onnxruntime.InferenceSession(
        onnx.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    others = table.assign(first=["new", *table["first"][1:]])
    columns = {name: others[[name]].to_numpy() for name in others}
    columns["first"] = columns["first"].astype(object)
    columns |= {name: columns[name].astype(np.float32) for name in ("x", "z")}
    labels, probabilities = session.run(None, columns)
    np.testing.assert_allclose(probabilities, model.predict_proba(others), atol=1e-6)
    assert (labels == model.predict(others)).all()
