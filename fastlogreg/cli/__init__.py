"""The console command ``fastlogreg``, a thin caller of the public API.

Nothing heavy is imported before a command runs: ``--help`` loads neither numba nor
scikit-learn nor pandas, and this module not even click, so that it can say what to
install where the ``cli`` extra is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["INSTALL_LINE", "NEEDED", "main"]

INSTALL_LINE = 'python -m pip install "fastlogreg[cli]"'
# What the extra installs; click and rich are needed at once, the others by the commands.
NEEDED = ("click", "rich", "pyarrow", "pandas")


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
    except ImportError as error:
        if error.name not in NEEDED:
            raise
        print(
            f"fastlogreg: error: {error.name} is not installed, and the command line needs "
            f"it. Install it with: {INSTALL_LINE}",
            file=sys.stderr,
        )
        return 2
    from fastlogreg.cli.app import run

    return run(argv)
