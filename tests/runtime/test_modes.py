"""The kernels as plain Python, and with a check compiled into every index: a selection.

`tests/modes.py` says how to run all of the kernels' tests in either way.
"""

import os
import subprocess
import sys

import pytest

from tests.modes import compiled_only
from tests.processes import ROOT

INTERPRETED = ["tests/kernels", "-k", "(150, 9) or 33-3 or (33, 3, 4) or not_finite or kinds"]
CHECKED = ["tests/kernels/test_dense.py", "-k", "writable and (70, 4) and float64 or every_block"]
MODES = {
    "plain Python": ({"NUMBA_DISABLE_JIT": "1"}, INTERPRETED),
    "checked": ({"NUMBA_BOUNDSCHECK": "1"}, CHECKED),
}


@compiled_only
@pytest.mark.parametrize("mode", MODES)
def test_a_selection_passes_in_every_mode(mode):
    environment, selection = MODES[mode]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:]
    assert " passed" in done.stdout


def test_a_check_compiled_in_finds_an_index_beyond_the_end(run_python):
    code = """
import numpy as np
from fastlogreg.kernels import dense_tiles
try:
    dense_tiles.decisions_tile_c(np.ones((4, 3)), np.ones(4), 0, 8, 0, 1, np.empty(8))
except IndexError as error:
    print("found")
"""
    assert run_python(code, NUMBA_BOUNDSCHECK="1", FASTLOGREG_CACHE_DIR="") == "found"
