"""The two revisions of a gate: where each lies, what runs it, and its compiled kernels."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import progress

__all__ = ["ROOT", "Side", "Worker", "accepted_names", "case_names", "prepare_side"]

ROOT = Path(__file__).resolve().parents[1]
_CHILD = Path(__file__).with_name("gate_child.py")


@dataclass(frozen=True)
class Side:
    """A revision under measurement.

    Parameters
    ----------
    name : str
        What the user called it.
    commit : str
        Its commit, or "working tree" for a folder.
    package : Path
        The folder that holds ``fastlogreg``.
    python : str
        The interpreter.
    cache : Path
        Where its compiled kernels are kept.
    """

    name: str
    commit: str
    package: Path
    python: str
    cache: Path

    def start(self) -> Worker:
        """Return a fresh process on this revision."""
        return Worker(self)


class Worker:
    """A process of `bench.gate_child`; close it by leaving its ``with`` block.

    Parameters
    ----------
    side : Side
        The revision that it measures.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [side.python, "-P", str(_CHILD), str(side.package)],
            env={**_plain_environment(), "FASTLOGREG_CACHE_DIR": str(side.cache)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def ask(self, module: str, **request: Any) -> dict[str, Any]:
        """Return the answer of a module's function ``answer`` in that process."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps({"module": module, **request}) + "\n")
            stdin.flush()
            line = stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            text = self._errors.read()[-2_000:]
            raise RuntimeError(f"a process of {self.side.name} failed:\n{text}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def prepare_side(name: str, label: str, work: Path, *, shared: bool) -> Side:
    """Check a revision out and give it an interpreter and a folder for its kernels.

    Parameters
    ----------
    name : str
        A git revision, or a folder with the package.
    label : str
        What sets the folders of this side apart, for both may be one revision.
    work : Path
        Where everything lies; what is there of the same commit is used again.
    shared : bool
        Whether this interpreter runs it, and not one of its own.
    """
    folder = Path(name)
    if (folder / "fastlogreg" / "__init__.py").is_file():
        commit, package = "working tree", folder.resolve()
    else:
        commit = _git("rev-parse", "--verify", f"{name}^{{commit}}")
        package = work / f"tree-{label}-{commit[:12]}"
        if not (package / "fastlogreg").is_dir():
            _git("worktree", "prune")
            _git("worktree", "add", "--detach", "--force", str(package), commit)
    state = hashlib.sha256((package / "pyproject.toml").read_bytes()).hexdigest()[:12]
    python = sys.executable if shared else _environment(work / f"env-{label}-{state}", package)
    cache = work / f"cache-{label}"
    cache.mkdir(parents=True, exist_ok=True)
    return Side(name, commit, package, python, cache)


def case_names(side: Side) -> list[str]:
    """Return the keys of the cases that a revision's own gate has, [] where it has none."""
    if not (side.package / "bench" / "gate_cases.py").is_file():
        return []
    done = subprocess.run(
        [side.python, "-m", "bench.gate_cases"],
        cwd=side.package,
        env=_plain_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names: list[str] = json.loads(done.stdout)
    return names


def accepted_names(base: str, head: str) -> list[str]:
    """Return what the trailers ``Gate-accept:`` of the commits between two revisions name."""
    done = subprocess.run(
        ["git", "log", "--format=%(trailers:key=Gate-accept,valueonly)", f"{base}..{head}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _environment(folder: Path, package: Path) -> str:
    """Return the interpreter of a virtual environment with a revision's dependencies."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "ready").exists():
        progress(f"installing {package.name} into an environment of its own")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        # What the measuring code takes on top comes with scikit-learn, pandas but for one case.
        _run([str(python), "-m", "pip", "install", "-q", "-e", str(package), "pandas"])
        (folder / "ready").touch()
    return str(python)


def _plain_environment() -> dict[str, str]:
    """Return this process's variables without what would put other packages first."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "FASTLOGREG_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}


def _git(*arguments: str) -> str:
    return _run(["git", *arguments]).strip()


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2_000:]}")
    return done.stdout
