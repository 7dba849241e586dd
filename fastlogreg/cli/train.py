"""``fastlogreg train``: a table in, a model file and a report out."""

from __future__ import annotations

from pathlib import Path

import click

from fastlogreg.cli.options import (
    EXISTING_FILE,
    check_table,
    command,
    json_option,
    keep_inputs,
    one_of,
    output_option,
    strength_option,
)

__all__ = ["train"]


@command
@click.argument("data", type=EXISTING_FILE, callback=check_table)
@click.option("--target", required=True, metavar="COL", help="Column of classes to learn.")
@click.option("--weight", metavar="COL", help="Column with the weights of the rows.")
@click.option("--drop", multiple=True, metavar="COL", help="Column to leave out; repeatable.")
@click.option(
    "--categorical",
    multiple=True,
    metavar="COL",
    help="Column to take for categories, numbers too; repeatable.",
)
@click.option(
    "--numeric", multiple=True, metavar="COL", help="Text column to take for numbers; repeatable."
)
@click.option(
    "--unknown",
    type=click.Choice(["error", "ignore", "infrequent"]),
    default="error",
    show_default=True,
    help="What a category never seen in training is at 'predict'.",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "category", "ignore"]),
    default="error",
    show_default=True,
    help="What a missing category is.",
)
@click.option(
    "--min-frequency",
    type=click.IntRange(1),
    metavar="N",
    help="Group the values of a category in fewer than N rows.",
)
@strength_option("Inverse strength of the penalty; inf for none.")
@click.option(
    "--l1-ratio",
    type=click.FloatRange(0.0, 1.0),
    default=0.0,
    show_default=True,
    help="Share of the L1 penalty, which drops columns; the rest is L2.",
)
@click.option("--no-intercept", is_flag=True, help="Fit no intercept.")
@click.option(
    "--class-weight",
    type=click.Choice(["balanced"]),
    help="Let all classes count the same.",
)
@click.option(
    "--solver",
    metavar="NAME",
    callback=one_of("fastlogreg.solvers", "SOLVERS"),
    default="auto",
    show_default=True,
    help="Method, such as newton-cholesky, lbfgs or, for L1, prox-newton.",
)
@click.option(
    "--backend",
    metavar="NAME",
    callback=one_of("fastlogreg.planner", "BACKENDS"),
    default="auto",
    show_default=True,
    help="What computes, numba or numpy.",
)
@click.option(
    "--tol",
    type=click.FloatRange(0.0, min_open=True),
    default=1e-6,
    show_default=True,
    help="Bound on the gradient.",
)
@click.option(
    "--max-iter", type=click.IntRange(0), default=100, show_default=True, help="Most iterations."
)
@click.option(
    "--valid",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="FRACTION",
    help="Hold out this share of each class and judge the model on it.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="For what is drawn."
)
@click.option("--threads", type=click.IntRange(1), help="Threads; default: the CPUs there are.")
@output_option("model.json", "Model file; an old one is replaced.")
@json_option
@click.option("--strict", is_flag=True, help="Without convergence, write nothing and exit 4.")
@click.pass_context
def train(
    ctx: click.Context,
    data: Path,
    target: str,
    weight: str | None,
    drop: tuple[str, ...],
    categorical: tuple[str, ...],
    numeric: tuple[str, ...],
    unknown: str,
    missing: str,
    min_frequency: int | None,
    strength: float,
    l1_ratio: float,
    no_intercept: bool,
    class_weight: str | None,
    solver: str,
    backend: str,
    tol: float,
    max_iter: int,
    valid: float | None,
    seed: int,
    threads: int | None,
    output: Path,
    as_json: bool,
    strict: bool,
) -> None:
    """Train a model on a table and write it to a file.

    DATA is a CSV or Parquet file: .csv, .csv.gz, .parquet, .pq.  Numbers and booleans are
    numbers, text is a category with a coefficient for each value; --categorical and
    --numeric overrule that.  Missing values are an error that names the column.
    """
    from fastlogreg.cli import report
    from fastlogreg.cli.columns import SECTION
    from fastlogreg.cli.progress import Progress
    from fastlogreg.cli.tables import column_names, read_table
    from fastlogreg.cli.training import Roles, Task, split, train_on
    from fastlogreg.estimators.logistic_regression import LogisticRegression
    from fastlogreg.persistence import save

    keep_inputs(output, data)
    progress = Progress()
    roles = Roles(target, weight, drop, categorical, numeric)
    with progress.step(f"reading {data.name}"):
        names = column_names(data)
        roles.check(names)
        # What is named a category keeps its digits: 01 is not 1.
        table = read_table(data, categorical, set(names).difference(drop))
        task = Task.of(table, roles, may_miss=missing != "error")
    model = LogisticRegression(
        C=strength,
        l1_ratio=l1_ratio,
        fit_intercept=not no_intercept,
        class_weight=class_weight,  # type: ignore[arg-type]
        tol=tol,
        max_iter=max_iter,
        solver=solver,
        backend=backend,
        n_threads=threads,
        random_state=seed,
        categorical_features=task.columns.categories,
        handle_unknown=unknown,
        handle_missing=missing,
        min_frequency=min_frequency,
    )
    held_out = None if valid is None else split(task.labels, valid, seed)
    done = train_on(task, model, held_out, progress)
    report.warn(done.warnings)
    failed = strict and not model.status_.is_optimum
    if not failed:
        save(model, output, sections={SECTION: done.columns.to_json()})
    if as_json:
        report.print_json({**done.to_json(), "model_file": None if failed else str(output)})
    else:
        report.print_training(done, data.name, None if failed else output)
    ctx.exit(4 if failed else 0)
