"""Passes over X in read-times, by shape, type and order: ``python -m bench.pass_table``.

A pass at 1.0 takes no longer than to read X.  Numerator and denominator are of the same
minutes: the plain read is sampled before every round of passes, which run alternately,
each right after a run of its own off the clock, as in a fit.  One X is in memory at a time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from bench.machine import threads_of
from bench.passes import pass_of
from bench.read_kernels import read_tiles
from bench.readtime import Reader
from bench.report import Report, add_output_options, progress
from bench.tables import Problem, make_problem
from bench.timing import interleave
from fastlogreg.kernels.blocks import block_edges, count_blocks
from fastlogreg.kernels.dense_tiles import tile_rows_f
from fastlogreg.runtime.threads import run_blocks

__all__ = ["main"]

Order = Literal["C", "F"]

_SHAPES = ((4_000_000, 10), (2_000_000, 30), (1_000_000, 100), (100_000, 1_000), (20_000, 5_000))
_QUICK_SHAPES = ((20_000, 10), (500, 400))
_LAYOUTS: tuple[tuple[str, Order], ...] = (
    ("float64", "C"),
    ("float64", "F"),
    ("float32", "C"),
    ("float32", "F"),
)
_LOSS, _NUMPY = "loss_gradient", "loss_gradient, numpy"
_WEIGHTED, _TILES = "loss_gradient, weighted", "read of tiles"
_SLOW_SHARE = 4  # the NumPy path runs in a fourth of the rounds
_LEAST_SLOW = 3
_REST = 0.05  # seconds; OpenBLAS's threads spin for some 30 ms


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.pass_table", description=__doc__)
    parser.add_argument("--rows", type=int, help="one shape of your own: its rows")
    parser.add_argument("--columns", type=int, default=10, help="its columns (10)")
    parser.add_argument("--rounds", type=int, default=15, help="timed runs of each (15)")
    add_output_options(parser)
    options = parser.parse_args()
    shapes = _QUICK_SHAPES if options.quick else _SHAPES
    if options.rows is not None:
        shapes = ((options.rows, options.columns),)
    cases = [
        _measure(shape, dtype, order, options.rounds)
        for shape in shapes
        for dtype, order in _LAYOUTS
    ]
    report = Report(f"Passes on {threads_of('numba')} threads, in read-times", {"cases": cases})
    _add_tables(report, cases)
    report.publish(options)


def _measure(shape: tuple[int, int], dtype: str, order: Order, rounds: int) -> dict[str, Any]:
    progress(f"{shape[0]:,} x {shape[1]:,}, {dtype}, {order} order")
    problem = make_problem(*shape, dtype=dtype, order=order)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, shape[0])
    fast = {
        _LOSS: pass_of(problem, "numba", _LOSS),
        _WEIGHTED: pass_of(problem, "numba", _LOSS, weights=weights),
        "decision": pass_of(problem, "numba", "decision"),
        "probability": pass_of(problem, "numba", "probability"),
    }
    if order == "F":
        fast[_TILES] = _read_of_tiles(problem)
    slow = {_LOSS: fast[_LOSS], _NUMPY: pass_of(problem, "numpy", _LOSS)}
    reader = Reader(problem.X)
    few = max(rounds // _SLOW_SHARE, _LEAST_SLOW)
    beside = _time(slow, reader, few, _REST)
    seconds = _time(fast, reader, rounds, 0.0)
    seconds[_LOSS] = [*seconds[_LOSS], *beside[_LOSS]]
    read = reader.time()
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    medians[_NUMPY] = statistics.median(beside[_NUMPY])
    return {
        "shape": f"{shape[0]:,} x {shape[1]:,}",
        "layout": f"{dtype} {order}",
        "read": read.as_dict(),
        "seconds": medians,
        "read_times": {name: read.times(taken) for name, taken in medians.items()},
    }


def _time(
    candidates: dict[str, Callable[[], Any]], reader: Reader, rounds: int, rest: float
) -> dict[str, Sequence[float]]:
    def sample() -> None:
        time.sleep(rest)
        reader.sample()

    timed = interleave(candidates, rounds=rounds, yardstick=sample, rest=rest, lead=True)
    return {name: timing.seconds for name, timing in timed.items()}


def _read_of_tiles(problem: Problem) -> Callable[[], object]:
    """Return a plain read of F-order X in the pieces that a pass reads it in."""
    n, d = problem.X.shape
    columns = problem.X.T.view()
    columns.flags.writeable = False
    n_blocks = count_blocks(n, d, d + 2)
    tile = tile_rows_f(d, columns.itemsize)
    edges = block_edges(n, n_blocks, tile)
    out = np.empty(n_blocks, dtype=columns.dtype)
    block = partial(read_tiles, columns, tile, out, edges)
    return partial(run_blocks, block, n_blocks, threads_of("numba"))


def _add_tables(report: Report, cases: list[dict[str, Any]]) -> None:
    def grid(show: Callable[[dict[str, Any]], str], order: str = "CF") -> None:
        layouts = [" ".join(layout) for layout in _LAYOUTS if layout[1] in order]
        found = {(case["shape"], case["layout"]): case for case in cases}
        shapes = dict.fromkeys(case["shape"] for case in cases)
        rows = [[shape, *(show(found[shape, layout]) for layout in layouts)] for shape in shapes]
        report.table(["X", *layouts], rows)

    def of(name: str) -> Callable[[dict[str, Any]], str]:
        return lambda case: f"{case['read_times'][name]:.2f}"

    report.heading("Loss and gradient: numba / NumPy path")
    grid(lambda case: f"{of(_LOSS)(case)} / {of(_NUMPY)(case)}")
    report.heading("With sample weights")
    grid(of(_WEIGHTED))
    report.heading("Decision")
    grid(of("decision"))
    report.heading("Probability")
    grid(of("probability"))
    report.heading("A plain read of F order in the pass's own tiles")
    report.text(
        "A tile of every column in turn, as a pass must read it that takes a row's decision "
        "before its gradient. It asks for nothing ahead of time, so a pass may come below."
    )
    grid(of(_TILES), "F")
    report.heading("The plain read, GB/s")
    grid(lambda case: f"{case['read']['gb_s']:.1f}")


if __name__ == "__main__":
    main()
