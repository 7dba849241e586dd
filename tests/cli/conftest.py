"""A small table in files, and the command line run in this process."""

import numpy as np
import pandas as pd
import pytest

from fastlogreg.cli import main


@pytest.fixture(autouse=True)
def plain_pipe(monkeypatch):
    """Make output that of a pipe of 80 columns, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """Return the function that runs the command in tmp_path: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def fails(cli):
    """Return the function that runs a command that must fail: its one line on stderr."""

    def run(code, *arguments):
        found, out, err = cli(*arguments)
        assert found == code, err
        assert out == ""
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert err.startswith("fastlogreg: ")
        assert "Traceback" not in err
        return err

    return run


def customers(n=600, seed=0):
    """Return a frame with numbers, a boolean, text, weights, names and a yes/no target."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(50.0, 10.0, n).round(2),
            "city": rng.choice(["Rom", "Oslo", "Köln"], n),
            "member": rng.random(n) < 0.5,
            "visits": rng.poisson(3.0, n),
            "weight": rng.uniform(0.5, 2.0, n).round(2),
            "id": [f"u{i}" for i in range(n)],
        }
    )
    odds = (frame.age - 50.0) / 10.0 + 0.7 * frame.member - 1.0 * (frame.city == "Oslo")
    frame["bought"] = np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-odds)), "yes", "no")
    return frame


@pytest.fixture
def frame():
    return customers()


@pytest.fixture
def data(frame, tmp_path):
    """Return the path of the table as CSV; the same is there as Parquet."""
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet", index=False)
    return tmp_path / "data.csv"


@pytest.fixture
def model(cli, data, tmp_path):
    """Return the path of a model trained on the table."""
    arguments = ("--target", "bought", "--drop", "id", "--drop", "weight", "-o", "model.json")
    code, _, err = cli("train", data, *arguments)
    assert code == 0, err
    return tmp_path / "model.json"
