"""One pass over X: loss and gradient, those and the Hessian, decision, probability."""

import numpy as np
import pytest

from bench.passes import PASSES, pass_of

SHAPES = ((1_000_000, 10), (200_000, 50))
ROUNDS = 10


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pass(benchmark, measure, table, shape, dtype, order, name, backend):
    problem, reader = table(shape, dtype, order)
    benchmark.group = f"{name}, {shape[0]} x {shape[1]}, {dtype}, {order} order"
    with_hessian = name == "loss_gradient_hessian"
    result = measure(
        pass_of(problem, backend, name),
        reader,
        backend=backend,
        rounds=ROUNDS,
        operations=2.0 * shape[0] * shape[1] ** 2 if with_hessian else None,
    )
    if name in ("decision", "probability"):
        values, finite = result
        assert finite
        assert np.isfinite(values).all()
    else:
        losses, gradient, *hessians = result
        assert all(np.isfinite(hessian).all() for hessian in hessians)
        benchmark.extra_info["objective"] = float(losses[0]) / shape[0]
        benchmark.extra_info["gradient_norm"] = float(np.abs(gradient).max()) / shape[0]
