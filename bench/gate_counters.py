"""What needs no clock: counts of a few fits, which two revisions must have alike.

Each fit runs on one thread and on a small seeded table, so that its counts are the same in
every run of a revision on one machine:

- passes (``n_passes_``), iterations, and calls of each whole pass of the backend;
- the peak of memory that Python and NumPy allocate during the fit.  `PEAK_SLACK` bytes are
  forgiven, for it is not the same in every run: buffers of the interpreter and of numba move
  it by up to 3 kB.  An array of the rows of these tables more, 9.6 kB, is seen;
- how many specialisations of how many kernels are loaded or compiled after all of them;
- modules that an import and a fit on NumPy load, in processes of their own.

A count that grows is a regression, one that shrinks is told.  A count that differs between
two runs of one revision is not compared, but must do so in both.
"""

from __future__ import annotations

import functools
import gc
import importlib
import os
import subprocess
import sys
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.gate_statistics import Outcome

__all__ = ["FITS", "PEAK_SLACK", "Change", "answer", "compare_counters", "count_fits"]

PEAK_SLACK = 8_192
_SMALL = (1_200, 8)
_LONG = (20_000, 8)

# Name, shape, classes, and the estimator's parameters.
FITS: dict[str, tuple[tuple[int, int], int, dict[str, Any]]] = {
    "NumPy newton-cholesky": (_SMALL, 2, {"backend": "numpy", "solver": "newton-cholesky"}),
    "NumPy lbfgs": (_SMALL, 2, {"backend": "numpy", "solver": "lbfgs"}),
    "newton-cholesky": (_SMALL, 2, {"solver": "newton-cholesky"}),
    "lbfgs": (_SMALL, 2, {"solver": "lbfgs"}),
    "newton-cg": (_SMALL, 2, {"solver": "newton-cg"}),
    "prox-newton": (_SMALL, 2, {"solver": "prox-newton", "l1_ratio": 1.0, "C": 0.05}),
    "subsampled-newton": (_LONG, 2, {"solver": "subsampled-newton"}),
    "softmax newton-cholesky": (_SMALL, 3, {"solver": "newton-cholesky"}),
}


@dataclass(frozen=True)
class Change:
    """A counter at both revisions, and what is concluded."""

    name: str
    before: Any
    now: Any
    outcome: Outcome
    note: str = ""


def count_fits() -> dict[str, Any]:
    """Return the counters of every fit in this process, by name."""
    found: dict[str, Any] = {}
    for name in FITS:
        try:
            found |= {f"{what}, {name}": count for what, count in _count_fit(name).items()}
        except Exception as error:  # an older revision may lack anything
            found[f"fit, {name}"] = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return found | _specialisations()


def answer(package: str) -> dict[str, Any]:
    """Return all counters of the package in a folder, which this process has imported."""
    return count_fits() | _loaded_modules(package)


def compare_counters(
    before: tuple[Mapping[str, Any], Mapping[str, Any]],
    now: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> list[Change]:
    """Return what became of every counter; each revision was counted twice."""
    names = list(dict.fromkeys([*before[0], *now[0]]))
    return [_compare(name, before, now) for name in names]


def _compare(
    name: str,
    before: tuple[Mapping[str, Any], Mapping[str, Any]],
    now: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Change:
    a, b = before[0].get(name), now[0].get(name)
    if b is None:
        return Change(name, a, b, Outcome.MISSING)
    if a is None:
        return Change(name, a, b, Outcome.NEW)
    slack = PEAK_SLACK if name.startswith("peak bytes") else 0
    wavers = [_differ(side[0].get(name), side[1].get(name), slack) for side in (before, now)]
    if wavers[1]:
        if wavers[0]:
            return Change(name, a, b, Outcome.OK, "differs between runs of one revision")
        return Change(name, a, b, Outcome.REGRESSED, "was the same in every run, and is not now")
    if isinstance(b, list):
        added = sorted(set(b) - set(a))
        return Change(name, a, b, Outcome.REGRESSED if added else Outcome.OK, ", ".join(added))
    if isinstance(a, str) or isinstance(b, str):
        return Change(name, a, b, Outcome.OK if a == b else Outcome.REGRESSED)
    if not _differ(a, b, slack):
        return Change(name, a, b, Outcome.OK)
    if name.startswith("own modules"):
        return Change(name, a, b, Outcome.OK, "told only: a file may be cut in two")
    return Change(name, a, b, Outcome.REGRESSED if b > a else Outcome.FASTER)


def _differ(a: Any, b: Any, slack: int) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) > slack
    return bool(a != b)


def _count_fit(name: str) -> dict[str, Any]:
    from fastlogreg import LogisticRegression

    shape, n_classes, parameters = FITS[name]
    X, y = _table(shape, n_classes)
    settings = {"backend": "numba", "n_threads": 1, "tol": 1e-8, "max_iter": 500, **parameters}

    def fit() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return LogisticRegression(**settings).fit(X, y)

    fit()  # loads code, whose memory is not the fit's
    with _calls_of(settings["backend"]) as calls:
        model = fit()
    counts: dict[str, Any] = {
        "passes": round(float(model.n_passes_), 6),  # a sum of shares of passes, in any order
        "iterations": int(np.max(model.n_iter_)),
    }
    counts |= {f"calls of {function}": count for function, count in sorted(calls.items())}
    return counts | {"peak bytes": _peak(fit)}


def _table(shape: tuple[int, int], n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    X = rng.standard_normal(shape) * np.linspace(0.5, 2.0, shape[1])
    odds = X @ rng.standard_normal((shape[1], n_classes)) / 3.0
    return X, np.argmax(odds + rng.gumbel(size=odds.shape), axis=1)


def _peak(fit: Any) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        fit()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@contextmanager
def _calls_of(backend: str) -> Iterator[Counter[str]]:
    """Count the calls of every whole pass of a backend while the block runs."""
    module: Any = importlib.import_module("fastlogreg.design").load_backend(backend)
    calls: Counter[str] = Counter()
    kept = {name: getattr(module, name) for name in module.__all__}

    def counting(name: str, function: Any) -> Any:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **named)

        return call

    try:
        for name, function in kept.items():
            setattr(module, name, counting(name, function))
        yield calls
    finally:
        for name, function in kept.items():
            setattr(module, name, function)


def _loaded_modules(package: str) -> dict[str, Any]:
    """Return what imports load, each in a process of its own."""
    scripts = {
        "import fastlogreg": "import fastlogreg",
        "NumPy fit": (
            "import numpy as np; from fastlogreg import LogisticRegression; "
            "X = np.arange(40.0).reshape(20, 2) % 7; "
            "LogisticRegression(backend='numpy').fit(X, np.arange(20) % 2)"
        ),
    }
    found: dict[str, Any] = {}
    for name, script in scripts.items():
        done = subprocess.run(
            [sys.executable, "-P", "-c", f"{script}; import sys; print(*sys.modules)"],
            env={**os.environ, "PYTHONPATH": package},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        modules = done.stdout.split()
        own = [module for module in modules if module.split(".")[0] == "fastlogreg"]
        packages = {module.split(".")[0] for module in modules} - {"fastlogreg"}
        found[f"modules of others, {name}"] = len(modules) - len(own)
        found[f"own modules, {name}"] = len(own)
        found[f"packages loaded, {name}"] = sorted(packages - set(sys.stdlib_module_names))
    return found


def _is_kept(dispatcher: Any) -> bool:
    return type(dispatcher._cache).__name__ != "NullCache"


def _specialisations() -> dict[str, int]:
    """Return how many compiled kernels this process holds, and in how many specialisations.

    What they call is none: it is compiled only where they are not loaded from their cache.
    """
    held = {
        id(value): len(value.signatures)
        for name, module in list(sys.modules.items())
        if name.startswith("fastlogreg.kernels")
        for value in vars(module).values()
        if hasattr(value, "py_func") and hasattr(value, "signatures") and _is_kept(value)
    }
    counts = [count for count in held.values() if count]
    return {"kernels in use": len(counts), "specialisations": sum(counts)}
