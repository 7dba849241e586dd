"""Noise of this machine for the tests of the gate: ``python -m bench.gate_noise``.

``record 50`` runs the quick selection of HEAD against itself until ``bench/noise/`` holds 50
recordings; what is there stays, so that it goes on where it was stopped.  Nothing else should
run meanwhile.  ``judge`` replays what is there and tells how often the gate is right.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.gate_cases import all_keys, make_tables
from bench.gate_lockstep import QUICK, Lockstep
from bench.gate_recording import (
    Outcomes,
    Recording,
    replay_runs,
    resample_runs,
    save_recording,
    whole_run,
)
from bench.gate_sides import ROOT, prepare_side
from bench.gate_statistics import Outcome, Rules
from bench.report import markdown_table, progress

__all__ = ["NOISE", "main"]

NOISE = ROOT / "bench" / "noise"
_SLOWDOWN = 0.15
_RESAMPLED = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate_noise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, default=NOISE, help="of recordings (bench/noise)")
    parser.add_argument("--work", type=Path, default=Path(".gate"), help="of what is built (.gate)")
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="record until there are so many")
    record.add_argument("count", type=int)
    commands.add_parser("judge", help="replay what is there")
    options = parser.parse_args(arguments)
    if options.command == "record":
        _record(options.count, options.folder, options.work.resolve())
        return 0
    return _judge([Recording.load(path) for path in sorted(options.folder.glob("*.json"))])


def _record(count: int, folder: Path, work: Path) -> None:
    """Record whole runs, a file each, until so many are there."""
    keys = all_keys(quick=True)
    work.mkdir(parents=True, exist_ok=True)
    make_tables(keys, work / "tables")
    base, head = (prepare_side("HEAD", label, work, shared=True) for label in ("base", "head"))
    warm = Lockstep(base, head, work / "tables", QUICK)
    keys = warm.warm_up(keys)
    paths = [folder / f"{number:02d}.json" for number in range(1, count + 1)]
    for path in [path for path in paths if not path.exists()]:
        began = time.monotonic()
        lockstep = Lockstep(base, head, work / "tables", QUICK, versions=warm.versions)
        found = whole_run(lockstep, keys, Rules())
        save_recording(path, lockstep.blocks)
        odd = [f"{key}: {outcome.name}" for key, outcome in found.items() if _is_odd(outcome)]
        took = f"{time.monotonic() - began:.0f} s, {len(lockstep.blocks)} blocks"
        progress(f"{path.name}: {took}; {'; '.join(odd) or 'nothing is slower'}")


def _judge(recordings: list[Recording]) -> int:
    """Print how often the gate is right; return 0 where it is as often as is promised."""
    if not recordings:
        print("there are no recordings; make some with: python -m bench.gate_noise record 50")
        return 2
    rules = Rules()
    ways = {
        "as recorded": lambda slowdown: replay_runs(recordings, slowdown, rules),
        "resampled": lambda slowdown: resample_runs(recordings, slowdown, rules, _RESAMPLED),
    }
    kept = True
    for name, play in ways.items():
        same, slower = list(play(0.0)), list(play(_SLOWDOWN))
        red = sum(Outcome.REGRESSED in found.values() for found in same)
        kept &= red <= 0.01 * len(same)
        caught, unstable = (_share(slower, one) for one in (Outcome.REGRESSED, Outcome.UNSTABLE))
        kept &= caught >= 0.90 and unstable <= 0.10
        print(
            f"{len(recordings)} recordings, {name}: {len(same)} runs, {red} of them red where "
            f"nothing is slower; of cases slower by {_SLOWDOWN:.0%}, {caught:.1%} caught and "
            f"{unstable:.1%} unstable\n"
        )
        print(_table(same, slower))
    return 0 if kept else 1


def _table(same: list[Outcomes], slower: list[Outcomes]) -> str:
    headers = ["case", "same: red", "same: unstable", "slower: caught", "slower: unstable"]
    asked = (Outcome.REGRESSED, Outcome.UNSTABLE)
    rows = [
        [key, *(f"{_share(runs, one, key):.1%}" for runs in (same, slower) for one in asked)]
        for key in same[0]
    ]
    return markdown_table(headers, rows) + "\n"


def _share(runs: Iterable[Outcomes], outcome: Outcome, key: str | None = None) -> float:
    """Return the share of cases, or of one case, that ended so."""
    counts = Counter(
        found for run in runs for name, found in run.items() if key is None or name == key
    )
    return counts[outcome] / counts.total()


def _is_odd(outcome: Outcome) -> bool:
    return outcome is not Outcome.OK


if __name__ == "__main__":
    sys.exit(main())
