"""The picture of ``fastlogreg bench``: time against gap, a line a solver."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fastlogreg.cli.contest import OURS, SAME_OBJECTIVE, Entry
from fastlogreg.inspection.plots import require_matplotlib

__all__ = ["save_contest_picture"]

_OURS_COLOUR, _INK = "#c8452e", "#333333"
_SHADE = "#eef3ee"
_COLOURS = ("#2a6fb0", "#3b9a6d", "#8a63b8", "#b0832a", "#5b6b7a", "#c05a9a")
_MARKERS = ("s", "^", "D", "v", "P", "X")
_LEAST_GAP = 1e-16  # what rounding leaves


def save_contest_picture(
    entries: Sequence[Entry], best: float, path: str | os.PathLike[str], *, title: str
) -> None:
    """Write a PNG: the time of each fit against how far it ended above the best objective.

    Parameters
    ----------
    entries : sequence of Entry
        The fits.
    best : float
        The least objective that was found.
    path : str or path-like
        The file; an existing one is replaced.
    title : str
        Headline.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    OSError
        The file cannot be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    solvers = list(dict.fromkeys(entry.solver for entry in entries))
    others = [solver for solver in solvers if solver != OURS]
    for solver in solvers:
        own = [entry for entry in entries if entry.solver == solver]
        is_ours = solver == OURS
        number = 0 if is_ours else others.index(solver)
        ax.plot(
            [entry.seconds for entry in own],
            [max(entry.gap(best), _LEAST_GAP) for entry in own],
            color=_OURS_COLOUR if is_ours else _COLOURS[number % len(_COLOURS)],
            marker="o" if is_ours else _MARKERS[number % len(_MARKERS)],
            linewidth=2.6 if is_ours else 1.5,
            markersize=8 if is_ours else 6,
            zorder=4 if is_ours else 3,
            label=solver,
        )
    ax.set(xscale="log", yscale="log", xlabel="seconds of the fit")
    ax.set_ylabel("objective above the best one, relatively")
    low, high = ax.get_ylim()
    low = min(low, SAME_OBJECTIVE / 10.0)
    ax.set_ylim(low, max(high, SAME_OBJECTIVE * 10.0))
    ax.axhspan(low, SAME_OBJECTIVE, color=_SHADE, zorder=0)
    ax.text(
        0.99,
        SAME_OBJECTIVE,
        "below: times are compared",
        transform=ax.get_yaxis_transform(),
        ha="right",
        va="top",
        fontsize="small",
        color=_INK,
        # Readable where a line runs through it.
        bbox={"facecolor": _SHADE, "edgecolor": "none", "pad": 1.5},
        zorder=5,
    )
    ax.grid(which="major", color="#dddddd", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(title, loc="left", fontsize="medium", color=_INK)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    figure.savefig(path, format="png", dpi=150)
