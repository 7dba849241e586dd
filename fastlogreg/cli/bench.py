"""``fastlogreg bench``: this package beside its peers, on the user's own shape or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fastlogreg.cli.options import (
    EXISTING_FILE,
    check_table,
    command,
    json_option,
    keep_inputs,
    output_option,
    some_of,
    strength_option,
)

if TYPE_CHECKING:
    from fastlogreg.cli.contest import Entry
    from fastlogreg.cli.contest_tables import ContestTable

__all__ = ["bench"]

_SHAPE_OPTIONS = ("rows", "columns", "dtype", "order", "density", "levels")


@command
@click.option("--rows", type=click.IntRange(10), default=200_000, show_default=True, metavar="N")
@click.option(
    "--columns",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="D",
    help="Numeric columns.",
)
@click.option(
    "--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True
)
@click.option(
    "--order",
    type=click.Choice(["C", "F"]),
    default="C",
    show_default=True,
    help="Rows together, or columns.",
)
@click.option(
    "--sparse-density",
    "density",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    metavar="SHARE",
    help="A sparse table that stores this share of its values.",
)
@click.option(
    "--categorical",
    "levels",
    type=click.IntRange(2),
    multiple=True,
    metavar="LEVELS",
    help="A categorical column of so many levels more; repeatable.",
)
@click.option(
    "--data", type=EXISTING_FILE, callback=check_table, help="A table of your own instead."
)
@click.option("--target", metavar="COL", help="Its column of classes to learn.")
@click.option("--drop", multiple=True, metavar="COL", help="A column to leave out; repeatable.")
@strength_option("Inverse strength of the L2 penalty.")
@click.option(
    "--tol",
    "tolerances",
    type=click.FloatRange(0.0, min_open=True),
    multiple=True,
    help="A tolerance to fit to; repeatable. Default: 1e-2, 1e-4, 1e-6, 1e-8.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="NAME",
    callback=some_of("fastlogreg.cli.contest", "PEERS", "peers"),
    help='Only this peer, such as "scikit-learn lbfgs"; repeatable.',
)
@click.option(
    "--limit",
    type=click.FloatRange(0.0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="A solver that took so long gets no further tolerance.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@output_option("fastlogreg-bench.png", "The picture; an old one is replaced.")
@json_option
@click.option("--strict", is_flag=True, help="Exit 4 where a fit of ours did not converge.")
def bench(
    data: Path | None,
    target: str | None,
    drop: tuple[str, ...],
    strength: float,
    tolerances: tuple[float, ...],
    peers: tuple[str, ...],
    limit: float,
    output: Path,
    as_json: bool,
    strict: bool,
    **shape: Any,
) -> None:
    """Time fits beside scikit-learn and other peers.

    On a table that is drawn to a shape, or on your own.  All minimise the same objective,
    from loose to tight; times are compared only of fits whose objectives agree to 1e-6,
    relatively.  Peers that are not installed are named.  Run it with nothing else running.
    """
    ctx = click.get_current_context()
    _check_usage(ctx, data, target, drop, shape)
    from fastlogreg.cli.contest import OURS, PEERS, TOLERANCES, compete
    from fastlogreg.cli.contest_report import contest_json, print_contest
    from fastlogreg.cli.progress import Progress
    from fastlogreg.cli.report import print_json

    if data is not None:
        keep_inputs(output, data)
    progress = Progress(every=0.0)
    table = _table(data, target, drop, shape, progress)
    entries, best, left_out = compete(
        table,
        C=strength,
        peers=peers or PEERS,
        tolerances=tuple(sorted(set(tolerances), reverse=True)) or TOLERANCES,
        limit=limit,
        progress=progress,
    )
    picture = _draw(entries, best, output, table.name)
    if as_json:
        print_json(contest_json(table, entries, best, left_out, picture))
    else:
        print_contest(table, entries, best, left_out, picture)
    ours_converged = all(entry.converged for entry in entries if entry.solver == OURS)
    ctx.exit(4 if strict and not ours_converged else 0)


def _check_usage(
    ctx: click.Context,
    data: Path | None,
    target: str | None,
    drop: tuple[str, ...],
    shape: dict[str, Any],
) -> None:
    """Raise a usage error for options that do not go together."""
    given = [
        param.opts[-1]
        for param in ctx.command.params
        if param.name in _SHAPE_OPTIONS
        and ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if data is not None and given:
        raise click.UsageError(f"{given[0]} is of a drawn table, and --data names a file.")
    if data is not None and target is None:
        raise click.UsageError("--data needs --target, the column of classes to learn.")
    if data is None and (target is not None or drop):
        raise click.UsageError("--target and --drop are of a file; name it with --data.")
    if shape["density"] is not None and shape["levels"]:
        raise click.UsageError("--sparse-density and --categorical exclude each other.")


def _table(
    data: Path | None,
    target: str | None,
    drop: tuple[str, ...],
    shape: dict[str, Any],
    progress: Any,
) -> ContestTable:
    from fastlogreg.cli.contest_tables import drawn_table, read_contest_table

    if data is not None and target is not None:
        with progress.step(f"reading {data.name}"):
            return read_contest_table(data, target, drop)
    rows, columns = shape.pop("rows"), shape.pop("columns")
    with progress.step(f"drawing {rows:,} x {columns:,}"):
        return drawn_table(rows, columns, **shape)


def _draw(entries: list[Entry], best: float, path: Path, title: str) -> str:
    """Draw the picture; return its path, or what to install."""
    from fastlogreg.cli.contest_picture import save_contest_picture
    from fastlogreg.runtime.files import replacing

    try:
        with replacing(path) as beside:
            save_contest_picture(entries, best, beside, title=title)
    except ImportError as error:
        return f"not drawn: {error}"
    return str(path)
