"""Chooses backend, threads and solver, and says why.

``python -m bench.crossover`` measures where the alternatives cross, and prints it beside
these constants with the timings behind it.  A choice that changes arithmetic (backend,
solver) depends on the shape, the storage and the parameters only, never on the machine or
on what is loaded, so that the same call gives the same answer everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from fastlogreg.design import Shape
from fastlogreg.runtime.threads import available_threads
from fastlogreg.solvers import sample_sizes

__all__ = ["BACKENDS", "Choice", "Plan", "choose_backend", "make_plan"]

BACKENDS = ("numba", "numpy")

# Cells of X from which five fits in a new process (a cross-validation), kernels loaded from
# the disk cache, are faster with numba than with NumPy; times the pairs of classes, for each of
# which a Hessian has a block.
NUMBA_FROM_CELLS = 4_000_000
# The same, whatever the classes, where X is not one dense array: NumPy's passes over codes and
# sparse rows take several times as long a cell.
NUMBA_FROM_SCATTERED_CELLS = 300_000
# Cells of X from which curvature is sampled: where compiled passes are taken as well.
SAMPLES_FROM_CELLS = NUMBA_FROM_CELLS
# Rows of the last sample for each coefficient: with fewer its curvature says too little.
SAMPLE_ROWS = 10
# Coefficients up to which full Newton steps lose least against the faster of them and
# Newton-CG, over tables of evenly and of unevenly scaled columns.
NEWTON_UP_TO_COLUMNS = 2_000
# The same for tables that are not dense, whose passes are cheaper beside their Hessians
# (``--part structured``).  Between: at 300 columns Newton-CG leads over texts and is three times
# behind over nested categories, as those of tables mostly are; from 1,000 on it leads over both.
FACTORED_UP_TO_COLUMNS = 500
# Numbers between an eliminated category and the rest, 256 MiB: each block has its own.
LARGEST_BORDER = 33_554_432

T = TypeVar("T")


@dataclass(frozen=True)
class Choice(Generic[T]):
    """A value and why it was chosen."""

    value: T
    reason: str

    def __str__(self) -> str:
        return f"{self.value} ({self.reason})"


@dataclass(frozen=True)
class Plan:
    """How a fit is run.

    Parameters
    ----------
    backend : Choice of str
        "numba" or "numpy".
    n_threads : Choice of int
        Threads of a pass.
    solver : Choice of str
        A name in `fastlogreg.solvers.SOLVERS`.
    """

    backend: Choice[str]
    n_threads: Choice[int]
    solver: Choice[str]

    def __str__(self) -> str:
        return f"backend: {self.backend}\nthreads: {self.n_threads}\nsolver: {self.solver}"


def make_plan(
    shape: Shape,
    *,
    n_outputs: int = 1,
    has_l1: bool = False,
    backend: str = "auto",
    n_threads: int | None = None,
    solver: str = "auto",
) -> Plan:
    """Return the plan for a table of that shape; the parameters are the estimator's.

    Parameters
    ----------
    shape : Shape
        What the table is like.
    n_outputs : int
        Columns of the coefficients: 1 for two classes, else a column a class.
    has_l1 : bool
        Whether the objective has an L1 part.
    backend, n_threads, solver
        What was asked for.
    """
    chosen = choose_backend(shape, backend, n_outputs)
    return Plan(
        chosen,
        choose_threads(n_threads, chosen.value),
        choose_solver(shape, n_outputs, has_l1, solver),
    )


def choose_backend(shape: Shape, backend: str = "auto", n_outputs: int = 1) -> Choice[str]:
    """Return the backend of a pass over a table of that shape."""
    if backend != "auto":
        return Choice(backend, f"backend={backend!r} was asked for")
    is_dense = shape.storage == "dense"
    least = NUMBA_FROM_CELLS if is_dense else NUMBA_FROM_SCATTERED_CELLS
    work, what = shape.cells, f"{shape.cells:,} cells"
    if is_dense and n_outputs > 1:
        work *= n_outputs**2
        what += f" for each of {n_outputs**2:,} pairs of classes, {work:,}"
    if work < least:
        return Choice(
            "numpy",
            f"{what}, fewer than {least:,}: done before loading compiled kernels pays",
        )
    return Choice("numba", f"{what}, at least {least:,}: fused kernels")


def choose_threads(n_threads: int | None, backend: str) -> Choice[int]:
    """Return the number of threads of a pass; it never changes a result."""
    if backend == "numpy":
        return Choice(1, "the NumPy path leaves threads to its BLAS")
    if n_threads is not None:
        return Choice(int(n_threads), f"n_threads={n_threads} was asked for")
    return Choice(*available_threads())


def choose_solver(
    shape: Shape,
    n_outputs: int = 1,
    has_l1: bool = False,
    solver: str = "auto",
) -> Choice[str]:
    """Return the solver for a table of that shape; see `make_plan`."""
    if solver != "auto":
        return Choice(solver, f"solver={solver!r} was asked for")
    if has_l1:
        return Choice("prox-newton", "the penalty has an L1 part, which is not smooth")
    side = shape.n_columns + 1
    n_coefficients = side * n_outputs
    if shape.storage != "dense":
        return _choose_by_structure(shape, n_outputs)
    cells = shape.cells
    sizes = sample_sizes(shape.n_rows, side, n_outputs)
    if cells >= SAMPLES_FROM_CELLS and sizes and sizes[-1] >= SAMPLE_ROWS * n_coefficients:
        return Choice(
            "subsampled-newton",
            f"{cells:,} cells, at least {SAMPLES_FROM_CELLS:,}, and {sizes[-1]:,} sampled rows "
            f"for {n_coefficients:,} coefficients: curvature from a sample saves passes",
        )
    if n_coefficients <= NEWTON_UP_TO_COLUMNS:
        return Choice(
            "newton-cholesky",
            f"{n_coefficients:,} coefficients, at most {NEWTON_UP_TO_COLUMNS:,}: few "
            "iterations, at any scale of the columns",
        )
    return Choice(
        "newton-cg",
        f"{n_coefficients:,} coefficients, more than {NEWTON_UP_TO_COLUMNS:,}: "
        "a full Hessian would cost more than the passes it saves",
    )


def _choose_by_structure(shape: Shape, n_outputs: int) -> Choice[str]:
    """Return the solver for a table that is not dense: by the matrix that a Hessian leaves.

    The levels of one category are eliminated from the Hessian of one output.
    """
    eliminated = shape.n_eliminated if n_outputs == 1 else 0
    left = (shape.n_columns + 1 - eliminated) * n_outputs
    border = eliminated * left
    what = f"{left:,} coefficients"
    if eliminated:
        what += f" beside {eliminated:,} levels that are eliminated"
    if left <= FACTORED_UP_TO_COLUMNS and border <= LARGEST_BORDER:
        return Choice(
            "newton-cholesky",
            f"{what}, at most {FACTORED_UP_TO_COLUMNS:,}: few iterations, at any scale of the "
            "columns",
        )
    return Choice(
        "newton-cg",
        f"{what}, more than a factorisation is worth: products with the Hessian instead",
    )
