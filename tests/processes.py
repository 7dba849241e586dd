"""Runs code in fresh Python processes: what is imported, compiled or forked stays there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_command(command, *, cwd=ROOT, limit=120, **environment):
    """Return what became of a command, run in a folder with an environment of its own."""
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def run_in_fresh_process(code, **environment):
    """Return what *code* prints, run with warnings as errors; fail if it fails."""
    done = run_command([sys.executable, "-W", "error", "-c", code], **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_python_group(*arguments, limit=100, **environment):
    """Return what became of a Python process, ended with all its children at the limit."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"no end after {limit} s: {out}\n{err[-6_000:]}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
