"""Whether a revision is slower than another: ``python -m bench.gate BASE HEAD``.

BASE and HEAD are git revisions, or folders that hold the package; BASE may be a JSON file
of yardstick multiples that ``--save`` wrote.  The cases and the measuring are those of this
checkout, the package measured is that of the revision.

Exit codes: 0 nothing is slower, 1 something is slower, does more or has disappeared, 2 it
could not be told, 3 the gate itself could not run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.gate_report import exit_code, render, write_json
from bench.gate_run import Request, run_gate
from bench.gate_statistics import Rules

__all__ = ["MINUTES", "QUICK_MINUTES", "main"]

MINUTES, QUICK_MINUTES = 24.0, 1.4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        verdict = run_gate(_request(options))
    except (RuntimeError, OSError, ValueError) as error:
        print(f"the gate could not run: {error}", file=sys.stderr)
        return 3
    report = render(verdict)
    print(report)
    if options.markdown is not None:
        options.markdown.write_text(report, encoding="utf-8")
    if options.json is not None:
        write_json(verdict, options.json)
    return exit_code(verdict)


def _request(options: argparse.Namespace) -> Request:
    minutes = options.minutes
    if minutes is None:
        minutes = QUICK_MINUTES if options.quick else MINUTES
    return Request(
        options.base,
        options.head,
        options.work.resolve(),
        Rules(options.threshold, most_blocks=options.blocks),
        minutes,
        quick=options.quick,
        only=options.only,
        shared_environment=options.shared_environment,
        counters=not options.no_counters,
        accept=tuple(options.accept),
        save=options.save,
        record=options.record,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="revision, folder, or JSON of multiples")
    parser.add_argument("head", nargs="?", default="HEAD", help="revision or folder (HEAD)")
    parser.add_argument("--quick", action="store_true", help="few cases, about 2 minutes")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds this")
    parser.add_argument("--threshold", type=float, default=0.10, help="slowdown allowed (0.10)")
    parser.add_argument("--blocks", type=int, default=16, help="most blocks of a case (16)")
    parser.add_argument(
        "--minutes",
        type=float,
        help="no further block after so many, but the least of a second run "
        f"({MINUTES:g}; with --quick {QUICK_MINUTES:g})",
    )
    parser.add_argument(
        "--shared-environment",
        action="store_true",
        help="run both with this interpreter, and install nothing",
    )
    parser.add_argument("--no-counters", action="store_true", help="times only")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="NAME",
        help="a case or counter whose change is meant; also as a line 'Gate-accept: NAME' at the "
        "end of a commit's message",
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".gate"), help="folder for what is built (.gate)"
    )
    for option, text in (
        ("--save", "store HEAD's multiples there"),
        ("--record", "store the log-ratios of all blocks there"),
        ("--json", "write the figures there"),
        ("--markdown", "write the report there"),
    ):
        parser.add_argument(option, type=Path, metavar="PATH", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
