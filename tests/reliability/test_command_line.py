"""The command line under bad files, full disks, closed pipes and signals.

A case of damaged files that fails is run again by its number:
``python -m tests.reliability.command_line 7 8``.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import fastlogreg
from tests.processes import ROOT, run_python_group
from tests.reliability.command_line import command, prepare, run_case

QUICK, CASES, CHUNK = 150, 4_000, 500
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and devices")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")
TRAIN = ("train", "good.csv", "--target", "bought", "-o")
# A file may not grow beyond so many bytes, as on a full disk.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from fastlogreg.cli import main
sys.exit(main(sys.argv[1:]))
"""
# A process that stays where its file is written and not yet renamed.
WRITING = """
import os, sys, time
def wait(_):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = wait
from fastlogreg.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and a model of it."""
    path = tmp_path_factory.mktemp("command line")
    prepare(path)
    return path


def start(folder, *arguments, **streams):
    """Return a process of Python that runs in a folder."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    )


def test_damaged_and_unusual_files(folder, tally):
    for number in range(QUICK):
        try:
            run_case(number, folder)
        except AssertionError as error:
            raise AssertionError(f"case {number}") from error
    tally("commands on damaged files", QUICK)


@pytest.mark.whole
@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_a_chunk_of_damaged_files(first, tally):
    arguments = ("-m", "tests.reliability.command_line", str(first), str(first + CHUNK))
    done = run_python_group("-W", "error", *arguments, limit=900)
    assert done.returncode == 0, (done.returncode, done.stderr.splitlines()[-40:])
    lines = done.stdout.splitlines()
    assert not any(line.startswith("broken") for line in lines), done.stdout
    ends = [line.split(maxsplit=2) for line in lines if line.startswith("ended")]
    assert sum(int(count) for _, count, _ in ends) == CHUNK
    for _, count, how in ends:
        tally(f"commands on damaged files: {how}", int(count))


@pytest.mark.parametrize("name", ["a b", "a\nb", " a", "-a", "ä'\"", "{a}", "[bold]a", "%s"])
@POSIX
def test_names_of_files(folder, name, tally):
    data, model = folder / f"{name}.csv", folder / f"{name}.json"
    data.write_bytes((folder / "good.csv").read_bytes())
    code, out, err = command(folder, "train", data, "--target", "bought", "-o", model)
    assert (code, "Traceback" in err) == (0, False), err
    assert fastlogreg.load(model).n_features_in_ == 4
    predicted = folder / f"{name}.out.parquet"
    assert command(folder, "predict", model, data, "-o", predicted)[0] == 0
    assert predicted.exists()
    code, out, err = command(folder, "evaluate", predicted, data)
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith("fastlogreg: error: ")
    tally("commands with unusual file names", 3)


@FULL
def test_a_full_device_is_named(folder):
    code, out, err = command(folder, *TRAIN, "/dev/full")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "fastlogreg: error: '/dev/full': No space left on device"


@FULL
@pytest.mark.whole
@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("predict", "good.json", "good.csv"),
        ("evaluate", "good.json", "good.csv", "--json"),
        (*TRAIN, "full.json"),
        (*TRAIN, "full.json", "--json"),
    ],
    ids=" ".join,
)
def test_a_full_standard_output(folder, arguments, tally):
    with open("/dev/full", "w") as full:
        process = start(folder, "-m", "fastlogreg", *arguments, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    message = "fastlogreg: error: standard output: No space left on device"
    assert err.splitlines()[-1] == message
    assert "Traceback" not in err
    tally("commands with full disks and closed pipes")


@FULL
@pytest.mark.whole
def test_where_errors_cannot_be_told_the_code_tells(folder):
    with open("/dev/full", "w") as full:
        arguments = ("predict", "good.json", "none.csv")
        streams = {"stdout": subprocess.DEVNULL, "stderr": full}
        assert start(folder, "-m", "fastlogreg", *arguments, **streams).wait(60) == 2


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "good.json", "good.csv", "--proba", "-o", "big.csv"),
        *(
            pytest.param(some, marks=pytest.mark.whole)
            for some in (
                ("predict", "good.json", "good.csv", "-o", "big.csv.gz", "--proba"),
                ("predict", "good.json", "good.csv", "-o", "big.parquet"),
                (*TRAIN, "big.json"),
            )
        ),
    ],
    ids=" ".join,
)
def test_a_disk_that_is_full_leaves_nothing(folder, arguments, tally):
    before = sorted(os.listdir(folder))
    process = start(folder, "-c", LIMITED, *arguments)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.splitlines()[-1].startswith("fastlogreg: error: 'big.")
    assert "File too large" in err
    assert "Traceback" not in err
    assert sorted(os.listdir(folder)) == before
    tally("commands with full disks and closed pipes")


@pytest.mark.whole
@POSIX
@pytest.mark.parametrize("output", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "arguments",
    [("predict", "good.json", "good.csv"), (*TRAIN, "pipe.json"), ("evaluate", "good.json", "x")],
    ids=" ".join,
)
def test_a_closed_pipe(folder, arguments, output, tally):
    process = start(folder, "-m", "fastlogreg", *arguments)
    getattr(process, output).close()
    said = (process.stderr if output == "stdout" else process.stdout).read()
    assert "Traceback" not in said
    assert process.wait(60) in (0, 1, 2)
    for stream in (process.stdout, process.stderr):
        stream.close()
    tally("commands with full disks and closed pipes")


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [
        (*TRAIN, "kept.json"),
        pytest.param(
            ("predict", "good.json", "good.csv", "-o", "kept.csv"), marks=pytest.mark.whole
        ),
    ],
    ids=" ".join,
)
def test_a_kill_while_a_file_is_written_leaves_the_old_one(folder, arguments, tally):
    output = folder / arguments[-1]
    output.write_text("old")
    process = start(folder, "-c", WRITING, *arguments)
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.communicate(timeout=60)
    assert output.read_text() == "old"
    assert command(folder, *arguments)[0] == 0
    assert output.read_text() != "old"
    tally("commands that were killed")


@pytest.mark.whole
@POSIX
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=lambda sent: sent.name)
@pytest.mark.parametrize("seed", range(25))
def test_a_signal_at_any_moment(folder, sent, seed, tally):
    output = folder / "signal.json"
    old = (folder / "good.json").read_bytes()
    output.write_bytes(old)
    before = set(os.listdir(folder))
    # It says when it runs: before, a signal is answered by Python itself.
    code = "import sys; from fastlogreg.cli import main; print(flush=True); sys.exit(main())"
    process = start(folder, "-c", code, *TRAIN, "signal.json")
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.0, 1.5))
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    # Where Ctrl-C meets code that Python compiles from text, Python ends by the signal itself
    # after all was said, which a shell calls 130 as well.
    assert process.returncode in ((0, 130, -sent) if sent == signal.SIGINT else (0, -sent))
    assert "Traceback" not in err
    assert fastlogreg.load(output).n_features_in_ == 4
    left = set(os.listdir(folder)) - before
    assert not left or sent == signal.SIGKILL
    for name in left:  # beside, under a name of its own
        assert name.startswith(".")
        (folder / name).unlink()
    tally("commands that were interrupted or killed")
