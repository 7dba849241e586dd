"""Peak memory of a fit above the table's own: ``python -m bench.memory``.

Measured by the operating system in a fresh process a case, and stated as a share of
X's bytes.  The bar beside it is a tenth of X, 16 bytes a row, and four square matrices
of all coefficients in float64.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.children import in_new_process
from bench.report import Report, add_output_options, progress

__all__ = ["main"]

_SHAPES = ((1_000_000, 50), (4_000_000, 10), (200_000, 100), (50_000, 500))
_QUICK_SHAPES = ((50_000, 20),)
# Type, order, and whether X is mapped read-only from a file.
_LAYOUTS = (
    ("float64", "C", False),
    ("float64", "F", False),
    ("float32", "C", False),
    ("float32", "F", False),
    ("float64", "C", True),
)
_OURS = (
    ("fastlogreg", {"backend": "numba", "solver": "newton-cholesky"}),
    ("fastlogreg", {"backend": "numba", "solver": "lbfgs"}),
    ("fastlogreg", {"backend": "numpy", "solver": "newton-cholesky"}),
)
_PEERS = (
    ("sklearn.linear_model", {"solver": "lbfgs"}),
    ("sklearn.linear_model", {"solver": "newton-cholesky"}),
)


def main() -> None:
    """Run the command."""
    options = _parser().parse_args()
    shapes = _QUICK_SHAPES if options.quick else _SHAPES
    if options.rows is not None:
        shapes = ((options.rows, options.columns),)
    estimators = _OURS if options.no_peers else _OURS + _PEERS
    found = [
        _measure(library, parameters, shape, *layout)
        for shape in shapes
        for library, parameters in estimators
        for layout in _LAYOUTS
    ]
    report = Report("Peak memory of a fit above X and y", {"cases": found})
    report.table(
        ["fit", "X", "above", "X's bytes", "share of X", "bar", ""],
        [
            [
                _name(case),
                _table(case),
                f"{case['bytes'] / 1e6:.1f} MB",
                f"{case['table_bytes'] / 1e6:.1f} MB",
                f"{100.0 * case['bytes'] / case['table_bytes']:.1f} %",
                f"{case['bar_bytes'] / 1e6:.1f} MB",
                "" if case["bytes"] <= case["bar_bytes"] else "above the bar",
            ]
            for case in found
        ],
    )
    report.text(f"Measured by {', '.join(sorted({case['way'] for case in found}))}.")
    report.publish(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--rows", type=int, help="one shape of your own: its rows")
    parser.add_argument("--columns", type=int, default=50, help="its columns (50)")
    parser.add_argument("--no-peers", action="store_true", help="fastlogreg alone")
    add_output_options(parser)
    return parser


def _measure(
    library: str,
    parameters: dict[str, str],
    shape: tuple[int, int],
    dtype: str,
    order: str,
    mapped: bool,
) -> dict[str, Any]:
    case: dict[str, Any] = {
        "library": library,
        "parameters": parameters,
        "rows": shape[0],
        "columns": shape[1],
        "dtype": dtype,
        "order": order,
        "mapped": mapped,
    }
    progress(f"{_name(case)}: {_table(case)}")
    found = in_new_process("peak_memory", **case)
    return case | found | {"bar_bytes": _bar(found["table_bytes"], *shape)}


def _bar(table_bytes: int, n_rows: int, n_columns: int) -> float:
    """Return the bytes that a fit may take above X and y."""
    return 0.1 * table_bytes + 16 * n_rows + 4 * (n_columns + 1) ** 2 * 8


def _table(case: dict[str, Any]) -> str:
    layout = f"{case['dtype']}, {case['order']} order" + ", mapped" * case["mapped"]
    return f"{case['rows']:,} x {case['columns']}, {layout}"


def _name(case: dict[str, Any]) -> str:
    library = case["library"].replace("sklearn.linear_model", "scikit-learn")
    return f"{library} {case['parameters']['solver']}" + (
        f", {case['parameters']['backend']}" if "backend" in case["parameters"] else ""
    )


if __name__ == "__main__":
    main()
