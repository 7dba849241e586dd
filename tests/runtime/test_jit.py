"""The kernel cache: right answers whatever its files hold, and at most one warning."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import run_in_fresh_process

PASS = """
import warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from fastlogreg.kernels import dense
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    decisions, _ = dense.decision(X, np.ones((4, 1)), 1)  # the quickest to compile
print(decisions.tobytes().hex())
print([w.category.__name__ for w in caught])
"""


@pytest.fixture(scope="module")
def filled_cache(tmp_path_factory):
    """Return a filled cache folder and what a pass prints with it."""
    folder = tmp_path_factory.mktemp("kernels")
    fresh = run_in_fresh_process(PASS, FASTLOGREG_CACHE_DIR=str(folder))
    assert fresh.endswith("[]")
    return folder, fresh


@pytest.fixture
def cache(filled_cache, tmp_path):
    """Return a copy of the filled cache folder, and what a pass prints with it."""
    folder, fresh = filled_cache
    return shutil.copytree(folder, tmp_path / "cache"), fresh


def test_a_second_process_loads_what_the_first_compiled(cache, run_python):
    folder, fresh = cache
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}
    assert files
    assert run_python(PASS, FASTLOGREG_CACHE_DIR=str(folder)) == fresh
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")} == files


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [("nbc", "empty"), ("nbi", "truncated"), ("nbc", "truncated"), ("nbc", "garbage")],
)
def test_damaged_cache_files_cost_one_warning_and_no_digit(cache, run_python, suffix, damage):
    folder, fresh = cache
    for path in folder.rglob(f"*.{suffix}"):
        data = path.read_bytes()
        path.write_bytes(
            {"empty": b"", "truncated": data[: len(data) // 2], "garbage": b"\x00" * 64}[damage]
        )
    numbers, warned = run_python(PASS, FASTLOGREG_CACHE_DIR=str(folder)).split("\n")
    assert numbers == fresh.split("\n")[0]
    assert warned == "['KernelCacheWarning']"


@pytest.mark.parametrize("folder", ["", "/proc/no-such-place"], ids=["switched off", "unwritable"])
def test_without_a_cache_folder_kernels_are_compiled_in_the_process(cache, run_python, folder):
    numbers, warned = run_python(PASS, FASTLOGREG_CACHE_DIR=folder).split("\n")
    assert numbers == cache[1].split("\n")[0]
    assert warned == "[]"


def test_code_with_checked_indices_is_kept_apart(cache, run_python):
    """Code without the checks must not be loaded where they are wanted, nor the other way."""
    folder, fresh = cache
    before = set(folder.rglob("*.nbc"))
    with_checks = {"FASTLOGREG_CACHE_DIR": str(folder), "NUMBA_BOUNDSCHECK": "1"}
    checked = run_python(PASS, **with_checks)
    added = set(folder.rglob("*.nbc")) - before
    assert {path.name.split("-")[0] for path in added} == {
        path.name.split("-")[0] for path in before
    }
    assert run_python(PASS, **with_checks) == checked
    assert run_python(PASS, FASTLOGREG_CACHE_DIR=str(folder)) == fresh
    assert set(folder.rglob("*.nbc")) == before | added


def test_each_signature_has_an_index_of_its_own(cache, run_python):
    folder, _ = cache
    assert len(list(folder.rglob("*decision_block_c-*.nbi"))) == 1
    single = PASS.replace("rng.standard_normal((40, 3))", "rng.random((40, 3), np.float32)")
    run_python(single, FASTLOGREG_CACHE_DIR=str(folder))
    assert len(list(folder.rglob("*decision_block_c-*.nbi"))) == 2


COMPILE_ORDER = """
import hashlib
import numpy as np
from fastlogreg.kernels import dense, pointwise
x = -np.random.default_rng(0).uniform(0, 700, 2000)
X = np.random.default_rng(1).standard_normal((500, 4))
codes = (X[:, 0] > 0).astype(np.int8)
one, rest = np.ones((5, 1)), (codes, None, np.ones(2), 1)

def helpers():
    names = ("exp_of_negative", "sigmoids", "loss_pull", "curvature", "loss_pull_curvature")
    return [np.array([getattr(pointwise, name)(v) for v in x]) for name in names]

ways = {{
    "helpers": helpers,
    "pass": lambda: dense.loss_gradient(X, one, *rest),
    "hessian": lambda: dense.loss_gradient_hessian(X, one, *rest),
    "outputs": lambda: dense.loss_gradient(X, np.ones((5, 3)), *rest),
    "probability": lambda: dense.probability(X, one, 1)[:1],
}}
found = {{
    name: hashlib.sha256(b"".join(a.tobytes() for a in ways[name]())).hexdigest()
    for name in {order}
}}
print(sorted(found.items()))
"""


def test_the_order_of_compilation_changes_no_bit(run_python):
    orders = (
        ["helpers", "pass", "hessian", "outputs", "probability"],
        ["hessian", "outputs", "probability", "pass", "helpers"],
    )
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            lambda order: run_python(COMPILE_ORDER.format(order=order), FASTLOGREG_CACHE_DIR=""),
            orders,
        )
        assert len(set(found)) == 1
