"""What the gate times: the functions that cases are made of.

Each takes a loaded table and a number of threads and returns what is timed.  It imports the
package inside itself, from the revision under measurement, so that a revision that lacks
something fails in this case alone.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from bench.gate_tables import Loaded

__all__ = ["first_fit", "fit", "import_anew", "predict", "whole_pass"]

_CACHE = "FASTLOGREG_CACHE_DIR"


def whole_pass(
    name: str, loaded: Loaded, n_threads: int, n_outputs: int = 1, weighted: bool = False
) -> Callable[[], object]:
    """Return a whole pass at the coefficients that the labels were drawn with.

    More outputs than one are models of their own, or the classes of a softmax model where the
    table has more than two.
    """
    import numpy as np

    from fastlogreg.design import DenseDesign, SparseDesign, Targets, load_backend

    is_dense = isinstance(loaded.X, np.ndarray)
    backend = load_backend("numba") if is_dense else load_backend("numba", "sparse")
    design = (DenseDesign if is_dense else SparseDesign)(loaded.X, backend, n_threads)
    n_classes = int(loaded.y.max()) + 1
    coef = loaded.coef if n_classes > 2 else loaded.coef * np.linspace(0.5, 1.5, n_outputs)
    if name in ("decision", "probability"):
        return partial(getattr(design, name), coef)
    softmax = {"softmax": True} if n_classes > 2 else {}
    targets = Targets(loaded.y.astype(np.int8), np.ones(n_classes), **softmax)
    weights = np.linspace(0.5, 1.5, len(loaded.y)) if weighted else None
    if name == "hessian_product":
        return partial(design.hessian_product, coef, coef[::-1].copy(), targets, weights)
    return partial(getattr(design, name), coef, targets, weights)


def fit(loaded: Loaded, n_threads: int, **parameters: Any) -> Callable[[], object]:
    from fastlogreg import LogisticRegression

    def run() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(n_threads=n_threads, max_iter=1_000, **parameters)
            return model.fit(loaded.X, loaded.y)

    return run


def predict(loaded: Loaded, n_threads: int) -> Callable[[], object]:
    head = Loaded(loaded.X[:2_000], loaded.y[:2_000], loaded.coef)
    model: Any = fit(head, n_threads, backend="numba")()
    return partial(model.predict_proba, loaded.X)


def import_anew(loaded: Loaded, n_threads: int) -> Callable[[], object]:
    """Return the import of the package and its estimator, all else being loaded."""

    def load() -> object:
        with _anew():
            return importlib.import_module("fastlogreg").LogisticRegression

    return load


def first_fit(loaded: Loaded, n_threads: int, *, cold: bool) -> Callable[[], object]:
    """Return the import and a compiled fit, its kernels from the disk cache or compiled."""

    def run() -> object:
        with _anew(), tempfile.TemporaryDirectory() if cold else nullcontext() as folder:
            kept = os.environ.get(_CACHE, "")
            os.environ[_CACHE] = folder or kept
            try:
                estimator = importlib.import_module("fastlogreg").LogisticRegression
                model = estimator(backend="numba", solver="newton-cholesky", n_threads=n_threads)
                return model.fit(loaded.X, loaded.y)
            finally:
                os.environ[_CACHE] = kept

    return run


@contextmanager
def _anew() -> Iterator[None]:
    """Forget the package's modules while the block runs, and put them back."""
    kept = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    for name in kept:
        del sys.modules[name]
    path = str(Path(str(kept["fastlogreg"].__file__)).parents[1])
    sys.path.insert(0, path)
    try:
        yield
    finally:
        sys.path.remove(path)
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(kept)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "fastlogreg"
