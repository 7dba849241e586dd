"""``fastlogreg warmup``: kernels compiled ahead of time, such as when an image is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fastlogreg.cli.options import command, json_option, some_of

if TYPE_CHECKING:
    from fastlogreg.precompile import WarmUp

__all__ = ["warmup"]


@command
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    metavar="TYPE",
    default=("float64", "float32"),
    show_default=True,
    callback=some_of("fastlogreg.precompile", "DTYPES"),
    help="Type of the tables; may be given several times.",
)
@click.option(
    "--order",
    "orders",
    multiple=True,
    metavar="C|F|csr|csc|frame",
    default=("C", "F"),
    show_default=True,
    callback=some_of("fastlogreg.precompile", "ORDERS"),
    help="Their order, C (rows together) or F (columns), csr or csc of sparse ones, or frame for "
    "DataFrames with categories; may be given several times.",
)
@click.option("--outputs", is_flag=True, help="Compile what more than two classes take as well.")
@click.option("--no-predict", is_flag=True, help="Leave the kernels of predictions out.")
@json_option
def warmup(
    dtypes: tuple[str, ...],
    orders: tuple[str, ...],
    outputs: bool,
    no_predict: bool,
    as_json: bool,
) -> None:
    """Compile kernels ahead of time.

    They are kept in the user's cache folder, or in FASTLOGREG_CACHE_DIR, where later
    processes of the same user find them: the first fit to a large table then compiles
    nothing.  Run it on a processor of the kind that will fit.
    """
    from dataclasses import asdict

    from fastlogreg.cli import report
    from fastlogreg.cli.progress import Progress
    from fastlogreg.precompile import kernel_folder
    from fastlogreg.precompile import warmup as compile_ahead

    progress = Progress()
    with progress.step("loading the compiler"):
        folder = kernel_folder()
    done = []
    for dtype in dict.fromkeys(dtypes):
        for order in dict.fromkeys(orders):
            with progress.step(f"{dtype}, {order} order"):
                done += compile_ahead(dtype, order, outputs=outputs, predict=not no_predict)
    seconds = sum(record.seconds for record in done)
    added = sum(record.added for record in done)
    if as_json:
        found = {"folder": str(folder), "seconds": seconds, "added": added}
        report.print_json({**found, "done": [asdict(record) for record in done]})
        return
    printed = report.Report()
    printed.table(("tables", "seconds", "compiled"), _rows(done))
    printed.lines([("folder", str(folder))])


def _rows(done: list[WarmUp]) -> list[tuple[str, str, str]]:
    """Return a row per layout: its seconds, and how many kernels were new."""
    layouts: dict[str, list[WarmUp]] = {}
    for record in done:
        layouts.setdefault(f"{record.dtype}, {record.order} order", []).append(record)
    layouts["all"] = done
    return [
        (
            name,
            f"{sum(record.seconds for record in records):.2f}",
            str(sum(record.added for record in records) or "none, in the cache"),
        )
        for name, records in layouts.items()
    ]
