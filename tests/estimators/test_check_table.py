"""The short way past scikit-learn's validation changes nothing that one can see."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.validation import column_or_1d

from fastlogreg import LogisticRegression
from fastlogreg.estimators import labels, validation
from tests.problems import correlated

X, Y, _ = correlated(40, 3)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SPOILT = X.copy()
SPOILT[3, 1] = np.nan

TABLES = {
    "float64": X,
    "float32": X.astype(np.float32),
    "F order": np.asfortranarray(X),
    "strided": X[::2],
    "integers": X.astype(np.int64),
    "half": X.astype(np.float16),
    "long double": X.astype(np.longdouble),
    "byte-swapped": X.astype(X.dtype.newbyteorder()),
    "list": X.tolist(),
    "1-D": X[:, 0],
    "3-D": X[None],
    "scalar": np.float64(3.0),
    "object": X.astype(object),
    "text": np.full((40, 3), "a"),
    "NaN": SPOILT,
    "no rows": X[:0],
    "no columns": X[:, :0],
    "two columns": X[:, :2],
    "complex": X + 1j,
    "matrix": np.matrix(X),
    "masked": np.ma.masked_array(X, X > 1.0),
    "DataFrame": FRAME,
    "DataFrame, other names": FRAME.rename(columns={"a": "z"}),
}
COLUMNS = {
    "integers": Y,
    "bool": Y == 1,
    "float": Y * 1.0,
    "half": Y.astype(np.float16),
    "strided": np.repeat(Y, 2)[::2],
    "text": Y.astype(str),
    "object": Y.astype(object),
    "list": Y.tolist(),
    "Series": pd.Series(Y),
    "column": Y[:, None],
    "row": Y[None],
    "complex": Y * 1j,
    "masked": np.ma.masked_array(Y, Y > 5),
    "no labels": Y[:0],
}


def outcome(call):
    """Return what a call gave, its error, and its warnings, as things to compare."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = call()
            result = (type(found), found.dtype, found.shape, found.tobytes())
        except Exception as error:
            result = (type(error), str(error))
    return result, [(one.category, str(one.message)) for one in caught]


def state(estimator):
    names = getattr(estimator, "feature_names_in_", np.array([]))
    return getattr(estimator, "n_features_in_", None), names.tolist()


def checked(table, first, *, reset, plain):
    """Check a table with an estimator that has seen another; return all that one can see."""
    estimator = LogisticRegression()
    if first is not None:
        validation.check_table(estimator, first, reset=True)
    with pytest.MonkeyPatch.context() as patch:
        if not plain:
            patch.setattr(validation, "_is_plain_table", lambda X: False)
        found = outcome(lambda: validation.check_table(estimator, table, reset=reset).matrix)
    return found, state(estimator)


@pytest.mark.parametrize("first", [None, X, FRAME], ids=["new", "after array", "after DataFrame"])
@pytest.mark.parametrize("reset", [True, False], ids=["fit", "predict"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_checked_as_scikit_learn_does(table, reset, first):
    ours = checked(table, first, reset=reset, plain=True)
    assert ours == checked(table, first, reset=reset, plain=False)


def test_a_plain_array_is_not_copied_and_not_given_to_scikit_learn(monkeypatch):
    monkeypatch.setattr(validation, "validate_data", None)
    monkeypatch.setattr(labels, "column_or_1d", None)
    model = LogisticRegression().fit(X, Y)
    assert validation.check_table(model, X, reset=False).matrix is X


@pytest.mark.parametrize("y", COLUMNS.values(), ids=COLUMNS)
def test_labels_that_go_past_scikit_learn_are_those_that_it_returns_as_they_are(y):
    if labels._is_plain_column(y):
        assert outcome(lambda: y) == outcome(lambda: column_or_1d(y, warn=True))


def test_an_array_after_a_data_frame_is_warned_about_and_refitted_without_names():
    model = LogisticRegression().fit(FRAME, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    model.fit(X, Y)
    assert not hasattr(model, "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_other_columns_than_at_fit_are_told():
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features"):
        model.predict(X[:, :2])
