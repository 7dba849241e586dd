"""Fits in threads and processes of all kinds end well, with the same bits.

A cell is a way to run fits beside one threading layer of numba, in a process of its own.
"""

import functools
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from tests.processes import run_in_fresh_process, run_python_group
from tests.reliability.cells import WAYS
from tests.reliability.workload import STORAGES

LAYERS = ("omp", "tbb", "workqueue")
# Beside the layer that is least safe.
QUICK = (
    "python_threads",
    "fork_from_thread",
    "beside_parallel_numba",
    "end_while_threads_fit",
    "interrupts",
)
POSIX = {
    "fork_after_fit",
    "fork_from_thread",
    "fork_while_compiling",
    "interrupts",
    "interrupts_while_compiling",
}


def cells():
    """Yield all cells, each marked as long unless it is in the quick part."""
    for way in WAYS:
        for layer in LAYERS:
            # No layer is entered, whatever X is: one storage is tried beside all.
            for storage in STORAGES if layer == "workqueue" else ["dense"]:
                quick = way in QUICK and layer == "workqueue" and storage == "dense"
                yield pytest.param(
                    way,
                    layer,
                    storage,
                    id=f"{way}-{layer}-{storage}",
                    marks=[] if quick else [pytest.mark.whole],
                )


@pytest.fixture(scope="module")
def expected():
    """Return the function that gives a storage's digest, from one thread of a new process."""
    code = "from tests.reliability.workload import digest; print(digest({!r}, 1))"
    return functools.cache(
        lambda storage: run_in_fresh_process(code.format(storage), OPENBLAS_NUM_THREADS="1")
    )


def environment_of(way, layer):
    """Return the variables of a cell, or skip it, by name, where something is missing."""
    if way in POSIX and not hasattr(os, "fork"):
        pytest.skip("forks and alarms are not of this system")
    if way == "dask_worker" and importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is missing: pip install 'fastlogreg[reliability]'")
    variables = {"NUMBA_THREADING_LAYER": layer, "OPENBLAS_NUM_THREADS": "1"}
    # Two threads on any machine, so that another library's parallel loop is parallel.
    variables["NUMBA_NUM_THREADS"] = "2"
    if layer == "tbb":
        library = next(Path(sys.prefix).joinpath("lib").glob("libtbb.so*"), None)
        if library is None:
            pytest.skip("tbb is missing: pip install 'fastlogreg[reliability]'")
        known = os.environ.get("LD_LIBRARY_PATH")
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(library.parent), known]))
    if way.endswith("while_compiling"):
        variables["FASTLOGREG_CACHE_DIR"] = ""
    return variables


@pytest.mark.parametrize(("way", "layer", "storage"), list(cells()))
def test_a_cell_ends_well_with_the_same_bits(way, layer, storage, expected, tally):
    variables = environment_of(way, layer)
    command = ["-W", "error", "-m", "tests.reliability.cells", way, storage]
    tally("cells of threads and processes")
    done = run_python_group(*command, **variables)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr[-6_000:])
    found = [line.split()[-1] for line in done.stdout.splitlines()]
    tally("fits in threads and processes, compared by their bits", len(found))
    assert set(found) == {expected(storage)}
    assert done.stderr == ""
    if way == "end_while_threads_fit":
        assert {line.rpartition(" ")[0] for line in done.stdout.splitlines()} == {
            "digest",
            "late",
            "at exit",
        }
