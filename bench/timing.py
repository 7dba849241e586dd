"""Times of things that are to be compared: run alternately, so that drift hits all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Timing", "clock", "interleave"]


@dataclass(frozen=True)
class Timing:
    """The wall times of one candidate, and what its last run returned."""

    seconds: tuple[float, ...]
    result: Any

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return statistics.median(self.seconds)


def clock(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the wall time of one call, and what it returned."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def interleave(
    candidates: Mapping[str, Callable[[], Any]],
    *,
    rounds: int,
    warm: Mapping[str, Callable[[], Any]] | None = None,
    yardstick: Callable[[], object] | None = None,
    rest: float = 0.0,
    lead: bool = False,
) -> dict[str, Timing]:
    """Warm every candidate up, then run all of them once a round.

    Every round starts with another candidate, so that none always follows the same one.
    The garbage collector rests while the clock runs.

    Parameters
    ----------
    candidates : mapping of str to callable
        What is timed, by name.
    rounds : int
        Timed runs of each.
    warm : mapping of str to callable, optional
        What warms a candidate up (loads its code, starts its threads); by default the
        candidate itself.
    yardstick : callable, optional
        Called before every round, outside the clock: a measurement of the machine that
        belongs to the same minutes.
    rest : float
        Seconds of sleep before every run: the threads of a BLAS spin on after a product,
        and would take the cores from what runs next.
    lead : bool
        Whether a run off the clock goes right before every timed one, as one pass of a fit
        follows another: what has slept takes up to milliseconds to wake.
    """
    for name, function in candidates.items():
        (warm or {}).get(name, function)()
    names = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    results: dict[str, Any] = {}
    for number in range(rounds):
        if yardstick is not None:
            yardstick()
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            results.pop(name, None)  # its memory must not be held twice
            time.sleep(rest)
            elapsed, results[name] = _clock_without_collector(candidates[name], lead=lead)
            seconds[name].append(elapsed)
    return {name: Timing(tuple(seconds[name]), results[name]) for name in names}


def _clock_without_collector(function: Callable[[], Any], *, lead: bool) -> tuple[float, Any]:
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        if lead:
            function()
        return clock(function)
    finally:
        if was_enabled:
            gc.enable()
