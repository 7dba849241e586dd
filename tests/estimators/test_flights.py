"""The flights, one-hot encoded: the same coefficients as scikit-learn's."""

import numpy as np
import pandas as pd
import pytest

from fastlogreg import LogisticRegression
from fastlogreg.cli.flights import TARGET, load_flights
from tests.estimators.test_logistic_regression import assert_same_coefficients, peer_at_1e_12


@pytest.fixture(scope="module")
def flights():
    """Return X of some 160 columns, y and weights, of 12,000 flights drawn at random."""
    table, _ = load_flights(15_000, seed=0)
    frame = table.drop_columns([TARGET, "tailnum"]).to_pandas()
    X = pd.get_dummies(frame).astype(np.float64)
    weights = np.random.default_rng(0).uniform(0.1, 3.0, len(X))
    return X, np.asarray(table[TARGET]), weights


@pytest.fixture(scope="module", params=[False, True], ids=["unweighted", "weighted"])
def peer(request, flights):
    X, y, weights = flights
    weights = weights if request.param else None
    return weights, peer_at_1e_12(X, y, weights)


def test_agrees_with_scikit_learn_on_the_flights(flights, peer, backend):
    X, y, _ = flights
    weights, theirs = peer
    ours = LogisticRegression(backend=backend, tol=1e-12).fit(X, y, weights)
    assert ours.history_[-1].gradient_norm <= 1e-12
    assert_same_coefficients(ours, theirs)
    assert ours.coef_.shape[1] > 150
