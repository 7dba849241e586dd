"""A process of the gate: measures a package that lies elsewhere, with the code beside it.

Run as a script, ``python -P bench/gate_child.py PACKAGE_FOLDER``, and served line by line:
a JSON object in, one out.  The package under measurement is imported first, from its
folder; the modules of ``bench`` come from the checkout that runs the gate.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

_GATE_ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    import_package(Path(sys.argv[1]).resolve())
    sys.path.insert(0, str(_GATE_ROOT))
    for line in sys.stdin:
        request = json.loads(line)
        # A kind of work imports only what it needs: counters are not to see the rest.
        module = importlib.import_module(f"bench.{request.pop('module')}")
        answer = getattr(module, "answer")(**request)  # noqa: B009
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def import_package(root: Path) -> Any:
    """Import the package under measurement, and see to it that it is that one."""
    sys.path.insert(0, str(root))
    package = importlib.import_module("fastlogreg")
    sys.path.remove(str(root))
    found = Path(str(package.__file__)).resolve()
    if found.parents[1] != root:
        raise RuntimeError(f"fastlogreg was imported from {found}; expected it in {root}.")
    return package


if __name__ == "__main__":
    main()
