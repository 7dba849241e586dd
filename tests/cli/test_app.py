"""The command line as a whole: help, errors, exit codes, missing extras, pipes."""

import os
import signal
import subprocess
import sys
import time

import click
import pytest

import fastlogreg
from fastlogreg.cli import app, main
from fastlogreg.errors import FastLogRegError, InvalidDataError, ModelFileError
from tests.processes import run_command

HEAVY = ("numba", "sklearn", "pandas", "pyarrow", "numpy", "scipy", "matplotlib")
COMMANDS = ("train", "predict", "evaluate", "demo", "bench", "warmup")


def python(*arguments, **options):
    return run_command([sys.executable, *arguments], **options)


def test_help_imports_nothing_heavy(run_python):
    code = f"""
import contextlib, io, sys
from fastlogreg.cli import main
for command in {["", *COMMANDS]}:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([*command.split(), "--help"]) == 0
    assert "Usage: fastlogreg" in out.getvalue()
print([m for m in {HEAVY} if m in sys.modules])
"""
    assert run_python(code) == "[]"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_help_names_the_exit_codes(command, option, cli):
    code, out, err = cli(command, option)
    assert (code, err) == (0, "")
    for exit_code in ("0 ", "1 ", "2 ", "3 ", "4 ", "130 "):
        assert f"\n    {exit_code}" in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_lists_the_commands_in_the_order_of_use(cli):
    code, out, _ = cli("--help")
    assert code == 0
    assert [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()[:6]] == [
        *COMMANDS
    ]
    assert "..." not in out.partition("Commands:\n")[2]


def test_without_a_command_the_help_is_on_stderr(cli):
    code, out, err = cli()
    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_version(cli):
    code, out, _ = cli("--version")
    assert code == 0
    assert fastlogreg.__version__ in out


def test_a_misspelt_command_is_corrected(fails):
    assert "no command 'tran'; did you mean 'train'?" in fails(2, "tran", "x.csv")


def test_an_unknown_command_gets_the_list(fails):
    assert "the commands are 'train', 'predict', 'evaluate', 'demo', 'bench', 'warmup'." in fails(
        2, "zzz"
    )


def test_a_misspelt_option_is_corrected(fails, data):
    assert "--target" in fails(2, "train", data, "--targt", "x")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_the_install_line_is_printed(missing, run_python):
    code = f"""
import sys
sys.modules[{missing!r}] = None
sys.stderr = sys.stdout
from fastlogreg.cli import main
print(main(["--help"]))
"""
    message, status = run_python(code).splitlines()
    assert message.startswith(f"fastlogreg: error: {missing} is not installed")
    assert message.endswith('python -m pip install "fastlogreg[cli]"')
    assert status == "2"


@pytest.mark.parametrize(("missing", "command"), [("pandas", "predict"), ("pyarrow", "train")])
def test_a_part_of_the_extra_may_be_missing_too(missing, command, run_python, data, model):
    arguments = {
        "predict": ["predict", str(model), str(data)],
        "train": ["train", str(data), "--target", "bought"],
    }
    code = f"""
import sys
sys.modules[{missing!r}] = None
sys.stderr = sys.stdout
from fastlogreg.cli import main
print(main({arguments[command]!r}))
"""
    message, status = run_python(code).splitlines()
    assert message.startswith(f"fastlogreg: error: {missing} is not installed")
    assert message.endswith('python -m pip install "fastlogreg[cli]"')
    assert status == "2"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InvalidDataError("two\nlines"), 3, "fastlogreg: error: two lines\n"),
        (ModelFileError("damaged"), 3, "fastlogreg: error: damaged\n"),
        (FastLogRegError("other"), 1, "fastlogreg: error: other\n"),
        (click.UsageError("x"), 2, "fastlogreg: error: x (see fastlogreg fail --help)\n"),
        (KeyboardInterrupt(), 130, "\nfastlogreg: interrupted\n"),
        (OSError(28, "No space"), 2, "fastlogreg: error: standard output: No space\n"),
        (OSError(28, "No space left", "x.csv"), 2, "fastlogreg: error: 'x.csv': No space left\n"),
        (
            KeyError("k"),
            1,
            "fastlogreg: unexpected failure: KeyError: 'k' (--debug shows the traceback)\n",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_become_one_line_and_a_code(error, code, message, cli, monkeypatch):
    @click.command
    def fail():
        raise error

    monkeypatch.setitem(app.cli.commands, "fail", fail)
    assert cli("fail") == (code, "", message)


@pytest.mark.parametrize("before", [True, False])
def test_debug_shows_the_traceback(before, cli, tmp_path):
    (tmp_path / "empty.csv").touch()
    arguments = ["train", "empty.csv", "--target", "y"]
    arguments.insert(0 if before else 1, "--debug")
    code, _, err = cli(*arguments)
    assert code == 3
    assert err.startswith("Traceback")
    assert err.splitlines()[-1].startswith("fastlogreg: error: 'empty.csv' is empty")


def test_the_module_runs_as_a_program(data, tmp_path):
    done = python("-m", "fastlogreg", "train", data, "--target", "bougth", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'bought'?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_main_takes_the_arguments_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fastlogreg", "--version"])
    assert main() == 0
    assert fastlogreg.__version__ in capsys.readouterr().out


def test_an_interrupt_while_modules_are_loaded(cli, monkeypatch):
    def interrupt(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "run", interrupt)
    assert cli("--version") == (130, "", "\nfastlogreg: interrupted\n")


def test_a_closed_pipe_ends_it_quietly(model, tmp_path):
    rows = "age,city,member,visits\n" + "50,Rom,true,3\n" * 100_000
    (tmp_path / "many.csv").write_text(rows)
    process = subprocess.Popen(
        [sys.executable, "-m", "fastlogreg", "predict", "model.json", "many.csv"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"prediction\n"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert b"Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_exits_130_and_leaves_the_old_model(model, tmp_path):
    old = model.read_bytes()
    code = """
import sys, time
from fastlogreg.cli import main, progress
def observe(self, step):
    print("fitting", flush=True)
    time.sleep(30)
progress.Progress.observe = observe
sys.exit(main(["train", "data.csv", "--target", "bought", "--drop", "id"]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "fitting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err.strip()) == ("", "fastlogreg: interrupted")
    assert model.read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "data.parquet", "model.json"]
