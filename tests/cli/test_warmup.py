"""``fastlogreg warmup``: what it prints, and when it fails."""

import json
import sys
from dataclasses import asdict

import pytest

from fastlogreg.errors import KernelCacheError
from fastlogreg.precompile import WarmUp
from tests.processes import run_command


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Return the list of warm-ups asked for; none is run."""
    calls = []

    def record(dtype, order, **options):
        calls.append((dtype, order, options))
        return [
            WarmUp(dtype, order, "lbfgs", 0.5, 1),
            WarmUp(dtype, order, "predict", 0.25, 0),
        ]

    monkeypatch.setattr("fastlogreg.precompile.warmup", record)
    monkeypatch.setattr("fastlogreg.precompile.kernel_folder", lambda: tmp_path)
    return calls


def test_the_layouts_of_plain_tables_are_the_default(asked, cli):
    assert cli("warmup")[0] == 0
    plain = {"outputs": False, "predict": True}
    assert asked == [(t, o, plain) for t in ("float64", "float32") for o in ("C", "F")]


def test_the_options_reach_the_function(asked, cli):
    code, _, _ = cli(
        *("warmup", "--dtype", "int8", "--dtype", "bool", "--dtype", "int8"),
        *("--order", "F", "--no-predict", "--outputs"),
    )
    assert code == 0
    assert asked == [
        (dtype, "F", {"outputs": True, "predict": False}) for dtype in ("int8", "bool")
    ]


def test_the_report_is_a_line_per_layout(asked, cli, tmp_path):
    code, out, err = cli("warmup", "--dtype", "float64")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["float64,", "C", "order", "0.75", "1"] in lines
    assert ["all", "1.50", "2"] in lines
    assert lines[-1] == ["folder", str(tmp_path)]


def test_the_json_holds_every_record(asked, cli, tmp_path):
    code, out, err = cli("warmup", "--order", "C", "--dtype", "int16", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "folder": str(tmp_path),
        "seconds": 0.75,
        "added": 1,
        "done": [
            asdict(WarmUp("int16", "C", "lbfgs", 0.5, 1)),
            asdict(WarmUp("int16", "C", "predict", 0.25, 0)),
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float46"], "'float46' is unknown; did you mean 'float64'"),
        (["--dtype", "object"], "'object' is unknown; the choices are 'float64', 'float32',"),
        (["--order", "K"], "'K' is unknown; the choices are 'C', 'F', 'csr', 'csc', 'frame'."),
    ],
)
def test_wrong_usage(arguments, message, fails, asked):
    assert message in fails(2, "warmup", *arguments)
    assert asked == []


def test_a_cache_that_cannot_be_written_is_an_error(fails, asked, monkeypatch):
    def refuse():
        raise KernelCacheError("compiled kernels cannot be kept")

    monkeypatch.setattr("fastlogreg.precompile.kernel_folder", refuse)
    assert "error: compiled kernels cannot be kept" in fails(2, "warmup")


SMALLEST = """
import numpy as np
from fastlogreg import precompile
from fastlogreg.cli import main
from tests.reliability.tiny import total
precompile._works = lambda *_, **__: [("tiny", lambda: total(np.ones(3), np.zeros(1)))]
raise SystemExit(main())
"""


def test_it_fills_the_cache(tmp_path):
    """With the smallest kernel and its step; `tests/test_warmup.py` says which ours are."""
    command = [sys.executable, "-c", SMALLEST, "warmup", "--json", "--dtype", "float64"]
    found = []
    for _ in range(2):
        done = run_command([*command, "--order", "C"], FASTLOGREG_CACHE_DIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found[0]["added"] == len(list(tmp_path.rglob("*.nbc"))) == 2
    assert found[1]["added"] == 0
