"""The house has floors: a module imports only from lower floors or from its own package."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fastlogreg"
FLOORS = {
    "errors": 0,
    "runtime": 0,
    "kernels": 1,
    "reference": 1,
    "design": 2,
    "hessian": 2,
    "objective": 3,
    "solvers": 4,
    "planner": 5,
    "tables": 5,
    "estimators": 6,
    "inspection": 6,
    "persistence": 6,
    "precompile": 6,
    "cli": 7,
    "__init__": 7,
    "__main__": 8,
}
# Packages that a floor never imports, ours or others'.
NEVER = {
    "errors": {"numba", "sklearn"},
    "runtime": {"sklearn"},
    "kernels": {"scipy", "sklearn", "fastlogreg.reference"},
    "reference": {"numba", "sklearn", "fastlogreg.runtime", "fastlogreg.kernels"},
    "design": {"numba", "sklearn", "fastlogreg.kernels", "fastlogreg.reference"},
    "hessian": {"numba", "sklearn"},
    "objective": {"numba", "sklearn"},
    "solvers": {"numba", "sklearn", "fastlogreg.design", "fastlogreg.kernels"},
    "planner": {"numba", "fastlogreg.estimators"},
    "tables": {"numba", "sklearn", "fastlogreg.solvers"},
    "estimators": {"numba", "fastlogreg.cli"},
    "inspection": {"numba", "fastlogreg.cli"},
    "persistence": {"numba", "fastlogreg.cli"},
    "precompile": {"numba", "fastlogreg.kernels", "fastlogreg.reference", "fastlogreg.cli"},
    "cli": {"numba"},
}
# Same floor, allowed: displays and files know the estimators.  The other way round only
# inside a method, where ``save`` and ``plot_*`` need it.
SAME_FLOOR = {("inspection", "estimators"), ("persistence", "estimators")}
SAME_FLOOR_IN_METHODS = {("estimators", "inspection"), ("estimators", "persistence")}

MODULES = sorted(PACKAGE.rglob("*.py"))


def unit_of(dotted):
    """Return the floor's entry of a dotted name, e.g. "kernels" of fastlogreg.kernels.dense."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path):
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 2:
        parts.pop()
    return ".".join(parts)


def imports(path):
    """Yield (dotted name, inside a function, under TYPE_CHECKING) of every import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    def visit(node, in_function, typing_only):
        for child in ast.iter_child_nodes(node):
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            guarded = typing_only or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            )
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside, guarded) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "relative imports hide the floor"
                yield child.module, inside, guarded
            yield from visit(child, inside, guarded)

    yield from visit(tree, False, False)


def violations(path, module=None):
    """Yield what a file imports and may not, as the module of that name."""
    me = unit_of(module or module_name(path))
    for name, inside, guarded in imports(path):
        banned = {ban for ban in NEVER.get(me, ()) if name == ban or name.startswith(ban + ".")}
        if banned:
            yield f"{path.name} imports {name}, which {me} never does"
        if not name.startswith("fastlogreg"):
            continue
        other = unit_of(name)
        lower = FLOORS[other] < FLOORS[me] or other == me or other == "errors"
        allowed = (me, other) in SAME_FLOOR or (inside and (me, other) in SAME_FLOOR_IN_METHODS)
        if not (lower or allowed or guarded):
            yield f"{path.name} imports {name}, which is not on a lower floor"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_lower_floors_only(path):
    assert list(violations(path)) == []


def test_every_module_has_a_floor():
    assert {unit_of(module_name(path)) for path in MODULES} <= set(FLOORS)


def test_numba_is_imported_in_runtime_only():
    for path in MODULES:
        if unit_of(module_name(path)) != "runtime":
            assert not [n for n, _, _ in imports(path) if n.split(".")[0] == "numba"], path


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("solvers.planted", "import numba\n"),
        ("solvers.planted", "from fastlogreg.estimators import logistic_regression\n"),
        ("reference.planted", "def f():\n    import fastlogreg.kernels.dense\n"),
        ("planner", "from fastlogreg.estimators.parameters import check_real\n"),
        ("estimators.planted", "from fastlogreg.persistence import save\n"),
        ("estimators.planted", "def f():\n    from fastlogreg.cli import main\n"),
    ],
)
def test_a_planted_violation_is_seen(tmp_path, module, source):
    planted = tmp_path / "planted.py"
    planted.write_text(source)
    assert list(violations(planted, f"fastlogreg.{module}"))


def test_no_private_name_crosses_modules():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fastlogreg"):
                private = [
                    a.name for a in node.names if a.name.startswith("_") and a.name[1] != "_"
                ]
                assert not private, (path, private)


@pytest.mark.parametrize("name", ["dense", "sparse", "coordinate"])
def test_mirrors_have_the_same_names_and_signatures(name):
    import importlib
    import inspect

    compiled = importlib.import_module(f"fastlogreg.kernels.{name}")
    reference = importlib.import_module(f"fastlogreg.reference.{name}")
    assert compiled.__all__ == reference.__all__
    for function in compiled.__all__:
        ours, theirs = getattr(compiled, function), getattr(reference, function)
        assert inspect.signature(ours) == inspect.signature(theirs)
