"""The workflows run what is here, and the oldest versions are those that are promised."""

import importlib.util
import re
import tomllib

import pytest

from tests.processes import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CONSTRAINTS = (ROOT / ".github" / "constraints-oldest.txt").read_text(encoding="utf-8")


def requirements():
    """Return the least version of every package that the tests need, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    names = [
        *project["dependencies"],
        *(r for e in ("cli", "plot", "demo", "test") for r in extras[e]),
    ]
    found = dict(name.split(">=") for name in names if ">=" in name)
    return {name: version.partition(",")[0] for name, version in found.items()}


def test_the_oldest_versions_are_those_of_the_project():
    pins = dict(line.split("==") for line in CONSTRAINTS.splitlines() if not line.startswith("#"))
    assert {name: version.removesuffix(".*") for name, version in pins.items()} == requirements()


def test_there_is_a_workflow_for_tests_gate_and_benchmarks():
    assert [path.stem for path in WORKFLOWS] == ["benchmarks", "gate", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_commands_that_are_here(path):
    text = path.read_text(encoding="utf-8")
    modules = re.findall(r"python -m (bench\.\w+)", text)
    assert all(importlib.util.find_spec(module) for module in modules)
    assert modules or path.stem == "tests"
    assert "://" not in text  # no host but what the actions themselves use


def test_the_tests_are_run_as_the_readme_says():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command = re.search(r"&& (python -m pytest .*)", readme).group(1)
    assert f"- run: {command}\n" in (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
