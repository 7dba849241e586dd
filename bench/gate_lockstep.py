"""Two processes in lockstep: how the gate measures a block.

A block is a pair of fresh processes, one a revision.  Both prepare a case at once, then take
turns in the order ABBA BAAB ..., some milliseconds each, while the other waits on a pipe and
uses no processor.  So what the machine does to one, a neighbour on the same memory, a lower
clock, it does to the other a moment later, and the ratio of their times has a fraction of
the noise of either.  What differs from process to process instead, such as where its pages
lie, is drawn anew with every block; that is why blocks, not turns, are what the gate's
interval counts.

A *turn* is worth the least of its runs, a *quad* of turns the mean of its log-ratios, a
block the median of its quads.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gate_sides import Side, Worker
from bench.gate_statistics import log_multiple
from bench.report import progress

__all__ = ["FULL", "QUICK", "Block", "Case", "Lockstep", "Multiples", "Pace", "value_of"]

# Least quads of a case by the seconds of a turn.  Beyond the last, the two runs that told how
# long it takes are all, and the order of the sides changes from block to block.
_LEAST_QUADS = ((0.08, 4), (0.2, 2), (0.9, 1))
# Short turns begin with a quad that is not kept: threads that just ran something else, and
# those of a BLAS above all, make the first one several times as noisy as the next.
_LEAD = 0.04
_YARDSTICKS = 4  # after the turns

_WORK = "gate_measure"


@dataclass(frozen=True)
class Case:
    """What a block found of a case.

    Parameters
    ----------
    quads : tuple of float
        Log-ratios B to A, a quad each.
    seconds, yardstick : tuple of two floats
        Median seconds of A and of B.
    """

    quads: tuple[float, ...]
    seconds: tuple[float, float]
    yardstick: tuple[float, float]


Block = Mapping[str, Case]


@dataclass(frozen=True)
class Pace:
    """How long a case takes in a block.

    Parameters
    ----------
    least, most : float
        Seconds of a case, both sides together.
    block : float
        Seconds of a block, if that leaves each case as much.  Starting the processes takes
        several, so that a later block of a few undecided cases spends longer on each.
    """

    least: float
    most: float
    block: float

    def seconds(self, n_cases: int) -> float:
        """Return the seconds of a case in a block of so many."""
        return min(max(self.block / n_cases, self.least), self.most)


FULL = Pace(0.3, 3.0, 8.0)
QUICK = Pace(0.3, 3.0, 3.0)


def value_of(quads: Sequence[float]) -> float:
    """Return the log-ratio of a block by its quads."""
    return statistics.median(quads)


@dataclass
class Lockstep:
    """Measures blocks of two revisions, and keeps what it found.

    Calling it with cases runs one block of them and returns the log-ratio of each.

    Parameters
    ----------
    base, head : Side
    tables : Path
    pace : Pace
    """

    base: Side
    head: Side
    tables: Path
    pace: Pace = FULL
    blocks: list[Block] = field(default_factory=list)
    last: dict[str, Case] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def warm_up(self, keys: Sequence[str]) -> list[str]:
        """Run every case once a side, so that its kernels are kept; return what both can run."""

        def prepare_all(name: str, side: Side) -> None:
            with side.start() as worker:
                self.versions[name] = worker.ask(_WORK, do="versions")
                for key in keys:
                    self._prepare(worker, name, key)

        with ThreadPoolExecutor(2) as pool:  # no clock runs, so both may work at once
            list(pool.map(prepare_all, ("base", "head"), (self.base, self.head)))
        return [key for key in keys if key not in self.errors]

    def __call__(self, keys: Sequence[str]) -> dict[str, list[float]]:
        """Run one block."""
        progress(f"block {len(self.blocks) + 1}: {len(keys)} cases")
        seconds = self.pace.seconds(len(keys))
        swapped = len(self.blocks) % 2 == 1
        processor = self._processor()
        found: dict[str, Case] = {}
        with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
            base = stack.enter_context(self.base.start())
            pair = (base, stack.enter_context(self.head.start()))
            for key in keys:
                list(pool.map(self._prepare, pair, ("base", "head"), (key, key)))
                if key in self.errors:
                    continue
                sizes = {
                    side: pair[side].ask(_WORK, do="size", processor=processor)
                    for side in ((1, 0) if swapped else (0, 1))
                }
                turns = _Turns.of(seconds, sizes[0], sizes[1])
                found[key] = _take_turns(pair, turns, swapped)
        self.blocks.append(found)
        self.last |= found
        return {key: [value_of(case.quads)] for key, case in found.items()}

    def _processor(self) -> int | None:
        """Return where both sides are to run what has one thread: another one in turn."""
        sides = [set(found["processors"]) for found in self.versions.values()]
        common = sorted(set.intersection(*sides)) if sides else []
        # Two blocks each, for in one of two the sides change places.
        return common[len(self.blocks) // 2 % len(common)] if common else None

    def _prepare(self, worker: Worker, side: str, key: str) -> None:
        answer = worker.ask(_WORK, do="prepare", key=key, tables=str(self.tables))
        if "error" in answer:
            self.errors.setdefault(key, {})[side] = answer["error"]
        else:
            self.facts.setdefault(key, {})[side] = answer["facts"]


@dataclass
class Multiples:
    """Measures the head alone: for multiples to store, to compare with, or to read.

    Calling it runs one fresh process and returns a log-multiple of each case.
    """

    head: Side
    tables: Path
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    yardsticks: dict[str, list[float]] = field(default_factory=dict)

    def __call__(self, keys: Sequence[str]) -> dict[str, list[float]]:
        """Run one process."""
        found = {}
        with self.head.start() as worker:
            for key in keys:
                answer = worker.ask(_WORK, do="prepare", key=key, tables=str(self.tables))
                if "error" in answer:
                    self.errors[key] = {"head": answer["error"]}
                    continue
                self.facts[key] = {"head": answer["facts"]}
                size = worker.ask(_WORK, do="size")
                seconds, yardstick = [], []
                for _ in range(2 * max(_Turns.of(FULL.least, size).quads, 1)):
                    yardstick += worker.ask(_WORK, do="yardstick")["seconds"]
                    seconds.append(worker.ask(_WORK, do="turn")["seconds"])
                found[key] = [log_multiple(seconds, yardstick)]
                self.seconds.setdefault(key, []).append(statistics.median(seconds))
                self.yardsticks.setdefault(key, []).append(statistics.median(yardstick))
        return found


@dataclass(frozen=True)
class _Turns:
    """How many quads, how many runs a turn of them, and what both sides took in one run."""

    quads: int
    runs: int
    trial: tuple[float, ...]

    @property
    def lead(self) -> int:
        """How many quads come before those that count."""
        return int(self.runs * max(self.trial) < _LEAD)

    @classmethod
    def of(cls, seconds: float, *answers: Mapping[str, Any]) -> _Turns:
        """Return the same for both sides, by what they answered when they prepared."""
        runs = max(answer["runs"] for answer in answers)
        trial = tuple(answer["seconds"] for answer in answers)
        turn = runs * max(trial)
        least = next((quads for longest, quads in _LEAST_QUADS if turn < longest), 0)
        share = seconds * answers[0]["share"]
        return cls(max(round(share / (4.0 * turn)), least) if least else 0, runs, trial)


def _take_turns(pair: tuple[Worker, Worker], turns: _Turns, swapped: bool) -> Case:
    seconds: tuple[list[float], list[float]] = ([], [])
    quads = []
    for number in range(-turns.lead, turns.quads):
        outer = (number + swapped) % 2
        taken: tuple[list[float], list[float]] = ([], [])
        for side in (outer, 1 - outer, 1 - outer, outer):
            taken[side].append(pair[side].ask(_WORK, do="turn", runs=turns.runs)["seconds"])
        if number < 0:
            continue
        quads.append(sum(math.log(b / a) for a, b in zip(*taken, strict=True)) / 2.0)
        for side in (0, 1):
            seconds[side].extend(taken[side])
    if not quads:
        a, b = turns.trial
        quads, seconds = [math.log(b / a)], ([a], [b])
    yardsticks = [
        worker.ask(_WORK, do="yardstick", count=_YARDSTICKS)["seconds"] for worker in pair
    ]
    medians = [
        (statistics.median(times[0]), statistics.median(times[1]))
        for times in (seconds, yardsticks)
    ]
    return Case(tuple(quads), *medians)
