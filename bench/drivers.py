"""The drivers of a parallel pass side by side: ``python -m bench.drivers``.

One thread, numba's ``prange`` and the package's own threads run the same blocks and give
the same bits.  Threads of OpenMP and of a BLAS spin for a while after their work, and
would take time from another driver's: so each driver has fresh processes of its own,
alternately.  What spinning costs shows in the second table, where a threaded matrix
product comes right before every pass.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from typing import Any

from bench.children import in_new_process
from bench.driving import DRIVERS
from bench.machine import threads_of
from bench.report import Report, add_output_options, duration, progress

__all__ = ["main"]

_SHAPES = ((50_000, 10), (500_000, 10), (4_000_000, 10), (50_000, 100), (1_000_000, 50))
_QUICK_SHAPES = ((5_000, 10), (50_000, 10))
_KINDS = ("alone", "after a product")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.drivers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each driver (3)")
    parser.add_argument("--passes", type=int, default=31, help="timed passes in each (31)")
    parser.add_argument("--rows", type=int, help="one shape of your own: its rows")
    parser.add_argument("--columns", type=int, default=10, help="its columns (10)")
    add_output_options(parser)
    options = parser.parse_args()
    shapes = _QUICK_SHAPES if options.quick else _SHAPES
    if options.rows is not None:
        shapes = ((options.rows, options.columns),)
    rounds = 1 if options.quick else options.rounds
    n_threads = threads_of("numba")
    report = Report(f"Drivers of a loss and gradient pass on {n_threads} threads")
    # prange is compiled once for all processes, and never kept: numba's own cache does not
    # see that a kernel it calls has changed.
    with tempfile.TemporaryDirectory() as cache:
        cases = [_measure(shape, n_threads, rounds, options.passes, cache) for shape in shapes]
    for kind in _KINDS:
        report.heading(f"Passes {kind}")
        report.table(
            ["X", *DRIVERS, "ours / prange"],
            [
                [
                    case["shape"],
                    *(duration(case[kind][driver]) for driver in DRIVERS),
                    f"{case[kind]['ours'] / case[kind]['prange']:.2f}",
                ]
                for case in cases
            ],
        )
    report.text(
        f"Medians over {options.passes} passes in each fresh process, of which every driver had "
        f"{rounds}; "
        f"numba's threading layer: {', '.join(sorted({case['layer'] for case in cases}))}."
    )
    report.figures["cases"] = cases
    report.publish(options)


def _measure(
    shape: tuple[int, int], n_threads: int, rounds: int, passes: int, cache: str
) -> dict[str, Any]:
    name = f"{shape[0]:,} x {shape[1]}"
    found: dict[str, list[dict[str, Any]]] = {driver: [] for driver in DRIVERS}
    for number in range(rounds):
        progress(f"{name}: round {number + 1} of {rounds}")
        for driver in DRIVERS if number % 2 == 0 else DRIVERS[::-1]:
            found[driver].append(
                in_new_process(
                    "driven_passes",
                    environment={"NUMBA_CACHE_DIR": cache},
                    driver=driver,
                    rows=shape[0],
                    columns=shape[1],
                    n_threads=n_threads,
                    passes=passes,
                )
            )
    if len({one["bits"] for runs in found.values() for one in runs}) != 1:
        raise AssertionError(f"the drivers differ in bits on {name}")
    medians = {
        kind: {
            driver: statistics.median(second for one in runs for second in one[kind])
            for driver, runs in found.items()
        }
        for kind in _KINDS
    }
    return {"shape": name, "layer": found["prange"][0]["layer"], **medians}


if __name__ == "__main__":
    main()
