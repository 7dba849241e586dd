"""``fastlogreg evaluate``: how good a model is on a table with known labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fastlogreg.cli.options import EXISTING_FILE, check_table, command, json_option
from fastlogreg.errors import InvalidDataError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["evaluate"]


@command
@click.argument("model", type=EXISTING_FILE)
@click.argument("data", type=EXISTING_FILE, callback=check_table)
@click.option("--target", metavar="COL", help="Column of labels; default: that of training.")
@click.option("--weight", metavar="COL", help="Column with weights; default: none.")
@json_option
def evaluate(
    model: Path, data: Path, target: str | None, weight: str | None, as_json: bool
) -> None:
    """Judge a model on a table with known labels.

    MODEL is a file that 'train' wrote.  Prints log-loss, ROC AUC and accuracy; of several
    classes, the ROC AUC is the mean of those of each class against the rest.
    """
    from dataclasses import asdict

    import numpy as np

    from fastlogreg.cli import report
    from fastlogreg.cli.columns import Columns
    from fastlogreg.cli.progress import Progress
    from fastlogreg.cli.quality import judge
    from fastlogreg.cli.tables import (
        check_option_column,
        column_names,
        read_labels,
        read_table,
        read_weights,
    )
    from fastlogreg.persistence import load_file

    file = load_file(model)
    columns = Columns.of_model(file.model, file.sections)
    target = target or columns.target
    if target is None:
        raise click.UsageError("the model file names no target; expected --target COL.")
    classes = file.model.classes_
    text = [target] if isinstance(classes.tolist()[0], str) else []
    progress = Progress()
    with progress.step(f"reading {data.name}"):
        needed = {*columns.names, target, *([] if weight is None else [weight])}
        names = column_names(data)
        columns.check_names(names)
        check_option_column(names, target, "--target")
        if weight is not None:
            check_option_column(names, weight, "--weight")
        table = read_table(data, [*columns.text, *text], needed)
        codes = _codes(read_labels(table, target), classes, target)
        weights = None if weight is None else read_weights(table, weight)
        X = columns.frame(table, may_miss=file.model.handle_missing != "error")
    with progress.step("judging"):
        quality = judge(file.model, X, codes, weights)
    shares = np.bincount(codes, minlength=len(classes)) / len(codes)
    if as_json:
        found = {"target": target, "classes": classes.tolist(), "class_shares": shares.tolist()}
        report.print_json({**found, **asdict(quality)})
        return
    printed = report.Report()
    printed.facts([("target", f"{target}: {report.class_shares(classes, shares)}")])
    printed.table(report.QUALITY_HEADER, report.quality_rows({data.name: quality}))


def _codes(labels: np.ndarray, classes: np.ndarray, target: str) -> np.ndarray:
    """Return which class each label is, from 0.

    Raises
    ------
    InvalidDataError
        Labels that are none of the classes.
    """
    import numpy as np

    codes = np.full(len(labels), -1, dtype=np.intp)
    for code, label in enumerate(classes):
        codes[labels == label] = code
    other = np.flatnonzero(codes < 0)
    if other.size:
        known = [repr(label) for label in classes.tolist()]
        shown = " or ".join(known) if len(known) <= 5 else f"{', '.join(known[:5])}, ..."
        raise InvalidDataError(
            f"the target {target!r} has {labels[other[0]].item()!r} in row {other[0] + 1:,} "
            f"(counted from 1); expected {shown}, the classes of training. {other.size:,} "
            f"labels are {'neither' if len(known) == 2 else 'none of them'}."
        )
    return codes
