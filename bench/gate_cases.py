"""The cases of the gate: what is timed, on which table, beside which yardstick.

A case is a function that takes a loaded table and a number of threads and returns what is
timed.  It imports the package inside itself, from the revision under measurement, so that a
revision that lacks something fails in this case alone.  ``python -m bench.gate_cases``
prints the names, by which the gate knows of a later revision which cases it lacks.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.gate_tables import Loaded, TableSpec

__all__ = ["CASES", "Case", "all_keys", "find_case", "key_of"]

ONE, ALL = "1 thread", "all threads"
MODES = (ONE, ALL)
_CACHE = "FASTLOGREG_CACHE_DIR"

Prepare = Callable[[Loaded, int], Callable[[], object]]


@dataclass(frozen=True)
class Case:
    """Something to time.

    Parameters
    ----------
    name : str
    table : TableSpec
    prepare : callable
        Returns of (loaded table, threads) what is timed.
    yardstick : "read", "gemm" or "interpreter"
        What stands beside it: a plain read of the table; a matrix product of as many
        operations; or small NumPy calls, for what is spent between them.
    operations : float
        Of a compute-bound case, floating-point operations of the product.
    modes : tuple of str
        Some of `MODES`.
    share : float
        How much longer than others it is measured, for the noise that it has.
    quick : tuple of str
        The modes in which ``--quick`` has it.
    """

    name: str
    table: TableSpec
    prepare: Prepare = field(repr=False)
    yardstick: str = "read"
    operations: float = 0.0
    modes: tuple[str, ...] = MODES
    share: float = 1.0
    quick: tuple[str, ...] = ()


def key_of(name: str, mode: str) -> str:
    """Return the name under which the gate keeps a case at a number of threads."""
    return f"{name} | {mode}"


def _pass(
    name: str, loaded: Loaded, n_threads: int, n_outputs: int = 1, weighted: bool = False
) -> Callable[[], object]:
    """Return a whole pass at the coefficients that the labels were drawn with."""
    import numpy as np

    from fastlogreg.design import DenseDesign, Targets, load_backend

    design = DenseDesign(loaded.X, load_backend("numba"), n_threads)
    coef = loaded.coef * np.linspace(0.5, 1.5, n_outputs)
    if name in ("decision", "probability"):
        return partial(getattr(design, name), coef)
    targets = Targets(loaded.y.astype(np.int8), np.ones(2))
    weights = np.linspace(0.5, 1.5, len(loaded.y)) if weighted else None
    if name == "hessian_product":
        return partial(design.hessian_product, coef, coef[::-1].copy(), targets, weights)
    return partial(getattr(design, name), coef, targets, weights)


def _fit(loaded: Loaded, n_threads: int, **parameters: Any) -> Callable[[], object]:
    from fastlogreg import LogisticRegression

    def fit() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = LogisticRegression(n_threads=n_threads, max_iter=1_000, **parameters)
            return model.fit(loaded.X, loaded.y)

    return fit


def _predict(loaded: Loaded, n_threads: int) -> Callable[[], object]:
    head = Loaded(loaded.X[:2_000], loaded.y[:2_000], loaded.coef)
    model: Any = _fit(head, n_threads, backend="numba")()
    return partial(model.predict_proba, loaded.X)


def _search(loaded: Loaded, n_threads: int) -> Callable[[], object]:
    from fastlogreg import LogisticRegressionCV

    return partial(LogisticRegressionCV(Cs=10, cv=5, n_threads=n_threads).fit, loaded.X, loaded.y)


def _import(loaded: Loaded, n_threads: int) -> Callable[[], object]:
    """Return the import of the package and its estimator, all else being loaded."""

    def load() -> object:
        with _anew():
            return importlib.import_module("fastlogreg").LogisticRegression

    return load


def _first_fit(loaded: Loaded, n_threads: int, *, cold: bool) -> Callable[[], object]:
    """Return the import and a compiled fit, its kernels from the disk cache or compiled."""

    def fit() -> object:
        with _anew(), tempfile.TemporaryDirectory() if cold else nullcontext() as folder:
            kept = os.environ.get(_CACHE, "")
            os.environ[_CACHE] = folder or kept
            try:
                estimator = importlib.import_module("fastlogreg").LogisticRegression
                model = estimator(backend="numba", solver="newton-cholesky", n_threads=n_threads)
                return model.fit(loaded.X, loaded.y)
            finally:
                os.environ[_CACHE] = kept

    return fit


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


_MAIN = TableSpec(200_000, 40)
_QUICK = {
    _MAIN: MODES,
    _MAIN.layout("float64", "F"): (ALL,),
    _MAIN.layout("float32", "C"): (ALL,),
}
_LONG = TableSpec(1_000_000, 10)
_WIDE = TableSpec(40_000, 500)
_VERY_WIDE = TableSpec(4_000, 2_500)
_L1 = TableSpec(100_000, 100, informative=20)
_CLASSES = TableSpec(100_000, 30, n_classes=5)
_SMALL = TableSpec(569, 30)
_SPARSE = TableSpec(60_000, 20_000, storage="sparse")
_MIXED = TableSpec(200_000, 6, storage="tabular")


def _gram(table: TableSpec) -> float:
    return 2.0 * table.rows * table.columns**2


def _passes() -> list[Case]:
    """Return the passes: type x order x shape, and outputs."""
    cases = []
    for base in (_MAIN, _LONG):
        for dtype in ("float64", "float32"):
            for order in ("C", "F"):
                table = base.layout(dtype, order)
                cases.append(
                    Case(
                        f"pass, {table}",
                        table,
                        partial(_pass, "loss_gradient"),
                        quick=_QUICK.get(table, ()),
                    )
                )
    cases += [
        Case(f"pass, {_WIDE}", _WIDE, partial(_pass, "loss_gradient")),
        Case(f"weighted pass, {_MAIN}", _MAIN, partial(_pass, "loss_gradient", weighted=True)),
        Case(f"pass of 4 outputs, {_MAIN}", _MAIN, partial(_pass, "loss_gradient", n_outputs=4)),
        Case(f"Hessian product, {_MAIN}", _MAIN, partial(_pass, "hessian_product")),
        Case(f"decision, {_MAIN}", _MAIN, partial(_pass, "decision")),
        Case(f"probability, {_MAIN}", _MAIN, partial(_pass, "probability")),
    ]
    return cases


def _grams() -> list[Case]:
    return [
        Case(
            f"pass with Hessian, {table}",
            table,
            partial(_pass, "loss_gradient_hessian"),
            yardstick="gemm",
            operations=_gram(table),
            quick=MODES if table is _MAIN else (),
        )
        for table in (_MAIN, _MAIN.layout("float64", "F"), _WIDE)
    ]


def _fits() -> list[Case]:
    """Return the fits; a storage or estimator that a revision lacks fails there alone."""

    def case(name: str, table: TableSpec, **parameters: Any) -> Case:
        return Case(f"{name}, {table}", table, partial(_fit, **parameters))

    gram_fit = partial(_fit, backend="numba", solver="newton-cholesky")
    return [
        Case(f"fit, {_MAIN}", _MAIN, partial(_fit, tol=1e-8), quick=MODES),
        case("fit", _MAIN.layout("float32", "C")),
        case("fit", _MAIN.layout("float64", "F")),
        case("fit by lbfgs", _MAIN, solver="lbfgs", tol=1e-4),
        Case(
            f"fit by newton-cholesky, {_MAIN}",
            _MAIN,
            gram_fit,
            yardstick="gemm",
            operations=8.0 * _gram(_MAIN),
        ),
        case("balanced fit", _MAIN, class_weight="balanced"),
        case("fit", _LONG),
        case("fit", _WIDE),
        case("fit by newton-cg", _VERY_WIDE, solver="newton-cg", backend="numba"),
        case("L1 fit", _L1, l1_ratio=1.0, C=0.002),
        case("elastic net fit", _L1, l1_ratio=0.5, C=0.002),
        case("softmax fit", _CLASSES),
        case("fit", _SPARSE),
        case("fit", _MIXED),
        Case(
            f"cross-validation, {TableSpec(20_000, 20)}",
            TableSpec(20_000, 20),
            _search,
        ),
        Case(
            f"small fit, {_SMALL}",
            _SMALL,
            partial(_fit, backend="numpy"),
            yardstick="interpreter",
            modes=(ONE,),
            share=2.0,
            quick=(ONE,),
        ),
        Case(f"prediction, {_MAIN}", _MAIN, _predict),
    ]


def _starts() -> list[Case]:
    """Return what is waited for before the first result."""
    works: dict[str, Prepare] = {
        "import": _import,
        "first fit, kernels from the cache": partial(_first_fit, cold=False),
        "first fit, kernels compiled": partial(_first_fit, cold=True),
    }
    return [
        Case(name, _SMALL, work, yardstick="interpreter", modes=(ONE,), share=2.0)
        for name, work in works.items()
    ]


CASES: tuple[Case, ...] = (*_passes(), *_grams(), *_fits(), *_starts())


def all_keys(*, quick: bool) -> list[str]:
    """Return the keys of a selection, those of one table after each other."""
    return [
        key_of(case.name, mode)
        for case in sorted(CASES, key=lambda case: case.table.file_stem)
        for mode in (case.quick if quick else case.modes)
    ]


def find_case(key: str) -> tuple[Case | None, str, str]:
    """Return the case of a key (None where there is none), its name and its mode."""
    name, _, mode = key.rpartition(" | ")
    return next((case for case in CASES if case.name == name), None), name, mode


if __name__ == "__main__":
    print(json.dumps(all_keys(quick=False)))
