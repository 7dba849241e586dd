"""Random parameters of the estimators for `tests.reliability.generated`."""

import decimal
import fractions

import numpy as np
import pandas as pd

__all__ = ["draw_odd_parameters", "draw_parameters"]

PLAIN = {
    "C": (1.0, 1.0, 0.01, 100.0, 3, np.float32(0.5), np.inf, fractions.Fraction(1, 3)),
    "l1_ratio": (0.0, 0.0, 0.0, 0, 0.5, 1.0, 1),
    "fit_intercept": (True, True, False, np.False_),
    "class_weight": (None, None, None, "balanced"),
    "tol": (1e-6, 1e-6, 1e-3, 1e-10, np.float32(1e-4)),
    "max_iter": (100, 100, 1_000, np.int8(100)),
    "solver": ("auto", "auto", "auto", "newton-cholesky", "newton-cg", "lbfgs"),
    "n_threads": (None, 1, 2),
    "warm_start": (False, True),
    "random_state": (None, 0, 2**70, np.int64(7)),
    "handle_unknown": ("error", "ignore", "infrequent"),
    "handle_missing": ("error", "category", "ignore"),
    "min_frequency": (None, None, 1, 3, 0.4),
}

_WRONG = (
    *(
        None,
        True,
        "1",
        b"1",
        1j,
        [],
        [1.0],
        {},
        object(),
        np.nan,
        np.inf,
        -np.inf,
        -1,
        0,
        0.0,
        -0.0,
    ),
    *(1e-320, 1e308, 5e-324, 10**400, -(10**400), 2**63, 1.5, np.array(1.0), np.array([1.0, 2.0])),
    *(decimal.Decimal("1"), fractions.Fraction(10**400, 3), fractions.Fraction(1, 10**400), pd.NA),
    *(
        np.longdouble("1e4000"),
        np.longdouble("1e-4900"),
        np.float16(1.0),
        np.float32(1e-45),
        "auto",
    ),
    *(np.datetime64("NaT"), float, np.array(["auto"]), np.str_("auto"), 2**31, 1e-300, 1e300),
)
_SPECIAL = {
    "solver": (
        "gradient-descent",
        "subsampled-newton",
        "prox-newton",
        "saga",
        "",
        np.str_("lbfgs"),
    ),
    "backend": ("gpu", "", "NumPy", np.str_("numpy")),
    "class_weight": (
        *({}, {0: 1.0}, {0: 2.0, 1: 3.0}, {0: 0.0, 1: 1.0}, {0: -1.0}, {0: np.nan}, {0: "a"}),
        *({0: 10**400, 1: 1}, {"a": 1e308, "b": 1e308}, {0: 1e308, 1: 1e308}, {0: 1e-320, 1: 1}),
        *(
            {None: 1},
            {(1, 2): 1.0},
            {np.nan: 1.0},
            "even",
            [1.0, 2.0],
            {0: 1j, 1: 1},
            {0: [1], 1: 1},
        ),
    ),
    "categorical_features": (
        *(
            None,
            [],
            [0],
            [0, 0],
            [1],
            [-1],
            [99],
            ["c 0"],
            ["odd"],
            ["none"],
            [True],
            [True, False],
        ),
        *(
            np.array([0]),
            np.array([[0]]),
            [0.0],
            [0, "c 0"],
            {0},
            (0,),
            {"c 0"},
            "all",
            b"c 0",
            [[0], [1, 2]],
        ),
        *(
            [None],
            [np.nan],
            [pd.NA],
            range(2),
            [10**400],
            pd.Series(["c 0"]),
            np.array(0),
            [1j],
            [{}],
        ),
    ),
    "random_state": (np.random.RandomState(0), np.random.default_rng(0), np.random, -1),
    "callback": (len, print, lambda step: step.iteration == 1, lambda step: np.nan, "call", 1),
    "max_iter": (0, 1, 2, 10**30),
    "tol": (1e-300, 1e300, 0.5),
    "C": (1e12, 1e-12, 1e30, 1e-30),
}


def draw_parameters(rng, number):
    """Return sound parameters; one call in five may ask for compiled kernels."""
    found = {}
    for name, choices in PLAIN.items():
        if rng.random() < 0.4:
            found[name] = choices[rng.integers(len(choices))]
    if found.get("l1_ratio") and found.get("C", 1.0) != np.inf:
        found.pop("solver", None)
    found["backend"] = ("auto", "numpy")[rng.integers(2)]
    if number % 5 == 0 and rng.random() < 0.7:
        found["backend"] = "numba"
    return found


def draw_odd_parameters(rng):
    """Return one or two parameters that are wrong, or only unusual."""
    names = (*PLAIN, *_SPECIAL, "verbose")
    found = {}
    for _ in range(rng.integers(1, 3)):
        name = names[rng.integers(len(names))]
        special = _SPECIAL.get(name, ())
        choices = special if name == "callback" or (special and rng.random() < 0.6) else _WRONG
        found[name] = choices[rng.integers(len(choices))]
    if found.get("callback") is print:
        found["callback"] = lambda step: None
    if "verbose" in found:
        found["verbose"] = (-1, "loud", None, 1.5, np.nan)[rng.integers(5)]
    return found
