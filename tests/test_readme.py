"""The README does what it says: its Python blocks and its commands, in their order."""

import re
import shlex
import sys

import pytest

from tests.processes import ROOT, run_command

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
SMALL_DEMO = ["--rows", "3000"]


def run(command, folder):
    done = run_command(command, cwd=folder, MPLBACKEND="agg")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def commands():
    """Return the lines of the README that start with fastlogreg, as argument lists."""
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("fastlogreg ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder in which all Python blocks have run, one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    script = folder / "blocks.py"
    script.write_text("\n".join(text for kind, text in BLOCKS if kind == "python"))
    run([sys.executable, "-W", "error", str(script)], folder)
    return folder


def test_the_python_blocks_run_and_draw(folder):
    for name in ("model.json", "loss.png", "boundary.png", "tumours.csv"):
        assert (folder / name).stat().st_size > 0


def test_the_commands_run_one_after_the_other(folder):
    found = commands()
    assert [command[1] for command in found] == ["train", "evaluate", "predict", "demo"]
    for command in found:
        arguments = command[1:]
        if arguments[0] == "demo":
            arguments = ["demo", *SMALL_DEMO]
        run([sys.executable, "-m", "fastlogreg", *arguments], folder)
    assert (folder / "predictions.csv").stat().st_size > 0


def test_the_install_and_test_lines_are_those_that_ci_runs():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m1 '(.*?)' README.md", script).group(1).replace("\\", "")
    assert [line for line in README.splitlines() if line.startswith(pattern.lstrip("^"))]
    assert 'python -m pip install ".[demo]" && fastlogreg demo\n' in README
