"""What runs now, on standard error, so that standard output holds results only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

from fastlogreg.solvers import Step

__all__ = ["Progress"]


class Progress:
    """Tells what runs: a spinner on a terminal, lines elsewhere.

    Parameters
    ----------
    every : float, default=1.0
        Where standard error is no terminal, at most a line per so many seconds, none in
        the first: a quick command in a script is silent, a log of a long one stays short.
    """

    def __init__(self, every: float = 1.0) -> None:
        self._console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._every = every
        self._last_line = time.perf_counter()
        self._title = ""
        self._status: Status | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show *title* while the block runs, then how long it took."""
        self._title = title
        began = time.perf_counter()
        if self._console.is_terminal:
            with self._console.status(Text(title)) as self._status:
                try:
                    yield
                finally:
                    self._status = None
        else:
            yield
        done = f"{title}: {time.perf_counter() - began:.1f} s"
        if self._console.is_terminal:
            self._console.print(done, style="dim")
        else:
            self._line(done)

    def update(self, detail: str) -> None:
        """Show how far the present step is."""
        if self._status is not None:
            self._status.update(Text(f"{self._title}: {detail}"))
        else:
            self._line(f"{self._title}: {detail}")

    def observe(self, step: Step) -> None:
        """Show an iteration of a fit; the ``callback`` of an estimator."""
        self.update(
            f"iteration {step.iteration}, objective {step.objective:.7g}, "
            f"gradient {step.gradient_norm:.1e}"
        )

    def _line(self, text: str) -> None:
        now = time.perf_counter()
        if now - self._last_line >= self._every:
            self._last_line = now
            self._console.print(text, soft_wrap=True)
