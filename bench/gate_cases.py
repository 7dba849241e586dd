"""The cases of the gate: what is timed, on which table, beside which yardstick.

``python -m bench.gate_cases`` prints the names, by which the gate knows of a later revision
which cases it lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.gate_tables import Loaded, TableSpec, make_table
from bench.gate_work import first_fit, fit, import_anew, predict, whole_pass
from bench.report import progress

__all__ = ["ALL", "CASES", "ONE", "Case", "all_keys", "find_case", "key_of", "make_tables"]

ONE, ALL = "1 thread", "all threads"
MODES = (ONE, ALL)

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
_SHORT = TableSpec(20_000, 20)
_SMALL = TableSpec(569, 30)
_SMALL_CLASSES = TableSpec(1_797, 64, n_classes=10)
_SPARSE = TableSpec(60_000, 20_000, storage="sparse")
_SPARSE_CLASSES = TableSpec(20_000, 6_000, n_classes=5, storage="sparse")
_MIXED = TableSpec(200_000, 6, storage="tabular")
_FLIGHTS = TableSpec(327_346, 10, storage="flights")
_LEVELS = TableSpec(300_000, 11, storage="levels")


def _gram(table: TableSpec) -> float:
    return 2.0 * table.rows * table.columns**2


def _passes() -> list[Case]:
    """Return the passes: type x order x shape, and outputs."""

    def case(what: str, table: TableSpec, name: str = "loss_gradient", **named: Any) -> Case:
        return Case(f"{what}, {table}", table, partial(whole_pass, name, **named))

    layouts = [(dtype, order) for dtype in ("float64", "float32") for order in ("C", "F")]
    plain = [base.layout(*layout) for base in (_MAIN, _LONG, _WIDE) for layout in layouts]
    outputs = [_MAIN.layout(*layout) for layout in layouts]
    return [
        *(replace(case("pass", table), quick=_QUICK.get(table, ())) for table in plain),
        *(case("pass of 4 outputs", table, n_outputs=4) for table in outputs),
        case("pass of 20 outputs", _SHORT, n_outputs=20),
        case("softmax pass", _CLASSES),
        case("softmax pass", _CLASSES.layout("float64", "F")),
        case("pass", _SPARSE),
        case("softmax pass", _SPARSE_CLASSES),
        case("weighted pass", _MAIN, weighted=True),
        case("Hessian product", _MAIN, "hessian_product"),
        case("decision", _MAIN, "decision"),
        case("probability", _MAIN, "probability"),
    ]


def _grams() -> list[Case]:
    return [
        Case(
            f"pass with Hessian, {table}",
            table,
            partial(whole_pass, "loss_gradient_hessian"),
            yardstick="gemm",
            operations=_gram(table) * (table.n_classes if table.n_classes > 2 else 1),
            quick=MODES if table is _MAIN else (),
        )
        for table in (_MAIN, _MAIN.layout("float64", "F"), _WIDE, _CLASSES)
    ]


def _fits() -> list[Case]:
    """Return the fits; a storage or estimator that a revision lacks fails there alone."""

    def case(name: str, table: TableSpec, **parameters: Any) -> Case:
        return Case(f"{name}, {table}", table, partial(fit, **parameters))

    by_gram = case("fit by newton-cholesky", _MAIN, backend="numba", solver="newton-cholesky")
    return [
        replace(case("fit", _MAIN, tol=1e-8), quick=MODES),
        case("fit", _MAIN.layout("float32", "C")),
        case("fit", _MAIN.layout("float64", "F")),
        case("fit by lbfgs", _SHORT, solver="lbfgs", tol=1e-4),
        replace(by_gram, yardstick="gemm", operations=8.0 * _gram(_MAIN)),
        case("balanced fit", _MAIN, class_weight="balanced"),
        case("fit", _LONG),
        case("fit", _WIDE),
        case("fit", _VERY_WIDE),
        case("fit by newton-cg", _VERY_WIDE, solver="newton-cg", backend="numba"),
        case("L1 fit", _L1, l1_ratio=1.0, C=0.002),
        case("elastic net fit", _L1, l1_ratio=0.5, C=0.002),
        case("softmax fit", _CLASSES),
        case("fit", _SPARSE),
        case("L1 fit", _SPARSE, l1_ratio=1.0, C=0.05),
        case("softmax fit", _SPARSE_CLASSES),
        case("fit", _MIXED),
        case("fit", _FLIGHTS),
        case("fit of 100,000 levels", _LEVELS),
        Case(f"prediction, {_MAIN}", _MAIN, predict),
        Case(f"prediction, {_SPARSE}", _SPARSE, predict),
    ]


def _small_fits() -> list[Case]:
    """Return fits that take so little that what is between the passes counts."""

    def case(name: str, table: TableSpec, **parameters: Any) -> Case:
        work = partial(fit, **parameters)
        title = f"{name}, {table}"
        return Case(title, table, work, yardstick="interpreter", modes=(ONE,), share=2.0)

    return [
        replace(case("small fit", _SMALL, backend="numpy"), quick=(ONE,)),
        case("small compiled fit", _SMALL, backend="numba"),
        case("small L1 fit", _SMALL, l1_ratio=1.0, C=0.1),
        case("small softmax fit", _SMALL_CLASSES),
    ]


def _starts() -> list[Case]:
    """Return what is waited for before the first result."""
    works: dict[str, Prepare] = {
        "import": import_anew,
        "first fit, kernels from the cache": partial(first_fit, cold=False),
        "first fit, kernels compiled": partial(first_fit, cold=True),
    }
    return [
        Case(name, _SMALL, work, yardstick="interpreter", modes=(ONE,), share=2.0)
        for name, work in works.items()
    ]


CASES: tuple[Case, ...] = (*_passes(), *_grams(), *_fits(), *_small_fits(), *_starts())


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


def make_tables(keys: Iterable[str], folder: Path) -> None:
    """Write the tables of cases, unless they are there.

    One whose data are not installed is left out, with its cases.
    """
    cases = [find_case(key)[0] for key in keys]
    for spec in dict.fromkeys(case.table for case in cases if case is not None):
        try:
            make_table(spec, folder)
        except ModuleNotFoundError as error:
            progress(f"no table {spec}: {error}")


if __name__ == "__main__":
    print(json.dumps(all_keys(quick=False)))
