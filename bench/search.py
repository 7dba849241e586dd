"""The setting at which a peer is compared: the loosest tolerance, the better threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from bench.fit_process import FitProcess, Outcome, Request
from bench.report import duration, progress

__all__ = ["GAP", "TOLERANCES", "Best", "Choice", "Patience", "choose"]

TOLERANCES = tuple(10.0**-k for k in range(2, 13))
GAP = 1e-8  # relative; what counts as the same objective


class Patience(NamedTuple):
    """How long a peer may take, in seconds.

    Parameters
    ----------
    fit : float
        One fit; a longer one is ended.
    search : float
        All fits of the search; what is over ends the search after the fit that runs.
    is_thorough : bool
        Whether every tolerance of the grid is tried, and one thread; else every second
        tolerance, with all threads.
    """

    fit: float
    search: float
    is_thorough: bool = True


class Best:
    """The least objective seen, that gaps are measured from."""

    def __init__(self) -> None:
        self.objective: float | None = None

    def see(self, outcome: Outcome) -> None:
        """Take an outcome into account."""
        if outcome.objective is not None and (
            self.objective is None or outcome.objective < self.objective
        ):
            self.objective = outcome.objective

    def gap(self, outcome: Outcome) -> float | None:
        """Return how far an outcome is above the least, relatively; None if it failed."""
        if outcome.objective is None or self.objective is None:
            return None
        return (outcome.objective - self.objective) / abs(self.objective)

    def reached_by(self, outcome: Outcome) -> bool:
        """Return whether an outcome has the same objective, to `GAP`."""
        gap = self.gap(outcome)
        return gap is not None and gap <= GAP


@dataclass(frozen=True)
class Choice:
    """A peer's setting and what the search for it saw.

    Parameters
    ----------
    name : str
    tol : float
        The loosest tolerance that reached the objective, or the last that ended.
    threads : int
    reached : bool
        Whether it did.
    seen : Outcome
        Of that run.
    ended : str
        Why the search ended, where it was not reached.
    """

    name: str
    tol: float
    threads: int
    reached: bool
    seen: Outcome
    ended: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Choice:
        """Return the choice that `as_dict` made values of."""
        return cls(**{**values, "seen": Outcome(**values["seen"])})


def choose(process: FitProcess, name: str, best: Best, threads: int, patience: Patience) -> Choice:
    """Return the setting of a peer.

    Parameters
    ----------
    process : FitProcess
        Holds the table.
    name : str
        The rival.
    best : Best
        The objective to reach.
    threads : int
        Threads that there are; the search runs with all, and one is tried at its end.
    patience : Patience
    """
    choice = _loosest(process, name, best, threads, patience)
    if not (choice.reached and patience.is_thorough) or threads == 1:
        return choice
    # What would take longer is no better.
    single = process.fit(Request(name, choice.tol, 1), 1.5 * choice.seen.seconds + 1.0)
    best.see(single)
    _tell(name, choice.tol, 1, best, single)
    if best.reached_by(single) and single.seconds < choice.seen.seconds:
        return Choice(name, choice.tol, 1, True, single)
    return choice


def _loosest(
    process: FitProcess, name: str, best: Best, threads: int, patience: Patience
) -> Choice:
    left = patience.search
    last = Choice(name, TOLERANCES[0], threads, False, Outcome(0.0, says="not run"))
    ended = f"{TOLERANCES[-1]:.0e} is the tightest tolerance tried"
    for tol in TOLERANCES if patience.is_thorough else TOLERANCES[::2]:
        seen = process.fit(Request(name, tol, threads), patience.fit)
        best.see(seen)
        _tell(name, tol, threads, best, seen)
        if best.reached_by(seen):
            return Choice(name, tol, threads, True, seen)
        left -= seen.seconds
        if seen.objective is None:
            ended = f"tol {tol:.0e}: {seen.says}"
            if last.seen.objective is None:
                last = Choice(name, tol, threads, False, seen)
            break
        last = Choice(name, tol, threads, False, seen)
        if left <= 0.0:
            ended = f"{patience.search:g} s of search are over"
            break
    return Choice(last.name, last.tol, last.threads, False, last.seen, ended)


def _tell(name: str, tol: float, threads: int, best: Best, seen: Outcome) -> None:
    gap = best.gap(seen)
    told = seen.says if gap is None else f"gap {gap:.1e}, {seen.says}"
    progress(f"  {name}, tol {tol:.0e}, {threads} threads: {duration(seen.seconds)}, {told}")
