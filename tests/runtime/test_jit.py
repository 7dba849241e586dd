"""What is compiled does not depend on what was compiled before."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastlogreg.kernels import dense_tiles
from tests.modes import compiled_only, from_python

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
        ["helpers", "pass", "probability"],
        ["probability", "pass", "helpers"],
    )
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(
            lambda order: run_python(COMPILE_ORDER.format(order=order), FASTLOGREG_CACHE_DIR=""),
            orders,
        )
        assert len(set(found)) == 1


@compiled_only
def test_a_step_refuses_a_call_from_python():
    z = np.empty(4)
    decide = dense_tiles.decisions_tile_c
    arguments = (np.ones((4, 3)), dense_tiles.with_rest(np.ones(4)), 0, 4, 0, 1, z)
    for _ in range(2):
        with pytest.raises(TypeError, match="decisions_tile_c is a step of compiled kernels"):
            decide(*arguments)
        from_python(decide)(*arguments)
        assert z.tolist() == [4.0] * 4
