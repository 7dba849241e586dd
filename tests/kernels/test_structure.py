"""What the kernels are made of, without a clock: machine code, specialisations, reads of X."""

import json
import os
import platform

import pytest

from tests.modes import compiled_only
from tests.processes import run_in_fresh_process

LINK = """
import json, re
import numba
import numpy as np
from fastlogreg.kernels import dense_outputs, dense_product
from fastlogreg.kernels import link, predicted, softmax
from tests.modes import from_python

z, u, growth = np.zeros(64), np.zeros(64), np.zeros(link.LANES + 1)
none, ones, sums = np.zeros(0), np.ones(2), np.zeros(2)
none.flags.writeable = False
codes = np.zeros(64, np.int8)
codes.flags.writeable = False
lines, scratch = np.zeros((4, 64)), softmax.softmax_scratch()
bits = u.copy()
calls = {
    link.link_tile: lambda f: f(z, codes, none, ones, 0, 50, u, bits, growth, sums),
    link.even_loss: lambda f: f(u, 50, True, growth),
    dense_product.bend_tile: lambda f: f(z, u, codes, none, ones, 0, 50, bits, sums),
    softmax.raise_tile: lambda f: f(lines, 4, codes, 50, scratch),
    link.link_bend_tile: lambda f: f(
        z, codes, none, ones, 0, 50, u, bits, growth, lines[0], np.zeros(3)
    ),
    dense_outputs.link_tile: lambda f: f(lines, codes, u, np.zeros((3, 2))),
    dense_outputs.bend_tile: lambda f: f(lines, 2, False, u, 50, np.zeros((2, 2))),
    softmax.loss_tile: lambda f: f(u, 50, scratch),
    softmax.product_tile: lambda f: f(lines, 2, 2, u, 50, False, scratch, np.zeros((2, 2))),
    softmax.probability_tile: lambda f: f(lines, 0, 50, scratch),
    predicted.store_both: lambda f: f(z[None], np.zeros((64, 2)), scratch),
}

@numba.njit(error_model="numpy")
def control(values):
    for i in range(values.size):
        values[i] = 1.0 / np.log1p(values[i])

calls[control] = lambda f: f(z)

library = re.compile(
    r"(?<![\\w.])(?:_ZGV\\w+|__svml\\w+|(?:exp|exp2|expm1|log|log2|log1p|pow)f?)(?![\\w.])"
)
found = {"cpu": [numba.config.CPU_NAME, numba.config.CPU_FEATURES]}
for loop in [*list(calls)[:COUNT], control]:
    calls[loop](from_python(loop))
    (assembly,) = loop.inspect_asm().values()
    found[f"{loop.__module__}.{loop.__name__}"] = {
        "divisions": len(re.findall(r"\\bv?divpd\\b", assembly)),
        "packed": sorted(set(re.findall(r"\\bv?(?:mul|fmadd\\d+)pd\\b.*%([xyz])mm", assembly))),
        "scalar": len(re.findall(r"\\bv?(?:mul|fmadd\\d+)sd\\b", assembly)),
        "library": sorted(set(library.findall(assembly))),
    }
print(json.dumps(found))
"""
HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+sse4.2"}


@compiled_only
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="names x86 instructions"
)
@pytest.mark.parametrize(
    ("processor", "count"), [({}, 4), (HASWELL, 11)], ids=["this processor", "haswell"]
)
def test_the_link_is_packed_code_without_a_mathematics_library(run_python, processor, count):
    code = LINK.replace("COUNT", str(count))
    # A check in every index, which the suite may run with, would keep loops from being packed.
    settings = {"FASTLOGREG_CACHE_DIR": "", "NUMBA_BOUNDSCHECK": "0", **processor}
    found = json.loads(run_python(code, **settings))
    assert len(found) == count + 2
    cpu = found.pop("cpu")
    assert cpu == [processor.get("NUMBA_CPU_NAME"), processor.get("NUMBA_CPU_FEATURES")]
    control = found.pop("__main__.control")
    assert control["library"] == ["log1p"]
    for name, code in found.items():
        assert code["library"] == [], name
        # Nothing in a link divides but the link itself; exponentials alone do not.
        assert (code["divisions"] > 0) != name.endswith("softmax.raise_tile"), name
        assert code["packed"], name
        # A loop over a constant few is unrolled, and then stays scalar, unless told otherwise.
        assert not name.endswith(".even_loss") or code["scalar"] == 0
        if processor:
            assert code["packed"] == ["y"], name


COMPILED = """
import importlib, json, pkgutil
import numpy as np
import fastlogreg.kernels as package
from fastlogreg import LogisticRegression
from tests.problems import correlated

dispatchers = {}
for info in pkgutil.iter_modules(package.__path__):
    module = importlib.import_module(f"fastlogreg.kernels.{info.name}")
    for name, value in vars(module).items():
        if hasattr(value, "signatures") and value.__module__ == module.__name__:
            dispatchers[f"{info.name}.{name}"] = value

def compiled():
    "Return the numbers of specialisations of kernels and steps; what they inline is none."
    return {
        name: len(dispatcher.signatures)
        for name, dispatcher in dispatchers.items()
        if dispatcher.signatures and type(dispatcher._cache).__name__ != "NullCache"
    }

found = []

def step(X, y, *, solver="newton-cholesky", predict=()):
    model = LogisticRegression(backend="numba", solver=solver, tol=1e-4, max_iter=500).fit(X, y)
    for method in predict:
        getattr(model, method)(X)
    found.append(compiled())

X, y, _ = correlated(500, 5, seed=1)
X /= X.std(axis=0)
step(X, y)
fixed = X.copy()
fixed.flags.writeable = False
step(fixed, y)
step(X[:57], y[:57])
step(X.astype(np.float32), y, solver="lbfgs")
step(X, y, solver="lbfgs")
step(X, y, predict=("predict", "decision_function", "predict_proba"))
step(fixed, y, solver="lbfgs", predict=("predict_proba",))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def fitted():
    """Return the kernels that fits compiled, or took from the cache."""
    return json.loads(run_in_fresh_process(COMPILED))


@compiled_only
def test_a_fit_compiles_what_it_needs_once_and_nothing_else(fitted):
    # Newton's last step takes no Hessian: a plain pass.
    of_hessian = ["dense_hessian.hessian_block_c", "link.link_bend_tile", "link.link_tile"]
    of_hessian += [f"dense_gram.{step}" for step in ("fill_tile_c", "weigh_tile", "add_gram")]
    of_pass = [f"dense_narrow.{step}_narrow_c" for step in ("decisions", "gradient")]
    of_pass.append("dense_pass.pass_block_narrow_c")
    newton = dict.fromkeys(of_hessian + of_pass, 1)
    both = {**newton, **dict.fromkeys(of_pass, 2)}
    prediction = ("dense_decision.decide_c", "dense_tiles.decisions_tile_c", "predicted.store_both")
    everything = {**both, **dict.fromkeys(prediction, 1)}
    names = ("first", "read-only", "fewer rows", "float32", "lbfgs", "predicted", "all read-only")
    expected = (newton, newton, newton, both, both, everything, everything)
    assert dict(zip(names, fitted, strict=True)) == dict(zip(names, expected, strict=True))


LOADED = """
import json
from numba.core import event
from fastlogreg import LogisticRegression
from tests.problems import correlated
from fastlogreg.runtime.jit import tile_kernel

@tile_kernel  # which is never kept
def total_here(numbers):
    return numbers[0]

class Listener(event.Listener):
    def on_start(self, event):
        names.add(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass

X, y, _ = correlated(500, 5, seed=1)
X /= X.std(axis=0)
names = set()
with event.install_listener("numba:compile", Listener()):
    for solver in ("newton-cholesky", "lbfgs"):
        model = LogisticRegression(backend="numba", solver=solver, tol=1e-4, max_iter=500)
        model.fit(X, y).predict_proba(X)
    by_fits = sorted(names)
    total_here(X[0])  # that is heard of
print(json.dumps([by_fits, sorted(names)]))
"""


@compiled_only
@pytest.mark.skipif(os.environ.get("FASTLOGREG_CACHE_DIR") == "", reason="no cache")
@pytest.mark.usefixtures("fitted")
def test_a_second_process_compiles_nothing(run_python):
    assert json.loads(run_python(LOADED)) == [[], ["total_here"]]


READS = """
import json
import numpy as np
from fastlogreg.kernels import dense_decision, dense_gram, dense_hessian, dense_outputs
from fastlogreg.kernels import dense_narrow, dense_pass, dense_product, dense_softmax
from fastlogreg.kernels import dense_tiles, link, outputs_tiles

class Watched:
    "An array that notes which of its numbers are read, in which order."

    def __init__(self, values, places=None, log=None):
        self.values = values
        self.places = np.arange(values.size).reshape(values.shape) if places is None else places
        self.log = [] if log is None else log
        self.shape, self.size, self.itemsize = values.shape, values.size, values.itemsize
        self.nbytes = values.nbytes

    def reshape(self, *shape):
        return Watched(self.values.reshape(*shape), self.places.reshape(*shape), self.log)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        value, place = self.values[key], self.places[key]
        if np.ndim(value) == 0:
            self.log.append(int(place))
            return value
        return Watched(value, place, self.log)

rng = np.random.default_rng(0)

def summary(log, shape, in_c_order, tile):
    "Return most reads of a number, fewest, those beyond the last row's, and returns."
    n, d = shape
    row = np.array([place // d if in_c_order else place % n for place in log])
    reads = np.bincount(np.array(log), minlength=n * d).reshape(shape if in_c_order else (d, n))
    reads = reads if in_c_order else reads.T
    inner = reads[:-1]
    return {
        "most": int(inner.max()),
        "fewest": int(reads.min()),
        "returns": int((np.diff(row // tile) < 0).sum()),
        "tiles": int(row.max() // tile + 1),
    }

def rows_of(n):
    codes = rng.integers(0, 2, n).astype(np.int8)
    return codes, np.empty(0), np.ones(2)

def ones_of(shape, in_c_order):
    ones = np.ones(shape)
    return dense_tiles.with_rest(ones) if in_c_order else ones

def watched(n, d, in_c_order):
    return Watched(rng.standard_normal((n, d) if in_c_order else (d, n)))

def the_pass(n, d, in_c_order, weighted=False):
    X = watched(n, d, in_c_order)
    tile = dense_tiles.tile_rows_c(d) if in_c_order else dense_tiles.tile_rows_f(d, X.itemsize)
    edges = np.array([0, tile, n])
    kernel = dense_pass.pass_block_c if in_c_order else dense_pass.pass_block_f
    codes, weights, class_weights = rows_of(n)
    weights = rng.random(n) if weighted else weights
    ahead = (dense_tiles.reach_c(d, X.itemsize),) if in_c_order else ()
    scratch = (np.empty(tile), *link.link_scratch(tile))
    parts = np.zeros((2, d + 2))
    coef = ones_of((d + 1,), in_c_order)
    kernel(X, coef, codes, weights, class_weights, parts, edges, *ahead, *scratch, 0, 2)
    return summary(X.log, (n, d), in_c_order, tile)

def the_narrow_pass(n, d):
    X = watched(n, d, True)
    tile = dense_narrow.ROWS
    parts, edges = np.zeros((2, d + 2)), np.array([0, tile, n])
    columns = dense_narrow.by_lanes(np.ones(d + 1))
    scratch = (np.empty(tile), *link.link_scratch(tile))
    kernel = dense_pass.pass_block_narrow_c
    kernel(X, np.ones(d + 1), *rows_of(n), parts, edges, columns, *scratch, 0, 2)
    return summary(X.log, (n, d), True, tile)

def the_hessian(n, d, in_c_order):
    X = watched(n, d, in_c_order)
    kernel = dense_hessian.hessian_block_c if in_c_order else dense_hessian.hessian_block_f
    side = dense_gram.padded(d)
    tile, scaled = np.zeros((side + 2, dense_gram.TILE)), np.zeros((4, dense_gram.TILE))
    out, sums = np.zeros((2 * (side + 2), side + 1)), np.zeros((2, 3))
    edges = np.array([0, dense_gram.TILE, n])
    weight, u, growth = link.link_scratch(dense_gram.TILE)
    kernel(
        X, np.ones((1, d + 1)), *rows_of(n), out, sums, edges,
        tile, scaled, weight, u, growth[None], 0, 2,
    )
    return summary(X.log, (n, d), in_c_order, dense_gram.TILE)

def the_chunk(n, d, in_c_order):
    X = watched(n, d, in_c_order)
    kernel = dense_hessian.fill_c if in_c_order else dense_hessian.fill_f
    edges = np.minimum(np.arange(0, n + dense_gram.TILE, dense_gram.TILE), n)
    count = len(edges) - 1
    tiles = np.zeros((count, dense_gram.padded(d) + 2, dense_gram.TILE))
    kernel(X, tiles, edges, 0, count)
    return summary(X.log, (n, d), in_c_order, dense_gram.TILE)

def several(n, d, in_c_order, product=False):
    X = watched(n, d, in_c_order)
    coef = np.ones((d + 1, 3))
    if product:
        both = (coef, coef)
        dense_outputs.hessian_product_outputs(X, in_c_order, both, *rows_of(n), False, 1)
    else:
        dense_outputs.loss_gradient_outputs(X, in_c_order, coef, *rows_of(n), False, 1)
    return summary(X.log, (n, d), in_c_order, outputs_tiles.tile_rows(d))

def softmax_hessian(n, d, in_c_order):
    X = watched(n, d, in_c_order)
    dense_softmax.loss_gradient_hessian(X, in_c_order, np.ones((2, d + 1)), *rows_of(n), 1)
    return summary(X.log, (n, d), in_c_order, dense_gram.TILE)

def the_product(n, d, in_c_order):
    X = watched(n, d, in_c_order)
    tile = dense_tiles.tile_rows_c(d) if in_c_order else dense_tiles.tile_rows_f(d, X.itemsize)
    kernel = dense_product.product_block_c if in_c_order else dense_product.product_block_f
    ahead = (dense_tiles.reach_c(d, X.itemsize),) if in_c_order else ()
    parts, edges, ones = np.zeros((2, d + 1)), np.array([0, tile, n]), np.ones(tile)
    scratch = (ones.copy(), ones.copy(), ones)
    coef = ones_of((2, d + 1), in_c_order)
    kernel(X, coef, *rows_of(n), parts, edges, *ahead, *scratch, 0, 2)
    return summary(X.log, (n, d), in_c_order, tile)

def predicted(n, d, in_c_order):
    X = watched(n, d, in_c_order)
    kernel = dense_decision.decide_c if in_c_order else dense_decision.decide_f
    tile = dense_tiles.tile_rows_c(d) if in_c_order else dense_tiles.tile_rows_f(d, X.itemsize)
    ahead = (dense_tiles.reach_c(d, X.itemsize),) if in_c_order else ()
    kernel(X, ones_of((1, d + 1), in_c_order), tile, *ahead, np.empty((1, n)), 0, n)
    return summary(X.log, (n, d), in_c_order, tile)

# Lanes of 16 columns do not overlap; of 6 the second to fourth are the same cells.
found = {f"narrow pass, {d} columns": the_narrow_pass(390, d) for d in (16, 6)}
# Of 6 columns the last four hold two of the first four; of 80 a row is decided at a time.
found |= {f"pass, {d} columns": the_pass(390, d, True) for d in (6, 80)}
for in_c_order in (True, False):
    order = "C" if in_c_order else "F"
    # Rows for a few tiles, the last not whole.
    found[f"pass {order}"] = the_pass(*((390, 8) if in_c_order else (1_100, 66)), in_c_order)
    found[f"weighted pass {order}"] = the_pass(
        *((390, 8) if in_c_order else (1_100, 66)), in_c_order, True
    )
    found[f"product {order}"] = the_product(*((390, 8) if in_c_order else (1_100, 66)), in_c_order)
    found[f"decision {order}"] = predicted(*((390, 8) if in_c_order else (1_100, 66)), in_c_order)
    found[f"hessian {order}"] = the_hessian(3 * dense_gram.TILE, 5, in_c_order)
    found[f"hessian {order}, short tile"] = the_hessian(2 * dense_gram.TILE + 50, 5, in_c_order)
    found[f"chunk {order}"] = the_chunk(2 * dense_gram.TILE, 9, in_c_order)
    found[f"outputs {order}"] = several(600, 6, in_c_order)
    found[f"outputs, product {order}"] = several(600, 6, in_c_order, product=True)
    found[f"softmax hessian {order}"] = softmax_hessian(2 * dense_gram.TILE, 5, in_c_order)
print(json.dumps(found))
"""


def test_an_evaluation_reads_x_once_from_memory(run_python):
    """Counted in the kernels as plain Python: what is read again is of the same tile.

    Where lanes of a narrow row overlap, a cell is read again for each.

    A last tile that is short repeats its last row in C order, which is left out here.
    """
    found = json.loads(run_python(READS, NUMBA_DISABLE_JIT="1"))
    assert all(each["fewest"] >= 1 and each["tiles"] >= 2 for each in found.values())
    most = {name: each["most"] for name, each in found.items()}
    assert most == {
        "narrow pass, 16 columns": 2,
        "narrow pass, 6 columns": 8,
        "pass, 6 columns": 4,
        "pass, 80 columns": 2,
        "pass C": 2,
        "pass F": 2,
        "weighted pass C": 2,
        "weighted pass F": 2,
        "product C": 2,
        "product F": 2,
        "decision C": 1,
        "decision F": 1,
        "hessian C": 1,
        "hessian F": 1,
        "hessian C, short tile": 1,
        "hessian F, short tile": 1,
        "chunk C": 1,
        "chunk F": 1,
        "outputs C": 1,
        "outputs F": 1,
        "outputs, product C": 1,
        "outputs, product F": 1,
        "softmax hessian C": 1,
        "softmax hessian F": 1,
    }
    returns = {name: each["returns"] for name, each in found.items() if each["returns"]}
    assert not returns
