"""``fastlogreg demo``: real flights, both libraries, a model file and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fastlogreg.cli.options import command

if TYPE_CHECKING:
    from fastlogreg.cli.columns import Columns
    from fastlogreg.cli.comparison import Side
    from fastlogreg.cli.report import Report
    from fastlogreg.estimators.logistic_regression import LogisticRegression

__all__ = ["demo"]

_SEED = 2013
_C = 1.0
# Small enough for both libraries to end at the same optimum, not just near it.
_TOL = 1e-9
_STRONGEST = 10
_CATEGORIES = ("carrier", "origin", "dest", "tailnum", "month", "weekday", "hour")


@command
@click.option(
    "--rows", type=click.IntRange(100), metavar="N", help="Draw N flights; default: all 327,346."
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default="fastlogreg-demo",
    show_default=True,
    help="Where the files go; made if missing.",
)
def demo(rows: int | None, output_dir: Path) -> None:
    """Train on 327,346 real flights, beside scikit-learn.

    Will a flight arrive more than 15 minutes late?  The flights left New York in 2013; the
    model learns from what is known before departure, and a fifth is held out.  Writes
    model.json, held-out.parquet (for 'predict' and 'evaluate') and loss.png.
    """
    import pyarrow.parquet

    from fastlogreg.cli.columns import SECTION, Columns
    from fastlogreg.cli.comparison import OneHot, fit_ours, fit_peer
    from fastlogreg.cli.flights import TARGET, load_flights
    from fastlogreg.cli.progress import Progress
    from fastlogreg.cli.report import Report
    from fastlogreg.persistence import save
    from fastlogreg.runtime.files import replacing

    output_dir.mkdir(parents=True, exist_ok=True)
    progress = Progress(every=0.0)
    with progress.step("reading the flights"):
        train, held_out = load_flights(rows, _SEED)
        columns = Columns.learn(train, TARGET, categorical=_CATEGORIES)
        X, y = columns.frame(train), train[TARGET].to_numpy()
        judged = columns.frame(held_out), held_out[TARGET].to_numpy()
    ours = fit_ours(X, y, judged, OneHot(X), C=_C, tol=_TOL, progress=progress)
    save(ours.model, output_dir / "model.json", sections={SECTION: columns.to_json()})
    with replacing(output_dir / "held-out.parquet") as beside:
        pyarrow.parquet.write_table(held_out, beside)
    picture = _draw(ours.model, output_dir / "loss.png")
    report = Report()
    _show_fit(report, ours, X.num_rows, columns)
    theirs = fit_peer(X, y, judged, C=_C, tol=_TOL, progress=progress)
    _show_comparison(report, ours, theirs)
    _show_files(report, output_dir, picture)


def _draw(model: LogisticRegression, path: Path) -> str:
    """Draw the loss curve; return its path, or what to install."""
    from fastlogreg.inspection.plots import save_loss_curve
    from fastlogreg.runtime.files import replacing

    try:
        with replacing(path) as beside:
            save_loss_curve(model.history_, beside)
    except ImportError as error:
        return f"not drawn: {error}"
    return str(path)


def _show_fit(report: Report, ours: Side, n_rows: int, columns: Columns) -> None:
    from fastlogreg.cli.report import QUALITY_HEADER, model_facts, quality_rows, warn

    warn(ours.warnings)
    report.facts(
        [
            ("rows", f"{n_rows:,} to learn from, {ours.held_out.rows:,} held out"),
            (
                "columns",
                f"{len(columns.names)} in the table, {len(columns.categories)} of them "
                f"categories that stay as they are: {ours.model.coef_.size:,} coefficients",
            ),
            *model_facts(ours.model),
            ("time", f"{ours.seconds:.3f} s"),
            (
                "before that",
                f"{ours.before:.3f} s to load code and kernels; the first time after "
                "installation compiles them",
            ),
        ],
        title="Will a flight arrive more than 15 minutes late?",
    )
    report.table(QUALITY_HEADER, quality_rows({"held-out fifth": ours.held_out}))
    _show_strongest(report, ours.model)


def _show_strongest(report: Report, model: LogisticRegression) -> None:
    import numpy as np

    coef, names = model.coef_[0], model.get_feature_names_out()
    strongest = np.argsort(-np.abs(coef), kind="stable")[:_STRONGEST]
    report.table(
        ("strongest coefficients", "coefficient", "odds times"),
        [(names[j], f"{coef[j]:+.4f}", f"{np.exp(coef[j]):.3f}") for j in strongest],
    )


def _show_comparison(report: Report, ours: Side, theirs: Side) -> None:
    import sklearn

    from fastlogreg.cli.comparison import PEER_SOLVER, largest_difference
    from fastlogreg.cli.report import warn

    warn(theirs.warnings)
    sides = (ours, theirs)
    report.table(
        ("", "fastlogreg", "scikit-learn"),
        [
            ("solver", ours.model.solver_, PEER_SOLVER),
            ("tol", f"{_TOL:g}", f"{_TOL:g}"),
            ("encoding", "-", f"{theirs.before:.3f} s"),
            ("fit", *(f"{side.seconds:.3f} s" for side in sides)),
            ("iterations", *(str(side.model.n_iter_[0]) for side in sides)),
            ("objective", *(f"{side.objective:.14f}" for side in sides)),
            ("held-out log-loss", *(f"{side.held_out.log_loss:.10f}" for side in sides)),
        ],
        title=f"The same fit by scikit-learn {sklearn.__version__}",
    )
    seconds = (ours.seconds, theirs.before + theirs.seconds)
    fast, slow = sorted(zip(seconds, ("fastlogreg", "scikit-learn"), strict=True))
    report.facts(
        [
            ("speed", f"{fast[1]} was {slow[0] / fast[0]:.1f} times as fast as {slow[1]}"),
            (
                "difference",
                f"{largest_difference(ours.model, theirs.model):.1e} at most between the "
                f"coefficients, the largest of which is {abs(ours.model.coef_).max():.3f}",
            ),
            (
                "measured",
                "both objectives by one NumPy formula; neither time includes reading or loading "
                "code; scikit-learn's includes one-hot encoding, which ours does without",
            ),
        ]
    )


def _show_files(report: Report, folder: Path, picture: str) -> None:
    model, table = folder / "model.json", folder / "held-out.parquet"
    report.lines(
        [("model", str(model)), ("held-out flights", str(table)), ("loss curve", picture)],
        title="Files",
    )
    report.lines([("try", f"fastlogreg predict {model} {table} --proba")])
