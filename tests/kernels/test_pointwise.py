"""The link against mpmath: bounds in ulp at every size of a margin, NaN in, NaN out."""

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels import pointwise as compiled
from fastlogreg.reference import pointwise as reference
from fastlogreg.runtime.jit import tile_kernel
from tests.modes import compiled_only

mpmath.mp.dps = 60
RNG = np.random.default_rng(7)
LEAST = 5e-324


def both_signs(values):
    return np.concatenate([values, -np.asarray(values)])


def around(values):
    """Return the values and their neighbours on both sides."""
    values = np.asarray(values)
    return np.concatenate([values, np.nextafter(values, 0.0), np.nextafter(values, 1e9)])


EDGES = [0.0, LEAST, 1e-310, 2.2250738585072014e-308, 1e-300, 1e-16, 37.0, 1e4, np.inf]
STEPS = around([0.34657359027997264, 0.6931471805599453, 36.7, 708.0, 708.4, 744.4, 745.0, 746.0])
MARGINS = {
    "float64": both_signs(
        np.concatenate(
            [
                EDGES,
                STEPS,
                RNG.uniform(0.0, 1.0, 200),
                RNG.uniform(0.0, 40.0, 400),
                RNG.uniform(40.0, 700.0, 100),
                RNG.uniform(700.0, 746.0, 200),
                10.0 ** RNG.uniform(-320.0, 3.0, 200),
            ]
        )
    ),
    "float32": both_signs(
        np.concatenate(
            [
                [0.0, 1e-45, 1e-40, 1.1754944e-38, 37.0, 88.0, 104.0, 708.0, 745.0, 1e4, np.inf],
                RNG.uniform(0.0, 40.0, 300),
                RNG.uniform(700.0, 746.0, 100),
                10.0 ** RNG.uniform(-44.0, 3.0, 100),
            ]
        ).astype(np.float32)
    ),
}
# Compiled, a float32 margin becomes float64; in plain Python NumPy would stay with float32.
TYPES = ["float64", pytest.param("float32", marks=compiled_only)]
FACTORS = np.concatenate(
    [
        [0.0, 1.0, 0.41421356237309503, 0.4142135623730951, 3.0, 2.0**53, 2.0**1000, LEAST, 1e-310],
        RNG.uniform(0, 1, 600),
        10.0 ** RNG.uniform(-320, 0, 200),
        10.0 ** RNG.uniform(0, 301, 300),
    ]
)


def exact_exp(x):
    return mpmath.exp(x)


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def exact_loss(m):
    return mpmath.log1p(mpmath.exp(-m))


def exact_pull(m):
    return 1 / (1 + mpmath.exp(m))


def exact_curvature(m):
    u = mpmath.exp(-abs(m))
    return u / (1 + u) ** 2


def worst_ulps(values, got, exact):
    """Return the largest error in units of the last place of the exact values.

    Where these are subnormal the unit is the smallest subnormal, and more than one of it
    counts as infinitely many.
    """
    worst = 0.0
    for value, ours in zip(values, got, strict=True):
        true = exact(mpmath.mpf(float(value)))
        if mpmath.isinf(true) or mpmath.isinf(ours):
            error = 0.0 if float(true) == ours else np.inf
        else:
            unit = float(np.spacing(abs(float(true))))
            error = float(abs(mpmath.mpf(float(ours)) - true) / mpmath.mpf(unit))
            if abs(true) < np.finfo(np.float64).tiny and error > 1.0:
                error = np.inf
        worst = max(worst, error)
    return worst


# name: (function of the module, which of its results, the exact one)
LINKS = {
    "sigmoid of minus z": ("sigmoids", 0, exact_pull),
    "sigmoid": ("sigmoids", 1, exact_sigmoid),
    "loss": ("loss_pull", 0, exact_loss),
    "pull": ("loss_pull", 1, exact_pull),
    "curvature": ("curvature", None, exact_curvature),
    "loss of three": ("loss_pull_curvature", 0, exact_loss),
    "pull of three": ("loss_pull_curvature", 1, exact_pull),
    "curvature of three": ("loss_pull_curvature", 2, exact_curvature),
}


def scalar_calls(name, part, values):
    function = getattr(compiled, name)
    got = [function(value) for value in values]
    return np.array(got if part is None else [each[part] for each in got], dtype=np.float64)


@pytest.mark.parametrize("dtype", TYPES)
def test_exp_of_negative_is_within_2_ulp(dtype):
    xs = -np.abs(MARGINS[dtype])
    assert worst_ulps(xs, scalar_calls("exp_of_negative", None, xs), exact_exp) <= 2.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_log1p_of_positive_is_within_2_ulp(dtype):
    us = FACTORS[np.finfo(dtype).max >= FACTORS].astype(dtype)
    assert worst_ulps(us, scalar_calls("log1p_of_positive", None, us), mpmath.log1p) <= 2.0


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("link", LINKS)
def test_the_link_is_within_4_ulp(link, dtype):
    name, part, exact = LINKS[link]
    margins = MARGINS[dtype]
    assert worst_ulps(margins, scalar_calls(name, part, margins), exact) <= 4.0


@pytest.mark.parametrize("link", [link for link in LINKS if link != "sigmoid of minus z"])
def test_the_link_in_numpy_is_within_4_ulp(link):
    name, part, exact = ("sigmoid", None, exact_sigmoid) if link == "sigmoid" else LINKS[link]
    margins = MARGINS["float64"]
    with np.errstate(under="ignore"):
        got = getattr(reference, name)(margins)
    assert worst_ulps(margins, got if part is None else got[part], exact) <= 4.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_comes_out_where_nan_goes_in(dtype):
    nan = dtype(np.nan)
    names = {name for name, *_ in LINKS.values()}
    for name in ("exp_of_negative", "log1p_of_positive", *names):
        assert np.isnan(getattr(compiled, name)(nan)).all(), name
    for name in ("sigmoid", *names - {"sigmoids"}):
        assert np.isnan(getattr(reference, name)(np.array([nan]))).all(), name


@pytest.mark.parametrize("margin", [np.inf, 1e308, -1e308, -np.inf])
def test_limits_are_reached_without_overflow(margin):
    loss, pull, curvature = compiled.loss_pull_curvature(margin)
    assert loss == max(-margin, 0.0)
    assert pull == (0.0 if margin > 0 else 1.0)
    assert curvature == 0.0
    assert compiled.sigmoids(margin) == ((0.0, 1.0) if margin > 0 else (1.0, 0.0))
    assert compiled.exp_of_negative(-abs(margin)) == 0.0


@tile_kernel
def exp_over(values, out):
    for i in range(values.size):
        out[i, 0] = compiled.exp_of_negative(values[i])


@tile_kernel
def log_over(values, out):
    for i in range(values.size):
        out[i, 0] = compiled.log1p_of_positive(values[i])


@tile_kernel
def sigmoids_over(values, out):
    for i in range(values.size):
        out[i, 0], out[i, 1] = compiled.sigmoids(values[i])


@tile_kernel
def pull_over(values, out):
    for i in range(values.size):
        out[i, 0], out[i, 1] = compiled.loss_pull(values[i])


@tile_kernel
def curvature_over(values, out):
    for i in range(values.size):
        out[i, 0], out[i, 1], out[i, 2] = compiled.loss_pull_curvature(values[i])


# name: (function, loop over it, how many results)
LOOPS = {
    "exp": ("exp_of_negative", exp_over, 1),
    "log1p": ("log1p_of_positive", log_over, 1),
    "sigmoids": ("sigmoids", sigmoids_over, 2),
    "loss and pull": ("loss_pull", pull_over, 2),
    "loss, pull and curvature": ("loss_pull_curvature", curvature_over, 3),
}


@pytest.mark.parametrize("dtype", MARGINS)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_gives_bit_for_bit_what_a_call_gives(loop, dtype):
    name, over, size = LOOPS[loop]
    values = MARGINS[dtype]
    if name == "exp_of_negative":
        values = -np.abs(values)
    elif name == "log1p_of_positive":
        values = np.abs(values[np.isfinite(values)])
    lines = np.empty((size, len(values) - 1)).T  # results lie side by side, as in a tile
    # From an odd place on, so that whole vectors and a remainder both occur.
    over(values[1:], lines)
    calls = [getattr(compiled, name)(value) for value in values[1:]]
    np.testing.assert_array_equal(lines, np.array(calls).reshape(-1, size), strict=True)
