"""``fastlogreg predict``: a model file and a table in, predictions out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fastlogreg.cli.options import (
    EXISTING_FILE,
    OUTPUT_FILE,
    check_output_table,
    check_table,
    command,
    keep_inputs,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict"]


@command
@click.argument("model", type=EXISTING_FILE)
@click.argument("data", type=EXISTING_FILE, callback=check_table)
@click.option("--proba", is_flag=True, help="Add a column of probabilities for each class.")
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    callback=check_output_table,
    help="CSV or Parquet file; default: CSV on standard output.",
)
def predict(model: Path, data: Path, proba: bool, output: Path | None) -> None:
    """Predict the class of every row of a table.

    MODEL is a file that 'train' wrote.  The output has a column "prediction" and
    a row for each row of DATA, in its order; with --proba also a column "proba_CLASS" for
    each class.  Columns of DATA that the model does not know are ignored.
    """
    import pandas as pd

    from fastlogreg.cli.columns import Columns
    from fastlogreg.cli.progress import Progress
    from fastlogreg.cli.tables import column_names, read_table
    from fastlogreg.persistence import load_file

    keep_inputs(output, model, data)
    file = load_file(model)
    columns = Columns.of_model(file.model, file.sections)
    progress = Progress()
    with progress.step(f"reading {data.name}"):
        columns.check_names(column_names(data))
        table = read_table(data, columns.text, set(columns.names))
        X = columns.frame(table, may_miss=file.model.handle_missing != "error")
    with progress.step("predicting"):
        predictions = {"prediction": file.model.predict(X)}
        if proba:
            names = [f"proba_{label}" for label in file.model.classes_.tolist()]
            predictions.update(zip(names, file.model.predict_proba(X).T, strict=True))
    _write(pd.DataFrame(predictions), output)


def _write(predictions: pd.DataFrame, output: Path | None) -> None:
    from fastlogreg.runtime.files import replacing

    if output is None:
        predictions.to_csv(sys.stdout, index=False, lineterminator="\n")
        sys.stdout.flush()
        return
    with replacing(output) as beside:
        if output.name.lower().endswith((".parquet", ".pq")):
            predictions.to_parquet(beside, index=False)
        else:
            predictions.to_csv(beside, index=False, lineterminator="\n")
