"""The Hessian beside a matrix product: ``python -m bench.gram``.

A Hessian is a weighted ``X'X`` with the link before it; BLAS has the unweighted ``X'X`` as
``dsyrk``, on all its threads.  Both are counted as ``n d (d + 1)`` operations, so that
GF/s compare time alone; ours takes the decisions, the link, loss and gradient besides.
``dsyrk`` is given X in the order that it is faster in, and without a copy.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import blas

from bench.machine import threads_of
from bench.report import Report, add_output_options, duration, progress
from bench.tables import make_problem
from bench.timing import interleave
from fastlogreg.kernels import dense

__all__ = ["main"]

_COLUMNS = (20, 50, 100, 300, 1_000)
_CELLS = 20_000_000  # 160 MB of float64
_QUICK_CELLS = 500_000
_PAUSE = 0.1  # seconds; OpenBLAS's threads spin for a while after their work


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.gram", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="timed runs of each (7)")
    parser.add_argument("--columns", type=int, nargs="+", default=_COLUMNS, help="of X")
    parser.add_argument("--order", choices=("C", "F"), default="C", help="of X (C)")
    parser.add_argument("--dtype", default="float64", help="of X for ours (float64)")
    parser.add_argument("--cells", type=int, default=_CELLS, help=f"of X ({_CELLS:_})")
    add_output_options(parser)
    options = parser.parse_args()
    cells = _QUICK_CELLS if options.quick else options.cells
    n_threads = threads_of("numba")
    cases = [_measure(cells // d, d, options, n_threads) for d in options.columns]
    report = Report(f"Hessian and dsyrk on {n_threads} threads", {"cases": cases})
    report.text(
        f"X in {options.order} order, {options.dtype}; medians. The ratio is of speeds, more "
        "than 1 where ours is faster."
    )
    report.table(
        [
            "X",
            *("dsyrk", "GF/s", "from"),
            *("loss + gradient + Hessian", "GF/s", "ratio"),
        ],
        [
            [
                f"{c['rows']:,} x {c['columns']:,}",
                *(duration(c["dsyrk"]), f"{c['operations'] / c['dsyrk'] / 1e9:.1f}"),
                f"{c['dsyrk_order']} order",
                *(duration(c["hessian"]), f"{c['operations'] / c['hessian'] / 1e9:.1f}"),
                f"{c['dsyrk'] / c['hessian']:.2f}",
            ]
            for c in cases
        ],
    )
    report.publish(options)


def _measure(n: int, d: int, options: argparse.Namespace, n_threads: int) -> dict[str, Any]:
    progress(f"{n:,} x {d:,}")
    X, y, coef = make_problem(n, d, order=options.order)
    ours = X if options.dtype == "float64" else X.astype(options.dtype, order="K")
    arguments = (ours, coef, y.astype(np.int8), None, np.ones(2), n_threads)
    c_order, f_order = np.ascontiguousarray(X), np.asfortranarray(X)
    timed = interleave(
        {
            "hessian": partial(dense.loss_gradient_hessian, *arguments),
            "dsyrk, C": partial(blas.dsyrk, 1.0, c_order.T),
            "dsyrk, F": partial(blas.dsyrk, 1.0, f_order, trans=1),
        },
        rounds=options.rounds,
        rest=_PAUSE,
    )
    seconds = {name: timing.median for name, timing in timed.items()}
    order = min("CF", key=lambda name: seconds[f"dsyrk, {name}"])
    return {
        "rows": n,
        "columns": d,
        "order": options.order,
        "dtype": options.dtype,
        "operations": n * d * (d + 1),
        "dsyrk": seconds[f"dsyrk, {order}"],
        "dsyrk_order": order,
        "hessian": seconds["hessian"],
    }


if __name__ == "__main__":
    main()
