"""A pass of several outputs beside a matrix product: ``python -m bench.outputs``.

Loss and gradient of k models on one table are two matrix products, decisions
``X @ W`` and gradient ``X.T @ P``, with the link between them.  This shows what share
of the rate of NumPy's threaded product of float64 the whole pass reaches, and what it
saves over k passes of one output.  Both rates count the ``4 n d k`` operations of the
two products.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any, Literal

import numpy as np

from bench.readtime import Reader
from bench.report import Report, add_output_options, duration, progress
from bench.tables import make_problem, standardised_twin
from bench.timing import interleave
from fastlogreg.kernels import dense
from fastlogreg.runtime.threads import available_threads

__all__ = ["main"]

_COLUMNS = (50, 100, 200, 500)
_OUTPUTS = (8, 50)
_QUICK_COLUMNS = (10, 50)
_QUICK_OUTPUTS = (3, 8)
_BYTES = 200_000_000  # of X in float64: many times the last cache
_QUICK_BYTES = 4_000_000
_REST = 0.1  # seconds; OpenBLAS's threads spin for some 30 ms
_INTEGERS = 100.0  # columns of integers are rounded within these bounds


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.outputs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="timed runs of each (7)")
    parser.add_argument("--columns", type=int, nargs="+", help="columns (50 100 200 500)")
    parser.add_argument("--outputs", type=int, nargs="+", help="outputs (8 50)")
    parser.add_argument("--order", choices=["C", "F"], default="C", help="layout of X (C)")
    parser.add_argument(
        "--dtype",
        choices=["float64", "float32", "int32", "int8"],
        default="float64",
        help="type of X (float64); the matrix product's is float64",
    )
    add_output_options(parser)
    options = parser.parse_args()
    columns = options.columns or (_QUICK_COLUMNS if options.quick else _COLUMNS)
    outputs = options.outputs or (_QUICK_OUTPUTS if options.quick else _OUTPUTS)
    size = _QUICK_BYTES if options.quick else _BYTES
    n_threads = available_threads()[0]
    report = Report(
        f"Passes of several outputs: {options.dtype}, {options.order} order, {n_threads} threads"
    )
    cases = []
    for d in columns:
        table = _Table(size // 8 // d, d, options.dtype, options.order)
        cases += [_measure(table, k, n_threads, options.rounds) for k in outputs]
    report.table(
        [
            "X",
            "outputs",
            "pass",
            "read-times",
            "pass GF/s",
            "product GF/s",
            "pass / product",
            "to one-output passes",
        ],
        [
            [
                case["shape"],
                case["outputs"],
                duration(case["seconds"]["pass"]),
                f"{case['read_times']:.1f}",
                f"{case['gflops']:.1f}",
                f"{case['product_gflops']:.1f}",
                f"{case['to_product']:.2f}",
                f"{case['to_single']:.2f}",
            ]
            for case in cases
        ],
    )
    report.figures["cases"] = cases
    report.publish(options)


class _Table:
    """X, its float64 twin for the matrix products, and labels."""

    def __init__(self, n: int, d: int, dtype: str, order: Literal["C", "F"]) -> None:
        progress(f"{n:,} x {d}")
        drawn = make_problem(n, d, order=order)
        self.wide, y, self.coef = standardised_twin(drawn, overwrite=True)
        self.codes = y.astype(np.int8)
        if np.issubdtype(dtype, np.integer):
            np.rint(np.clip(self.wide, -_INTEGERS, _INTEGERS), out=self.wide)
        self.X = self.wide if dtype == "float64" else self.wide.astype(dtype, order="K")


def _measure(table: _Table, k: int, n_threads: int, rounds: int) -> dict[str, Any]:
    n, d = table.X.shape
    rng = np.random.default_rng(k)
    coef = table.coef * rng.uniform(0.5, 1.5, k)
    weights, pull = np.ascontiguousarray(coef[:d]), rng.standard_normal((n, k))
    decisions, gradient = np.empty((n, k)), np.empty((d, k))

    def several(outputs: np.ndarray) -> Any:
        return dense.loss_gradient(table.X, outputs, table.codes, None, np.ones(2), n_threads)

    def products() -> None:
        np.matmul(table.wide, weights, out=decisions)
        np.matmul(table.wide.T, pull, out=gradient)

    reader = Reader(table.X)
    timed = interleave(
        {
            "pass": partial(several, coef),
            "one output": partial(several, coef[:, :1]),
            "products": products,
        },
        rounds=rounds,
        yardstick=reader.sample,
        rest=_REST,
    )
    seconds = {name: timing.median for name, timing in timed.items()}
    operations = 4.0 * n * d * k
    read = reader.time()
    return {
        "shape": f"{n:,} x {d}",
        "outputs": k,
        "read": read.as_dict(),
        "seconds": seconds,
        "read_times": read.times(seconds["pass"]),
        "gflops": operations / seconds["pass"] / 1e9,
        "product_gflops": operations / seconds["products"] / 1e9,
        "to_product": seconds["products"] / seconds["pass"],
        "to_single": seconds["pass"] / (k * seconds["one output"]),
    }


if __name__ == "__main__":
    main()
