"""The public names, and what importing and fitting load."""

import inspect

import pytest

import fastlogreg

HEAVY = ("numba", "pandas", "matplotlib", "sklearn", "click", "rich")


def test_public_names_are_those_promised():
    assert sorted(fastlogreg.__all__) == [
        "LogisticRegression",
        "LogisticRegressor",
        "Plan",
        "SeparationWarning",
        "Status",
        "Step",
        "__version__",
        "load",
        "save",
        "warmup",
    ]
    assert dir(fastlogreg) == sorted(fastlogreg.__all__)
    for name in fastlogreg.__all__:
        assert getattr(fastlogreg, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'LinearRegression'"):
        _ = fastlogreg.LinearRegression


def test_parameters_are_those_promised():
    parameters = inspect.signature(fastlogreg.LogisticRegression).parameters
    assert {name: p.default for name, p in parameters.items()} == {
        "C": 1.0,
        "l1_ratio": 0.0,
        "fit_intercept": True,
        "class_weight": None,
        "tol": 1e-6,
        "max_iter": 100,
        "solver": "auto",
        "backend": "auto",
        "n_threads": None,
        "categorical_features": "from_dtype",
        "handle_unknown": "error",
        "min_frequency": None,
        "handle_missing": "error",
        "warm_start": False,
        "random_state": None,
        "callback": None,
        "verbose": 0,
    }


def test_importing_the_package_loads_nothing_heavy(run_python):
    code = f"import sys, fastlogreg; print([m for m in {HEAVY} if m in sys.modules])"
    assert run_python(code) == "[]"


def test_a_fit_without_numba_never_imports_it(run_python):
    code = """
import sys
import numpy as np
from fastlogreg import LogisticRegression
X = np.random.default_rng(0).standard_normal((500, 30))
y = X[:, 0] + X[:, 1] ** 2 > 1.0
for backend in ("auto", "numpy"):
    model = LogisticRegression(backend=backend).fit(X, y)
    model.predict_proba(X)
    print(model.backend_, [m for m in ("numba", "matplotlib") if m in sys.modules])
"""
    assert run_python(code) == "numpy []\nnumpy []"
