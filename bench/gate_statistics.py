"""What the gate concludes from repeated measurements, and how sure it is.

A block of four processes in the order ABBA (or BAAB) gives one *paired log-ratio* for a
case: the mean of its log-multiples at B less that at A.  Drift that is even over a block
cancels.  Multiples are of a yardstick in the same process, so that a slower hour cancels
too.  The estimate is the pseudo-median of these log-ratios, the median of the means of all
pairs of them (Hodges and Lehmann), and its interval is the one that inverts Wilcoxon's
signed-rank test.

Why not a bootstrap of the median: the gate decides from 6 to 16 blocks, and the
percentile interval of a median of so few covers too little (tests/test_bench_gate.py
measures it: a stated 95 % is 91 to 93 %), while the signed-rank interval is exact for any
distribution that is symmetric.  That of the difference of two identical revisions is, for A
and B can change places.  It also needs a third fewer blocks than the median for the same
width where noise is Gaussian, and up to 29 % of the blocks may be outliers.

Against stored multiples there are no pairs; there the estimate is the median of all
differences, and the interval that of the test of Mann and Whitney.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from itertools import combinations_with_replacement

__all__ = [
    "Finding",
    "Interval",
    "Outcome",
    "Rules",
    "confirm",
    "decide",
    "log_multiple",
    "paired_interval",
    "shift_interval",
]

Measure = Callable[[Sequence[str]], Mapping[str, Sequence[float]]]


class Outcome(Enum):
    """What is concluded of a case, and what that means."""

    OK = "no slower than the threshold"
    FASTER = "faster by more than the threshold"
    REGRESSED = "slower by more than the threshold, and a second run agrees"
    UNSTABLE = "the noise neither shows a regression nor excludes it"
    MISSING = "measured before, and not now"
    NEW = "measured now, and not before"
    ABSENT = "neither revision can run it"


@dataclass(frozen=True)
class Rules:
    """When a case is decided.

    Parameters
    ----------
    threshold : float
        Slowdown, as a share of the time, that is no longer accepted.
    level : float
        Confidence of the interval, two-sided.
    least_blocks, most_blocks : int
        Blocks that every case gets, and that an undecided one gets at most.
    """

    threshold: float = 0.10
    level: float = 0.95
    least_blocks: int = 6
    most_blocks: int = 16

    @property
    def limit(self) -> float:
        """The threshold as a log-ratio."""
        return math.log1p(self.threshold)

    def outcome(self, interval: Interval) -> Outcome:
        """Return what an interval says."""
        if interval.low > self.limit:
            return Outcome.REGRESSED
        if interval.high >= self.limit:
            return Outcome.UNSTABLE
        return Outcome.FASTER if interval.high < -self.limit else Outcome.OK

    def agrees(self, interval: Interval) -> bool:
        """Return whether a second run's interval bears out that the case is slower.

        It shows that there is a slowdown, and its best guess is one above the threshold.
        """
        return interval.low > 0.0 and interval.estimate > self.limit


@dataclass(frozen=True)
class Interval:
    """A log-ratio and between what it lies."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        if not math.isfinite(self.high - self.low):
            return f"{_percent(self.estimate)}, too few blocks"
        return f"{_percent(self.estimate)} [{_percent(self.low)}, {_percent(self.high)}]"


@dataclass(frozen=True)
class Finding:
    """What was concluded of a case.

    Parameters
    ----------
    outcome : Outcome
    interval : Interval or None
        By the first run.
    samples : tuple of float
        Log-ratios of the first run.
    second : Interval or None
        By the second run, where there was one.
    note : str
        What else there is to say.
    """

    outcome: Outcome
    interval: Interval | None = None
    samples: tuple[float, ...] = ()
    second: Interval | None = None
    note: str = ""


def log_multiple(seconds: Sequence[float], yardstick: Sequence[float]) -> float:
    """Return the logarithm of a case's time in that of its yardstick, both medians."""
    return math.log(statistics.median(seconds) / statistics.median(yardstick))


def paired_interval(samples: Sequence[float], level: float) -> Interval:
    """Return the pseudo-median of paired log-ratios and its signed-rank interval."""
    means = sorted((a + b) / 2.0 for a, b in combinations_with_replacement(samples, 2))
    return _between(means, _rank(_signed_rank_counts(len(samples)), level))


def shift_interval(before: Sequence[float], now: Sequence[float], level: float) -> Interval:
    """Return by how much *now* lies above *before*, both log-multiples, and its interval."""
    differences = sorted(b - a for a in before for b in now)
    return _between(differences, _rank(_rank_sum_counts(len(before), len(now)), level))


def decide(
    measure: Measure,
    keys: Sequence[str],
    interval_of: Callable[[str, Sequence[float]], Interval],
    rules: Rules,
    may_go_on: Callable[[], bool] = lambda: True,
) -> dict[str, Finding]:
    """Measure cases block by block until each is decided, or has had its blocks.

    Parameters
    ----------
    measure : callable
        Runs one block of some cases and returns the samples of each; a case that it
        leaves out is left out of the result.
    keys : sequence of str
        The cases.
    interval_of : callable
        Returns the interval of (case, its samples).
    rules : Rules
    may_go_on : callable
        Whether there is time for a further block, once each case has had its least.
    """
    samples: dict[str, list[float]] = {key: [] for key in keys}
    findings: dict[str, Finding] = {}
    undecided = list(keys)
    for number in range(1, rules.most_blocks + 1):
        block = measure(undecided)
        undecided = [key for key in undecided if key in block]
        for key in undecided:
            samples[key] += block[key]
        if number < rules.least_blocks:
            continue
        for key in undecided:
            interval = interval_of(key, samples[key])
            findings[key] = Finding(rules.outcome(interval), interval, tuple(samples[key]))
        undecided = [key for key in undecided if findings[key].outcome is Outcome.UNSTABLE]
        if not undecided or not may_go_on():
            break
    return {key: findings[key] for key in keys if key in findings}


def confirm(
    first: Mapping[str, Finding],
    run_again: Callable[[Sequence[str]], Mapping[str, Finding]],
    rules: Rules,
) -> dict[str, Finding]:
    """Return the findings after a second run of what the first found to be slower.

    Only a case in which the second agrees has regressed; else it is unstable.
    """
    suspects = [key for key, found in first.items() if found.outcome is Outcome.REGRESSED]
    if not suspects:
        return dict(first)
    second = run_again(suspects)
    findings = dict(first)
    for key in suspects:
        interval = second[key].interval if key in second else None
        agrees = interval is not None and rules.agrees(interval)
        findings[key] = replace(
            first[key],
            outcome=Outcome.REGRESSED if agrees else Outcome.UNSTABLE,
            second=interval,
            note="" if agrees else "a second run does not agree",
        )
    return findings


def _between(ordered: Sequence[float], rank: int) -> Interval:
    """Return the median of ordered values, and those of a rank from either end."""
    middle = statistics.median(ordered)
    if rank == 0:
        return Interval(middle, -math.inf, math.inf)
    return Interval(middle, ordered[rank - 1], ordered[-rank])


def _rank(counts: Sequence[int], level: float) -> int:
    """Return how far in from the ends an interval of that level may go, 0 for not at all.

    *counts* has the ways in which a rank statistic comes to 0, 1, 2, ...
    """
    allowed = (1.0 - level) / 2.0 * sum(counts)
    rank, below = 0, 0
    for count in counts:
        below += count
        if below > allowed:
            break
        rank += 1
    return rank


@cache
def _signed_rank_counts(n: int) -> tuple[int, ...]:
    """Return how many subsets of 1, ..., n have each sum."""
    counts = [1]
    for rank in range(1, n + 1):
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    return tuple(counts)


@cache
def _rank_sum_counts(n: int, m: int) -> tuple[int, ...]:
    """Return in how many orders of n and m values so many pairs are inverted."""
    if n == 0 or m == 0:
        return (1,)
    # The largest value is one of the m, above all n; or one of the n, above none of the m.
    last_of_m, last_of_n = _rank_sum_counts(n, m - 1), _rank_sum_counts(n - 1, m)
    counts = [0] * (n * m + 1)
    for total, count in enumerate(last_of_m):
        counts[total + n] += count
    for total, count in enumerate(last_of_n):
        counts[total] += count
    return tuple(counts)


def _percent(log_ratio: float) -> str:
    return f"{100.0 * math.expm1(log_ratio):+.1f} %"
