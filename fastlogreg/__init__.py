"""Logistic regression for large tables on multicore CPUs.

Importing this package loads neither numba nor pandas nor matplotlib, and not
scikit-learn either until a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "LogisticRegression": "fastlogreg.estimators.logistic_regression",
    "LogisticRegressor": "fastlogreg.estimators.logistic_regressor",
    "Plan": "fastlogreg.planner",
    "SeparationWarning": "fastlogreg.errors",
    "Status": "fastlogreg.solvers",
    "Step": "fastlogreg.solvers",
    "load": "fastlogreg.persistence",
    "save": "fastlogreg.persistence",
    # The module has another name than the function, which it would stand in for once imported.
    "warmup": "fastlogreg.precompile",
}

__all__ = [
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

if TYPE_CHECKING:
    from fastlogreg.errors import SeparationWarning
    from fastlogreg.estimators.logistic_regression import LogisticRegression
    from fastlogreg.estimators.logistic_regressor import LogisticRegressor
    from fastlogreg.persistence import load, save
    from fastlogreg.planner import Plan
    from fastlogreg.precompile import warmup
    from fastlogreg.solvers import Status, Step


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
