"""Passes over a sparse X in read-times, beside SciPy's products: ``python -m bench.sparse_passes``.

The plain read is that of values and indices.  SciPy's two products, with the coefficients
and with the residuals, are what a gradient takes there at the least; they run on one
thread.  What is timed runs alternately.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.machine import threads_of
from bench.readtime import Reader
from bench.report import Report, add_output_options, duration, progress
from bench.sparse_tables import SparseProblem, make_sparse_problem
from bench.timing import interleave
from fastlogreg.design import SparseDesign, Targets, load_backend
from fastlogreg.tables import SparseTable

__all__ = ["main"]

_TABLES = ((300_000, 100_000, 2), (50_000, 20_000, 10))
_QUICK_TABLES = ((3_000, 1_000, 2), (1_000, 400, 3))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.sparse_passes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="timed runs of each (15)")
    add_output_options(parser)
    options = parser.parse_args()
    threads = threads_of("numba")
    report = Report(f"Passes over sparse tables on {threads} threads", {"tables": []})
    for rows, columns, n_classes in _QUICK_TABLES if options.quick else _TABLES:
        progress(f"{rows:,} x {columns:,}, {n_classes} classes")
        problem = make_sparse_problem(rows, columns, n_classes=n_classes)
        figures = _measure(problem, threads, options.rounds)
        report.figures["tables"].append(figures)
        report.heading(f"{rows:,} x {columns:,}, {problem.X.nnz:,} values, {n_classes} classes")
        report.text(f"Plain read: {figures['read']}.")
        report.table(
            ["", "median", "read-times"],
            [
                [name, duration(taken), f"{figures['read_times'][name]:.2f}"]
                for name, taken in figures["seconds"].items()
            ],
        )
    report.publish(options)


def _measure(problem: SparseProblem, threads: int, rounds: int) -> dict[str, Any]:
    reader = Reader(problem.X)
    timed = interleave(
        _candidates(problem, threads), rounds=rounds, yardstick=reader.sample, lead=True
    )
    read = reader.time()
    medians = {name: timing.median for name, timing in timed.items()}
    return {
        "rows": problem.X.shape[0],
        "columns": problem.X.shape[1],
        "read": str(read),
        "seconds": medians,
        "read_times": {name: read.times(taken) for name, taken in medians.items()},
    }


def _candidates(problem: SparseProblem, threads: int) -> dict[str, Callable[[], Any]]:
    X, y, coef = problem
    n_outputs = coef.shape[1]
    n_classes = n_outputs if n_outputs > 1 else 2
    targets = Targets(y.astype(np.int8), np.ones(n_classes), softmax=n_outputs > 1)
    backend = load_backend("numba", "sparse")
    residual = np.ones((X.shape[0], n_outputs))
    found: dict[str, Callable[[], Any]] = {"check of the indices": partial(SparseTable, X)}
    for form in ("csr", "csc"):
        design = SparseDesign(X.asformat(form), backend, threads)
        found |= {
            f"{form}, loss and gradient": partial(design.loss_gradient, coef, targets, None),
            f"{form}, Hessian times vector": partial(
                design.hessian_product, coef, coef, targets, None
            ),
            f"{form}, decision": partial(design.decision, coef),
        }
    one = SparseDesign(X, backend, 1)
    found["csr, loss and gradient, 1 thread"] = partial(one.loss_gradient, coef, targets, None)
    found["SciPy's two products"] = lambda: (X @ coef[:-1], X.T @ residual)
    return found


if __name__ == "__main__":
    main()
