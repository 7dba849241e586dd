"""Kernels compiled ahead of time: what later processes find, and what is refused."""

import json
import os
import shutil
import warnings

import numpy as np
import pytest

import fastlogreg
from fastlogreg.errors import (
    InvalidParameterError,
    InvalidParameterTypeError,
    KernelCacheError,
    KernelCacheWarning,
)
from fastlogreg.estimators import validation
from fastlogreg.precompile import DTYPES, WarmUp
from fastlogreg.solvers import SOLVERS
from tests.processes import run_in_fresh_process

WARM = """
import json
from dataclasses import asdict
import fastlogreg
print(json.dumps([asdict(r) for r in fastlogreg.warmup({arguments})]))
"""
FIT = """
import warnings
import numpy as np
from fastlogreg import LogisticRegression
warnings.simplefilter("ignore")  # two iterations are no optimum
rng = np.random.default_rng(0)
for n, d in ((2_000, 5), (2_000, 600)):
    for order in {orders!r}:
        X = (8 * rng.standard_normal((n, d))).astype({dtype!r}, order=order)
        y = rng.random(n) < 0.5
        X.flags.writeable = False
        for solver in {solvers!r}:
            share = 0.5 if solver == "prox-newton" else 0.0
            model = LogisticRegression(l1_ratio=share, backend="numba", solver=solver, max_iter=2)
            model.fit(X, y, rng.random(n)).fit(X, y)
        model.predict(X)
        model.predict_proba(X)
"""
BOTH = ("lbfgs", "newton-cholesky")


def warm(folder, arguments):
    printed = run_in_fresh_process(
        WARM.format(arguments=arguments), FASTLOGREG_CACHE_DIR=str(folder)
    )
    return [WarmUp(**record) for record in json.loads(printed)]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}


@pytest.fixture(scope="module")
def warmed(tmp_path_factory):
    """Return a cache folder after a warm-up of float64 in C order, and its records."""
    folder = tmp_path_factory.mktemp("kernels")
    return folder, warm(folder, '"float64", "C"')


def test_the_records_tell_what_was_compiled(warmed):
    folder, records = warmed
    works = [record.work for record in records]
    assert [work for work in works if not work.endswith(", wide")] == [*SOLVERS, "predict"]
    assert "newton-cholesky, wide" in works
    assert {(record.dtype, record.order) for record in records} == {("float64", "C")}
    assert all(record.seconds > 0.0 for record in records)
    added = {record.work: record.added for record in records}
    for work in ("gradient-descent", "newton-cg", "newton-cholesky", "newton-cholesky, wide"):
        assert added[work] > 0, work
    assert sum(record.added for record in records) == len(list(folder.rglob("*.nbc")))
    assert str(records[0]).startswith("float64, C order, gradient-descent: ")


def test_a_later_process_compiles_nothing(warmed, run_python):
    folder, _ = warmed
    before = files(folder)
    assert before
    code = FIT.format(dtype="float64", orders="C", solvers=(*BOTH, "prox-newton"))
    run_python(code, FASTLOGREG_CACHE_DIR=str(folder))
    assert files(folder) == before


def test_a_second_warm_up_finds_all_in_the_cache(warmed):
    folder, first = warmed
    again = warm(folder, 'orders="C", dtypes=[float]')
    assert [record.work for record in again] == [record.work for record in first]
    assert [record.added for record in again] == [0] * len(first)
    assert str(again[0]).endswith(", in the cache")


def test_integers_are_read_as_they_lie(warmed, tmp_path, run_python):
    # What sees nothing of X is there already; a kernel and what reads X for it is not.
    folder = shutil.copytree(warmed[0], tmp_path / "kernels")
    assert [r.added for r in warm(folder, "bool, 'C', solvers='newton-cholesky'")] == [2, 1, 2]
    before = files(folder)
    code = FIT.format(dtype="bool", orders="C", solvers=BOTH[1:])
    run_python(code, FASTLOGREG_CACHE_DIR=str(folder))
    assert files(folder) == before


def test_every_type_that_a_fit_reads_is_known():
    assert set(DTYPES) == {dtype.name for dtype in validation._TABLE_TYPES}


@pytest.fixture
def in_the_suites_cache():
    """Skip where the tests run without a cache of kernels."""
    if os.environ.get("FASTLOGREG_CACHE_DIR") == "":
        pytest.skip("the cache is switched off")


@pytest.mark.usefixtures("in_the_suites_cache")
def test_parts_may_be_left_out_and_added(capsys):
    records = fastlogreg.warmup(
        np.float64, "C", solvers=["lbfgs"], predict=False, outputs=True, verbose=1
    )
    assert [record.work for record in records] == ["lbfgs", "several outputs"]
    assert capsys.readouterr().out.splitlines() == [str(record) for record in records]


@pytest.mark.usefixtures("in_the_suites_cache")
def test_a_layout_is_taken_once():
    records = fastlogreg.warmup(["f8", np.float64], ["C", "C"], solvers="lbfgs", predict=False)
    assert len(records) == 1


@pytest.mark.usefixtures("in_the_suites_cache")
@pytest.mark.parametrize("order", ["csr", "csc", "frame"])
def test_layouts_that_are_not_dense_are_warmed_up_by_name(order):
    records = fastlogreg.warmup("float64", order, solvers="newton-cg")
    assert [record.work for record in records] == ["newton-cg", "predict"]
    assert {record.order for record in records} == {order}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"dtypes": bool, "orders": ["C", "csr"]},
            "dtypes holds 'bool' and orders 'csr', for which there are no kernels",
        ),
        ({"dtypes": ["float64", "float16"]}, "dtypes holds 'float16', for which there are no"),
        ({"dtypes": ">f8"}, "dtypes holds '>f8', for which there are no kernels"),
        ({"dtypes": object}, "dtypes holds <class 'object'>, for which there are no kernels"),
        ({"dtypes": []}, "dtypes is empty; expected some of 'float64', 'float32', 'bool'"),
        (
            {"orders": ["C", "K"]},
            "orders holds 'K'; expected some of 'C', 'F', 'csr', 'csc', 'frame'.",
        ),
        ({"orders": ()}, "orders is empty; expected some of 'C', 'F', 'csr', 'csc', 'frame'."),
        ({"solvers": "newton"}, "solvers holds 'newton'; expected some of 'gradient-descent', "),
        ({"solvers": [None]}, "solvers holds None; expected some of"),
    ],
)
def test_what_is_wrong_is_named(arguments, message):
    with pytest.raises(InvalidParameterError, match="^" + message.replace(".", r"\.")):
        fastlogreg.warmup(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtypes": ["flaot64"]}, "dtypes holds 'flaot64', which is no type; expected some of"),
        ({"dtypes": None}, "dtypes holds None, which is no type; expected some of 'float64'"),
        ({"orders": 1}, "orders is 1; expected some of 'C', 'F', 'csr', 'csc', 'frame'"),
    ],
)
def test_what_is_of_a_wrong_type_is_named(arguments, message):
    with pytest.raises(InvalidParameterTypeError, match=message):
        fastlogreg.warmup(**arguments)


NO_FOLDER = """
import fastlogreg
try:
    fastlogreg.warmup()
except fastlogreg.errors.KernelCacheError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("", "FASTLOGREG_CACHE_DIR is empty, which switches the cache of compiled kernels off"),
        (
            "/proc/no-such-place",
            "kept: FASTLOGREG_CACHE_DIR='/proc/no-such-place' cannot be used (",
        ),
    ],
    ids=["switched off", "unwritable"],
)
def test_without_a_folder_there_is_nothing_to_warm(folder, message, run_python):
    assert message in run_python(NO_FOLDER, FASTLOGREG_CACHE_DIR=folder)


@pytest.mark.usefixtures("in_the_suites_cache")
def test_a_folder_that_turned_read_only_is_named(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(KernelCacheError, match=r"cannot be kept in '.*' \(\[Errno 13\] Perm"):
        fastlogreg.warmup()


@pytest.mark.usefixtures("in_the_suites_cache")
def test_a_disk_that_fills_up_is_an_error(monkeypatch):
    def warn_of_it(*_):
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            message = "compiled kernels could not be written in"
            warnings.warn(message, KernelCacheWarning, stacklevel=2)

    monkeypatch.setattr("fastlogreg.design.DenseDesign.loss_gradient", warn_of_it)
    with pytest.raises(KernelCacheError, match=r"\(\[Errno 28\] No space left on device\)"):
        fastlogreg.warmup("float64", "C", solvers="lbfgs")


def test_the_function_is_not_hidden_by_a_module(run_python):
    code = "import fastlogreg.precompile, fastlogreg; print(callable(fastlogreg.warmup))"
    assert run_python(code) == "True"


def test_the_module_loads_no_numba(run_python):
    code = "import sys, fastlogreg; fastlogreg.warmup; print('numba' in sys.modules)"
    assert run_python(code) == "False"
