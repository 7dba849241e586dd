"""What everything takes on this machine: ``python -m bench.results``, into bench/RESULTS.md.

The cases are the gate's, at one thread and at all, in yardsticks of the same process.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from bench.gate_cases import all_keys, find_case, make_tables
from bench.gate_lockstep import Multiples
from bench.gate_sides import ROOT, Side
from bench.report import Report, add_output_options, duration, progress

__all__ = ["main"]

_PROCESSES, _QUICK_PROCESSES = 3, 2


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.results", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".gate"), help="folder (.gate)")
    add_output_options(parser)
    options = parser.parse_args()
    if options.markdown is None:
        options.markdown = ROOT / "bench" / "RESULTS.md"
    keys = all_keys(quick=options.quick)
    work = options.work.resolve()
    (work / "cache-results").mkdir(parents=True, exist_ok=True)
    make_tables(keys, work / "tables")
    here = Side("this checkout", "working tree", ROOT, sys.executable, work / "cache-results")
    measure = Multiples(here, work / "tables")
    count = _QUICK_PROCESSES if options.quick else _PROCESSES
    with here.start() as worker:
        progress("counting")
        counters = worker.ask("gate_counters", package=str(ROOT))
    for number in range(count):
        progress(f"process {number + 1} of {count}: {len(keys)} cases")
        measure(keys)
    report = _report(measure, keys, count)
    report.heading("Counted, not timed")
    report.figures["counters"] = counters
    report.text("What the gate compares exactly: small fits on one thread, and what imports load.")
    shown = {name: f"{len(c)} names" if isinstance(c, list) else c for name, c in counters.items()}
    report.table(["counter", ""], shown.items())
    print(report.markdown())
    report.write(options)


def _report(measure: Multiples, keys: list[str], count: int) -> Report:
    report = Report("Results")
    report.text(
        f"Written by `python -m bench.results`; medians over {count} fresh processes. A yardstick "
        "is a plain read of the same X at as many threads (read-times), a product of two matrices "
        "of as many operations (gemm), or small NumPy calls (interpreter). What the figures "
        "mean is in [README.md](README.md)."
    )
    figures = []
    for key in keys:
        case, name, mode = find_case(key)
        if case is None or key not in measure.seconds:
            continue
        seconds = statistics.median(measure.seconds[key])
        yardstick = statistics.median(measure.yardsticks[key])
        facts = measure.facts[key]["head"]
        figures.append(
            {
                "case": name,
                "at": mode,
                "seconds": seconds,
                "yardstick": case.yardstick,
                "yardstick_seconds": yardstick,
                "multiple": seconds / yardstick,
                **facts,
            }
        )
    report.figures["cases"] = figures
    report.table(
        ["case", "at", "time", "multiple", "of", "GB/s", "passes", "objective", "backend"],
        [
            [
                found["case"],
                found["at"],
                duration(found["seconds"]),
                f"{found['multiple']:.2f}",
                f"{found['yardstick']}, {duration(found['yardstick_seconds'])}",
                f"{found['read_bytes'] / found['yardstick_seconds'] / 1e9:.1f}"
                if "read_bytes" in found
                else "-",
                f"{found['passes']:.1f}" if "passes" in found else "-",
                f"{found['objective']:.10g}" if "objective" in found else "-",
                found.get("backend", "-"),
            ]
            for found in figures
        ],
    )
    if measure.errors:
        report.text(
            "Not run: " + "; ".join(f"{k} ({e['head']})" for k, e in measure.errors.items())
        )
    return report


if __name__ == "__main__":
    main()
