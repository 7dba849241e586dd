"""What the gate concludes of all cases and counters, as a table, Markdown, JSON, exit code."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.gate_cases import find_case
from bench.gate_counters import Change
from bench.gate_lockstep import Case
from bench.gate_statistics import Finding, Outcome, Rules
from bench.machine import describe_machine
from bench.report import duration, markdown_table

__all__ = ["FAILURES", "Verdict", "exit_code", "render", "write_json"]

FAILURES = (Outcome.REGRESSED, Outcome.MISSING)


@dataclass
class Verdict:
    """All that one gate found.

    Parameters
    ----------
    base, head : str
        What was compared, as the user called it.
    rules : Rules
    how : str
        How each was run.
    findings : dict of str to Finding
        By case and threads.
    cases : dict of str to Case
        The last block of each, for its seconds.
    facts : dict
        What fits ended with, by case and side.
    changes : list of Change
        The counters.
    versions : dict
        Of the libraries, by side.
    accepted : collection of str
        Names of cases and counters whose change is meant.
    seconds : float
        How long all took.
    """

    base: str
    head: str
    rules: Rules
    how: str
    findings: dict[str, Finding] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepted: Collection[str] = ()
    seconds: float = 0.0

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of every case and counter whose change is not accepted."""
        all_of_them = {key: found.outcome for key, found in self.findings.items()}
        all_of_them |= {change.name: change.outcome for change in self.changes}
        return {
            name: outcome for name, outcome in all_of_them.items() if not self.is_accepted(name)
        }

    def is_accepted(self, name: str) -> bool:
        """Whether a change of that case or counter is meant."""
        return name in self.accepted or name.rpartition(" | ")[0] in self.accepted


def exit_code(verdict: Verdict) -> int:
    """Return 0 where nothing is slower, 1 where something is, 2 where it cannot be told."""
    outcomes = set(verdict.outcomes().values())
    if outcomes & set(FAILURES):
        return 1
    return 2 if Outcome.UNSTABLE in outcomes else 0


def render(verdict: Verdict) -> str:
    """Return the report in Markdown, which reads well in a terminal too."""
    headline = {0: "nothing is slower", 1: "something is slower", 2: "it could not be told"}
    parts = [
        f"# {verdict.head} against {verdict.base}: {headline[exit_code(verdict)]}",
        f"Red is a slowdown above {100.0 * verdict.rules.threshold:.0f} %, by the lower end of its "
        f"{100.0 * verdict.rules.level:.0f} % interval, that a second run bears out. "
        f"{verdict.how}",
        markdown_table(
            ["case", "at", "outcome", "time, base to head", "blocks", "head", "yardsticks", ""],
            [_row(verdict, key, found) for key, found in verdict.findings.items()],
        ),
    ]
    if verdict.changes:
        parts += ["## Counted, not timed", _counters(verdict)]
    machine = ", ".join(f"{name} {value}" for name, value in describe_machine().items())
    parts.append(f"Took {duration(verdict.seconds)}. Machine: {machine}.")
    versions = {json.dumps(found) for found in verdict.versions.values()}
    if len(versions) > 1:
        parts.append(f"The sides ran on different versions: {json.dumps(verdict.versions)}.")
    return "\n\n".join(parts) + "\n"


def write_json(verdict: Verdict, path: Path) -> None:
    """Write the figures."""
    content = {
        "base": verdict.base,
        "head": verdict.head,
        "exit_code": exit_code(verdict),
        "rules": asdict(verdict.rules),
        "how": verdict.how,
        "cases": {key: _finding(verdict, key) for key in verdict.findings},
        "counters": [
            {**asdict(change), "outcome": change.outcome.name.lower()} for change in verdict.changes
        ],
        "accepted": sorted(verdict.accepted),
        "versions": verdict.versions,
        "seconds": verdict.seconds,
        "machine": describe_machine(),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _row(verdict: Verdict, key: str, found: Finding) -> list[object]:
    _, name, mode = find_case(key)
    seconds = multiple = "-"
    if key in verdict.cases:
        case = verdict.cases[key]
        seconds = duration(case.seconds[1])
        multiple = f"{case.seconds[1] / case.yardstick[1]:.2f}"
    notes = [found.note] if found.note else []
    if found.second is not None:
        notes.append(f"second run {found.second}")
    if found.outcome in (*FAILURES, Outcome.UNSTABLE) and verdict.is_accepted(key):
        notes.append("accepted")
    outcome = found.outcome.name
    outcome = outcome if found.outcome in (*FAILURES, Outcome.UNSTABLE) else outcome.lower()
    estimate = "-" if found.interval is None else str(found.interval)
    blocks = len(found.samples) or "-"
    return [name, mode, outcome, estimate, blocks, seconds, multiple, "; ".join(notes)]


def _counters(verdict: Verdict) -> str:
    told = [
        change
        for change in verdict.changes
        if change.outcome is not Outcome.OK or change.before != change.now
    ]
    same = f"{len(verdict.changes) - len(told)} of {len(verdict.changes)} counters are the same."
    if not told:
        return same
    rows = [
        [
            change.name,
            _shown(change.before),
            _shown(change.now),
            change.outcome.name if change.outcome in FAILURES else change.outcome.name.lower(),
            "; ".join(
                [change.note] * bool(change.note)
                + ["accepted"] * (change.outcome in FAILURES and verdict.is_accepted(change.name))
            ),
        ]
        for change in told
    ]
    return f"{same}\n\n{markdown_table(['counter', 'base', 'head', 'outcome', ''], rows)}"


def _shown(count: Any) -> str:
    return f"{len(count)} names" if isinstance(count, list) else str(count)


def _finding(verdict: Verdict, key: str) -> dict[str, Any]:
    found = verdict.findings[key]
    case = verdict.cases.get(key)
    return {
        "outcome": found.outcome.name.lower(),
        "note": found.note,
        "first_run": None if found.interval is None else asdict(found.interval),
        "second_run": None if found.second is None else asdict(found.second),
        "log_ratios": found.samples,
        "seconds": None if case is None else case.seconds,
        "yardstick_seconds": None if case is None else case.yardstick,
        "facts": verdict.facts.get(key, {}),
    }
