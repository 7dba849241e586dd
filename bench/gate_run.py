"""A whole run of the gate: two sides prepared, warmed, measured, judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.gate_cases import all_keys, find_case, make_tables
from bench.gate_counters import Change, compare_counters
from bench.gate_lockstep import FULL, QUICK, Lockstep, Multiples
from bench.gate_recording import StoredMultiples, save_multiples, save_recording
from bench.gate_report import Verdict
from bench.gate_sides import Side, accepted_names, case_names, prepare_side
from bench.gate_statistics import (
    Finding,
    Interval,
    Outcome,
    Rules,
    confirm,
    decide,
    paired_interval,
    shift_interval,
)
from bench.report import progress

__all__ = ["Request", "run_gate"]


@dataclass(frozen=True)
class Request:
    """What a run is asked for; the fields are the options of the command."""

    base: str
    head: str
    work: Path
    rules: Rules
    minutes: float
    quick: bool = False
    only: str = ""
    shared_environment: bool = False
    counters: bool = True
    accept: tuple[str, ...] = ()
    save: Path | None = None
    record: Path | None = None

    @property
    def keys(self) -> list[str]:
        """The cases that are asked for."""
        found = [key for key in all_keys(quick=self.quick) if self.only.lower() in key.lower()]
        if not found:
            raise ValueError(f"no case has {self.only!r} in its name; see bench/gate_cases.py.")
        return found

    @property
    def is_stored(self) -> bool:
        """Whether BASE is a file of multiples."""
        return self.base.endswith(".json")


def run_gate(request: Request) -> Verdict:
    """Return what was found.

    Raises
    ------
    RuntimeError
        A revision that cannot be checked out or installed, or a process that failed.
    ValueError
        No case of that name, or multiples of another machine.
    """
    began = time.monotonic()
    keys = request.keys
    request.work.mkdir(parents=True, exist_ok=True)
    tables = request.work / "tables"
    make_tables(keys, tables)
    verdict = Verdict(request.base, request.head, request.rules, _how(request))
    if request.is_stored:
        _against_multiples(verdict, request, keys, tables)
    else:
        _against_revision(verdict, request, keys, tables)
    verdict.accepted = {*request.accept, *accepted_names(request.base, request.head)}
    verdict.seconds = time.monotonic() - began
    return verdict


def _against_revision(verdict: Verdict, request: Request, keys: list[str], tables: Path) -> None:
    base, head = (
        prepare_side(name, label, request.work, shared=request.shared_environment)
        for name, label in ((request.base, "base"), (request.head, "head"))
    )
    lockstep = Lockstep(base, head, tables, QUICK if request.quick else FULL)
    progress("warming both up: a new revision compiles its kernels")
    runnable = lockstep.warm_up(keys)
    verdict.versions = lockstep.versions

    def interval_of(key: str, samples: Sequence[float]) -> Interval:
        return paired_interval(samples, request.rules.level)

    may_go_on = _clock(request.minutes)

    def run(some: Sequence[str]) -> dict[str, Finding]:
        return decide(lockstep, some, interval_of, request.rules, may_go_on)

    verdict.findings = confirm(run(runnable), run, request.rules)
    own_keys = set(case_names(base))
    verdict.findings |= _missing(own_keys - set(all_keys(quick=False)), "the gate's cases lack it")
    verdict.findings |= _unpaired(lockstep.errors)
    verdict.facts, verdict.cases = lockstep.facts, lockstep.last
    for key in verdict.facts:
        _note_objective(verdict, key)
    if request.save is not None:
        save_multiples(request.save, _multiples_of(head, tables, runnable))
    if request.record is not None:
        save_recording(request.record, lockstep.blocks)
    if request.counters:
        verdict.changes = _count(base, head)


def _against_multiples(verdict: Verdict, request: Request, keys: list[str], tables: Path) -> None:
    head = prepare_side(request.head, "head", request.work, shared=request.shared_environment)
    stored = StoredMultiples.load(Path(request.base))
    alone = Multiples(head, tables)
    progress("warming up")
    alone(keys)
    known = [key for key in keys if key in stored.multiples and key not in alone.errors]

    def interval_of(key: str, samples: Sequence[float]) -> Interval:
        return shift_interval(stored.multiples[key], samples, request.rules.level)

    may_go_on = _clock(request.minutes)

    def run(some: Sequence[str]) -> dict[str, Finding]:
        return decide(alone, some, interval_of, request.rules, may_go_on)

    verdict.findings = confirm(run(known), run, request.rules)
    asked = {key for key in stored.multiples if key in keys or find_case(key)[0] is None}
    verdict.findings |= _missing(asked - set(known), "stored, and cannot be measured now")
    new = set(keys) - set(stored.multiples)
    verdict.findings |= {key: Finding(Outcome.NEW) for key in sorted(new)}
    verdict.facts = alone.facts


def _how(request: Request) -> str:
    where = (
        "Both sides ran in this one environment"
        if request.shared_environment
        else "Each side ran in an environment of its own"
    )
    if request.is_stored:
        return "Times are in those of a yardstick; the other side's were stored in a file."
    return f"{where}, each with its own cache of kernels, taking turns in fresh processes."


def _clock(minutes: float) -> Callable[[], bool]:
    deadline = time.monotonic() + 60.0 * minutes
    return lambda: time.monotonic() < deadline


def _missing(keys: Iterable[str], note: str) -> dict[str, Finding]:
    return {key: Finding(Outcome.MISSING, note=note) for key in sorted(keys)}


def _unpaired(errors: Mapping[str, Mapping[str, str]]) -> dict[str, Finding]:
    """Return the findings of the cases that a side cannot run."""
    found = {}
    for key, sides in errors.items():
        outcome = Outcome.MISSING if "base" not in sides else Outcome.NEW
        if len(sides) == 2:
            outcome = Outcome.ABSENT
        found[key] = Finding(outcome, note="; ".join(f"{s}: {e}" for s, e in sides.items()))
    return found


def _note_objective(verdict: Verdict, key: str) -> None:
    """Say where two fits did not end at the same objective: their times are no comparison."""
    ends = [verdict.facts[key].get(side, {}).get("objective") for side in ("base", "head")]
    if None in ends or key not in verdict.findings:
        return
    if abs(ends[1] - ends[0]) > 1e-6 * abs(ends[0]):
        found = verdict.findings[key]
        note = f"objective {ends[1]:.9g}, before {ends[0]:.9g}"
        outcome = Outcome.REGRESSED if ends[1] > ends[0] else found.outcome
        verdict.findings[key] = replace(found, outcome=outcome, note=note)


def _multiples_of(head: Side, tables: Path, keys: Sequence[str]) -> dict[str, list[float]]:
    """Return log-multiples of the head from processes of its own."""
    alone = Multiples(head, tables)
    found: dict[str, list[float]] = {key: [] for key in keys}
    for number in range(StoredMultiples.PROCESSES):
        progress(f"multiples to store: process {number + 1} of {StoredMultiples.PROCESSES}")
        for key, values in alone(keys).items():
            found[key] += values
    return found


def _count(base: Side, head: Side) -> list[Change]:
    progress("counting")

    def count(side: Side) -> dict[str, Any]:
        with side.start() as worker:
            return worker.ask("gate_counters", package=str(side.package))

    # No clock runs, so the sides may work at once; each is counted twice.
    with ThreadPoolExecutor(2) as pool:
        (base_1, head_1), (base_2, head_2) = (
            tuple(pool.map(count, (base, head))) for _ in range(2)
        )
    return compare_counters((base_1, base_2), (head_1, head_2))
