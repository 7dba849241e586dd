"""The two drivers of a parallel pass side by side: ``python -m bench.drivers``.

numba's ``prange`` and the pool of Python threads run the same blocks and give the same
bits; this shows what a start of either costs, over the size of the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any
from unittest import mock

from bench.data import make_problem
from bench.passes import pass_of
from bench.readtime import Reader
from bench.report import Report, add_output_options, duration, progress
from bench.timing import interleave
from fastlogreg.runtime import threads

__all__ = ["main"]

_SHAPES = ((5_000, 10), (50_000, 10), (500_000, 10), (4_000_000, 10), (50_000, 100))
_QUICK_SHAPES = ((5_000, 10), (20_000, 20))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.drivers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31, help="timed passes of each (31)")
    add_output_options(parser)
    options = parser.parse_args()
    n_threads = threads.available_threads()[0]
    report = Report(f"Drivers of a loss and gradient pass on {n_threads} threads")
    if threads.driver_for(n_threads) != "parallel":
        report.text("prange is not safe on this machine now, so it is not compared.")
    cases = [
        _measure(shape, n_threads, options.rounds)
        for shape in (_QUICK_SHAPES if options.quick else _SHAPES)
    ]
    report.table(
        ["X", "one thread", "prange", "pool", "pool / prange", "read-times: prange", "pool"],
        [
            [
                case["shape"],
                *(
                    _or_dash(case["seconds"].get(n), duration)
                    for n in ("serial", "parallel", "pool")
                ),
                _or_dash(case["pool_to_parallel"], "{:.2f}".format),
                *(
                    _or_dash(case["read_times"].get(n), "{:.2f}".format)
                    for n in ("parallel", "pool")
                ),
            ]
            for case in cases
        ],
    )
    report.figures["cases"] = cases
    report.publish(options)


def _measure(shape: tuple[int, int], n_threads: int, rounds: int) -> dict[str, Any]:
    progress(f"{shape[0]:,} x {shape[1]}")
    problem = make_problem(*shape)
    reader = Reader(problem.X)
    one = pass_of(problem, "numba", "loss_gradient", 1)
    all_threads = pass_of(problem, "numba", "loss_gradient", n_threads)
    candidates = {"serial": one, "pool": _driven_by("pool", all_threads)}
    if threads.driver_for(n_threads) == "parallel":
        candidates["parallel"] = all_threads
    timed = interleave(candidates, rounds=rounds, yardstick=reader.sample)
    results = [timing.result for timing in timed.values()]
    bits = {loss.tobytes() + gradient.tobytes() for loss, gradient in results}
    if len(bits) != 1:
        raise AssertionError(f"the drivers differ in bits on {shape}")
    read = reader.time()
    seconds = {name: timing.median for name, timing in timed.items()}
    both = "parallel" in seconds
    return {
        "shape": f"{shape[0]:,} x {shape[1]}",
        "read": read.as_dict(),
        "seconds": seconds,
        "read_times": {name: read.times(value) for name, value in seconds.items()},
        "pool_to_parallel": seconds["pool"] / seconds["parallel"] if both else None,
    }


def _driven_by(driver: str, function: Callable[[], Any]) -> Callable[[], Any]:
    """Return *function* with the choice of the driver taken away from the package."""

    def forced(n_threads: int) -> str:
        return driver if n_threads > 1 else "serial"

    def run() -> Any:
        with mock.patch.object(threads, "driver_for", forced):
            return function()

    return run


def _or_dash(value: float | None, show: Callable[[float], str]) -> str:
    return "-" if value is None else show(value)


if __name__ == "__main__":
    main()
