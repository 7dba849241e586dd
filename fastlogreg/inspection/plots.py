"""Loss curves and decision boundaries.

Functions that draw on Axes return them, show nothing and change no global setting of
matplotlib, which is an optional dependency: it is imported inside them only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from fastlogreg.errors import InvalidDataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fastlogreg.solvers import Step

__all__ = ["plot_decision_boundary", "plot_loss", "require_matplotlib", "save_loss_curve"]

_BLUE, _RED, _INK = "#2a6fb0", "#c8452e", "#333333"
_PALE = ("#9dc1e2", "#f6f6f4", "#efb09f")  # probability 0, 0.5 and 1
_MARKED_UP_TO = 30  # values that get a marker each; more are a line
_GRID = 200  # points a side at which the probability is shaded


def require_matplotlib() -> None:
    """Raise an ImportError that says what to install, if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "matplotlib is needed to draw, and is not installed. Install it with: "
            'python -m pip install "fastlogreg[plot]"'
        ) from error


def plot_loss(
    values: Sequence[float],
    *,
    ax: Axes | None = None,
    title: str | None = None,
    xlabel: str = "epoch",
    ylabel: str = "summed loss",
    first: int = 1,
) -> Axes:
    """Draw a loss against the number of the epoch or iteration.

    Parameters
    ----------
    values : sequence of float
        The loss, one value an epoch.
    ax : matplotlib Axes or None, default=None
        Where to draw; None for a new figure of pyplot's.
    title, xlabel, ylabel : str
        The texts.
    first : int, default=1
        The number of the first value; 0 where that is the start, before any step.

    Returns
    -------
    matplotlib Axes
        Where it was drawn.

    Raises
    ------
    InvalidDataError
        No values.
    ImportError
        matplotlib is not installed.
    """
    require_matplotlib()
    if len(values) == 0:
        raise InvalidDataError("values is empty; expected at least one loss. Fit the model first.")
    if ax is None:
        ax = _new_axes()
    _draw_curve(ax, np.arange(first, first + len(values)), np.asarray(values), _BLUE)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title is not None:
        ax.set_title(title, loc="left")
    return ax


def save_loss_curve(
    history: Sequence[Step], path: str | os.PathLike[str], *, title: str | None = None
) -> None:
    """Write a PNG of a fit: the objective and the gradient norm of every iteration.

    pyplot and its current figure are left alone.

    Parameters
    ----------
    history : sequence of Step
        What ``history_`` of a fit holds, the start included.
    path : str or path-like
        The file, a PNG whatever its suffix; an existing one is replaced.
    title : str or None, default=None
        Headline; None for iterations, passes and time.

    Raises
    ------
    InvalidDataError
        An empty history.
    ImportError
        matplotlib is not installed.
    OSError
        The file cannot be written.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if len(history) == 0:
        raise InvalidDataError("history is empty; expected the steps of a fit, its history_.")
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    iterations = np.array([step.iteration for step in history])
    objectives = np.array([step.objective for step in history], dtype=np.float64)
    norms = np.array([step.gradient_norm for step in history], dtype=np.float64)

    _draw_curve(left, iterations, objectives, _BLUE)
    left.set(xlabel="iteration", ylabel="objective (mean log-loss + penalty)")
    left.set_title(f"ends at {objectives[-1]:.6g}", loc="right", fontsize="small", color=_BLUE)

    # A gradient of exactly 0 has no place on a logarithmic axis, but ends many small fits.
    shown = np.where(norms > 0.0, norms, np.nan)
    _draw_curve(right, iterations, shown, _RED)
    right.set(xlabel="iteration", ylabel="gradient, largest component")
    if np.isfinite(shown).any():
        right.set_yscale("log")
    right.set_title(f"ends at {norms[-1]:.1e}", loc="right", fontsize="small", color=_RED)

    figure.suptitle(title or _summary(history[-1]), fontsize="medium", color=_INK)
    figure.savefig(path, format="png", dpi=150)


def plot_decision_boundary(
    decision: Callable[[np.ndarray], np.ndarray],
    X: np.ndarray,
    y: np.ndarray,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    names: tuple[str, str] = ("column 0", "column 1"),
) -> Axes:
    """Draw points of two classes, the probability behind them and the line p = 0.5.

    Parameters
    ----------
    decision : callable
        Takes points ``(m, 2)`` and returns the log-odds ``(m,)`` of class 1.
    X : ndarray of shape (n_points, 2)
        The points; they set what part of the plane is shown.
    y : ndarray of shape (n_points,)
        Their classes, 0 or 1.
    ax : matplotlib Axes or None, default=None
        Where to draw; None for a new figure of pyplot's.
    title : str or None, default=None
        Headline.
    names : tuple of str, default=("column 0", "column 1")
        Labels of the axes.

    Returns
    -------
    matplotlib Axes
        Where it was drawn.  The line is missing where it does not cross the part shown.

    Raises
    ------
    InvalidDataError
        X of another shape than (n_points, 2), or y of another length.
    ImportError
        matplotlib is not installed.
    """
    require_matplotlib()
    if X.ndim != 2 or X.shape[1] != 2 or len(X) == 0:
        raise InvalidDataError(f"X has shape {X.shape}; expected (n_points, 2), to draw a plane.")
    if y.shape != (len(X),):
        raise InvalidDataError(f"y has shape {y.shape}; expected ({len(X)},), a class per point.")
    if ax is None:
        ax = _new_axes()
    horizontal, vertical = (_ticks_around(column) for column in X.T)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(horizontal, vertical)], axis=1)
    odds = np.asarray(decision(grid)).reshape(_GRID, _GRID)
    _shade(ax, horizontal, vertical, expit(odds))
    size = float(np.clip(6000.0 / len(X), 3.0, 34.0))
    handles = _scatter_classes(ax, X, y, size)
    if odds.min() < 0.0 < odds.max():
        # Contours of the log-odds: straight where the model is linear, however steep p is.
        ax.contour(horizontal, vertical, odds, levels=[0.0], colors=_INK, linewidths=1.8, zorder=4)
        handles += ax.plot([], [], color=_INK, linewidth=1.8, label="p = 0.5")
    ax.set(
        xlim=(horizontal[0], horizontal[-1]),
        ylim=(vertical[0], vertical[-1]),
        xlabel=names[0],
        ylabel=names[1],
    )
    ax.legend(handles=handles, loc="upper right", framealpha=0.9, markerscale=(34.0 / size) ** 0.5)
    if title is not None:
        ax.set_title(title, loc="left")
    return ax


def _new_axes() -> Axes:
    from matplotlib import pyplot

    ax: Axes = pyplot.subplots(figsize=(6.4, 4.4), layout="constrained")[1]
    return ax


def _draw_curve(ax: Axes, numbers: np.ndarray, values: np.ndarray, color: str) -> None:
    from matplotlib.ticker import MaxNLocator

    marker = "o" if len(values) <= _MARKED_UP_TO else ""
    ax.plot(numbers, values, color=color, linewidth=1.8, marker=marker, markersize=5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(color="#dddddd", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _summary(last: Step) -> str:
    plural = "" if last.iteration == 1 else "s"
    return (
        f"{last.iteration} iteration{plural}, {round(last.passes, 1):g} passes over the data, "
        f"{last.seconds:.3f} s"
    )


def _ticks_around(column: np.ndarray) -> np.ndarray:
    """Return evenly spaced numbers from a little below the smallest to above the largest."""
    low, high = float(column.min()), float(column.max())
    margin = 0.06 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, _GRID)


def _shade(ax: Axes, horizontal: np.ndarray, vertical: np.ndarray, probability: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    # The numbers are centres of cells; the extent is of the cells' outer edges.
    half_x = (horizontal[1] - horizontal[0]) / 2.0
    half_y = (vertical[1] - vertical[0]) / 2.0
    image = ax.imshow(
        probability,
        origin="lower",
        extent=(
            horizontal[0] - half_x,
            horizontal[-1] + half_x,
            vertical[0] - half_y,
            vertical[-1] + half_y,
        ),
        aspect="auto",
        interpolation="bilinear",
        cmap=LinearSegmentedColormap.from_list("probability", _PALE),
        vmin=0.0,
        vmax=1.0,
    )
    bar = ax.figure.colorbar(image, ax=ax, ticks=[0.0, 0.25, 0.5, 0.75, 1.0])
    bar.set_label("probability of class 1")
    bar.outline.set_visible(False)


def _scatter_classes(ax: Axes, X: np.ndarray, y: np.ndarray, size: float) -> list[Any]:
    """Draw the points of each class that there is; return the legend's handles."""
    crowded = size < 10.0
    return [
        ax.scatter(
            X[y == code, 0],
            X[y == code, 1],
            s=size,
            c=color,
            marker=marker,
            alpha=0.5 if crowded else 1.0,
            edgecolors="none" if crowded else "white",
            linewidths=0.5,
            label=f"class {code}",
            zorder=3,
        )
        for code, color, marker in ((0, _BLUE, "o"), (1, _RED, "^"))
        if (y == code).any()
    ]
