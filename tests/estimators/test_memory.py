"""How far a fit raises the memory of its process above X: a bar in bytes, no clock."""

import json
from pathlib import Path

import pytest

FIT = """
import ctypes, gc, json
from pathlib import Path
import numpy as np
from fastlogreg import LogisticRegression

def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key + ":"))

n, d, dtype, order, form = {case}
rng = np.random.default_rng(0)
X = np.empty((n, d), dtype=dtype, order=order)
for start in range(0, n, 20_000):
    X[start : start + 20_000] = rng.standard_normal((min(20_000, n - start), d))
y = (X[:, 0] + rng.standard_normal(n) > 0).astype(np.int64)
if form == "read-only":
    X.flags.writeable = False
elif form == "mapped":
    path = {folder!r} + "/X.npy"
    np.save(path, X)
    X = np.load(path, mmap_mode="r")
    float(X.sum())  # its pages are held before the fit
model = LogisticRegression(backend="numba", n_threads=2, tol=1e-3)
few = slice(0, 20_000)
for solver in ("newton-cholesky", "lbfgs", "subsampled-newton"):  # loads all kernels
    model.set_params(solver=solver).fit(np.asarray(X[few], order=order), y[few])
model.solver = "auto"
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
model.fit(X, y)
print(json.dumps([status("VmHWM") - before, X.nbytes]))
"""
CASES = [
    (600_000, 10, "f4", "F", "read-only"),
    (60_000, 100, "f8", "F", "mapped"),
    (20_000, 300, "f8", "C", "writable"),
]


def can_reset_peak():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_reset_peak(), reason="the peak of memory cannot be reset here")
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_a_fit_takes_a_tenth_of_x_beside_its_rows_and_its_hessian(run_python, tmp_path, case):
    n, d = case[:2]
    code = FIT.format(case=case, folder=str(tmp_path))
    grown, table = json.loads(run_python(code, MALLOC_ARENA_MAX="2"))
    # Rows: labels and what is derived from them.  Columns: a Hessian and its factors.
    assert grown <= 0.1 * table + 16 * n + 4 * (d + 1) ** 2 * 8 + 2 * 2**20
