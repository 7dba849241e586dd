"""What the gate measured, in files: multiples to compare with, and noise to replay.

A *recording* is a run of the gate of one revision against itself, all its log-ratios.
`replay_runs` plays recordings to the gate's decisions as if they were measured now, with a
slowdown put in where one is wanted: so is tested how often the gate is right on a real
machine.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.gate_lockstep import Block, value_of
from bench.gate_statistics import (
    Finding,
    Interval,
    Measure,
    Outcome,
    Rules,
    confirm,
    decide,
    paired_interval,
)
from bench.machine import describe_machine

__all__ = [
    "Outcomes",
    "Recording",
    "Replay",
    "Resampled",
    "StoredMultiples",
    "replay_runs",
    "resample_runs",
    "save_multiples",
    "save_recording",
    "whole_run",
]

_UNIT = 1e-4  # of a stored log-ratio
_STRETCH = 3  # blocks that stay together when they are drawn: what slows one may slow the next
Outcomes = dict[str, Outcome]

_SAME_MACHINE = ("cpu", "cores", "threads", "system")


@dataclass(frozen=True)
class StoredMultiples:
    """Log-multiples by case, a value a process."""

    PROCESSES: ClassVar[int] = 8

    multiples: dict[str, list[float]]

    @classmethod
    def load(cls, path: Path) -> StoredMultiples:
        """Read a file of `save_multiples`.

        Raises
        ------
        ValueError
            It is another file, or of another machine.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        if "log_multiples" not in content:
            raise ValueError(f"{path} holds no multiples; expected a file that --save wrote.")
        here, there = describe_machine(), content["machine"]
        other = [name for name in _SAME_MACHINE if here[name] != there.get(name)]
        if other:
            raise ValueError(
                f"{path} is of a machine with another {', '.join(other)}; multiples of a "
                "yardstick bear another hour, not another machine. Store them here with --save."
            )
        return cls(content["log_multiples"])


def save_multiples(path: Path, multiples: Mapping[str, Sequence[float]]) -> None:
    """Write log-multiples, with the machine."""
    rounded = {key: [round(value, 4) for value in values] for key, values in multiples.items()}
    content = {"machine": describe_machine(), "log_multiples": rounded}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def save_recording(path: Path, blocks: Sequence[Block]) -> None:
    """Write the log-ratios of every quad of every block, in units of 0.0001."""
    content: dict[str, Any] = {"machine": describe_machine(), "unit": _UNIT, "seconds": {}}
    keys = list(dict.fromkeys(key for block in blocks for key in block))
    for key in keys:
        times = [block[key].seconds[0] for block in blocks if key in block]
        content["seconds"][key] = float(f"{statistics.median(times):.3g}")
    content["quads"] = {
        key: [
            [round(quad / _UNIT) for quad in block[key].quads] for block in blocks if key in block
        ]
        for key in keys
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=None, separators=(",", ":"))
    path.write_text(text.replace('],"', '],\n"') + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Recording:
    """The log-ratios of identical revisions, by case: a list of blocks of quads."""

    quads: dict[str, list[list[float]]]

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read a file of `save_recording`."""
        content = json.loads(path.read_text(encoding="utf-8"))
        unit = content["unit"]
        return cls(
            {
                key: [[unit * quad for quad in block] for block in blocks]
                for key, blocks in content["quads"].items()
            }
        )

    @property
    def keys(self) -> list[str]:
        """Its cases."""
        return list(self.quads)

    @cached_property
    def whole_blocks(self) -> list[dict[str, float]]:
        """The log-ratios of the blocks that hold every case."""
        count = min(len(blocks) for blocks in self.quads.values())
        return [
            {key: value_of(blocks[number]) for key, blocks in self.quads.items()}
            for number in range(count)
        ]


@dataclass
class Replay:
    """Plays the blocks of recordings in a row, as if they were measured now.

    Calling it with cases returns the log-ratios of the next block of each.  A run that
    goes on for longer than the recording goes on with the next one.

    Parameters
    ----------
    recordings : sequence of Recording
    first : int
        The recording to start with.
    swapped : bool
        Whether the sides change places, which they may where both are one revision.
    slowdown : mapping of str to float
        What the head takes more in some cases, as a share of the time.
    """

    recordings: Sequence[Recording]
    first: int = 0
    swapped: bool = False
    slowdown: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.recordings)
        row = [self.recordings[(self.first + step) % count] for step in range(count)]
        self._rows = {
            key: cycle(
                [value_of(block) for recording in row for block in recording.quads.get(key, [])]
            )
            for key in row[0].keys
        }

    def __call__(self, keys: Sequence[str]) -> dict[str, list[float]]:
        """Return the next block."""
        sign = -1.0 if self.swapped else 1.0
        return {
            key: [sign * next(self._rows[key]) + math.log1p(self.slowdown.get(key, 0.0))]
            for key in keys
        }


class Resampled:
    """Plays blocks that are drawn from recordings, so that there are any number of runs.

    All cases of a block come from the same recorded block, and `_STRETCH` blocks stay
    together.  Only those are drawn that every case has, the first of a run.

    Parameters
    ----------
    recordings : sequence of Recording
    seed : int
        Says which are drawn, and whether the sides change places.
    slowdown : float
        What the head takes more, as a share of the time.
    """

    def __init__(self, recordings: Sequence[Recording], seed: int, slowdown: float = 0.0) -> None:
        self._recordings = recordings
        self._rng = np.random.default_rng(seed)
        self._sign = self._rng.choice((-1.0, 1.0))
        self._shift = math.log1p(slowdown)
        self._stretch: list[dict[str, float]] = []

    def __call__(self, keys: Sequence[str]) -> dict[str, list[float]]:
        """Return the next block."""
        if not self._stretch:
            blocks = self._recordings[self._rng.integers(len(self._recordings))].whole_blocks
            first = self._rng.integers(max(len(blocks) - _STRETCH, 0) + 1)
            self._stretch = blocks[first : first + _STRETCH]
        block = self._stretch.pop(0)
        return {key: [self._sign * block[key] + self._shift] for key in keys}


def whole_run(measure: Measure, keys: Sequence[str], rules: Rules) -> Outcomes:
    """Return the outcomes of a run of the gate, its second run included."""

    def interval_of(key: str, samples: Sequence[float]) -> Interval:
        return paired_interval(samples, rules.level)

    def run(some: Sequence[str]) -> dict[str, Finding]:
        return decide(measure, some, interval_of, rules)

    return {key: found.outcome for key, found in confirm(run(keys), run, rules).items()}


def replay_runs(
    recordings: Sequence[Recording], slowdown: float, rules: Rules, most: int = 100
) -> Iterator[Outcomes]:
    """Yield the outcomes of runs as they were recorded, each also with the sides swapped."""
    ways = product(range(len(recordings)), (False, True))
    for first, swapped in islice(ways, most):
        keys = recordings[first].keys
        replay = Replay(recordings, first, swapped, dict.fromkeys(keys, slowdown))
        yield whole_run(replay, keys, rules)


def resample_runs(
    recordings: Sequence[Recording], slowdown: float, rules: Rules, count: int
) -> Iterator[Outcomes]:
    """Yield the outcomes of so many runs of blocks drawn from all recordings."""
    for seed in range(count):
        measure = Resampled(recordings, seed, slowdown)
        yield whole_run(measure, recordings[0].keys, rules)
