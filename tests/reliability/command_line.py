"""The command line on damaged files: ``python -m tests.reliability.command_line 7 8``.

Runs the cases from one number up to another in this process, and prints how many ended with
which exit code and, a line each, those that broke a promise.
"""

import contextlib
import faulthandler
import gzip
import io
import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

import fastlogreg
from fastlogreg.cli import main as run_command

__all__ = ["Broken", "prepare", "run_case"]

SEED = 20_241
LIMIT = 60  # seconds of one case
CODES = {0, 2, 3}  # done, wrong usage, bad data
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp037", "utf-7", "shift_jis")


class Broken(AssertionError):
    """A command did what none may do."""


def table(rng):
    """Return a small table with text, numbers, gaps and a target."""
    n = 60
    frame = pd.DataFrame(
        {
            "age": rng.normal(50.0, 10.0, n).round(2),
            "city": rng.choice(["Rom", "Oslo", "Ulm"], n),
            "member": rng.random(n) < 0.5,
            "visits": rng.poisson(3.0, n),
        }
    )
    frame["bought"] = np.where(rng.random(n) < 0.2 + 0.4 * frame.member, "yes", "no")
    return frame


def prepare(folder):
    """Put a table and a model of it into a folder."""
    frame = table(np.random.default_rng(0))
    frame.to_csv(folder / "good.csv", index=False)
    frame.to_parquet(folder / "good.parquet", index=False)
    code, _, err = command(folder, "train", "good.csv", "--target", "bought", "-o", "good.json")
    assert code == 0, err


def command(folder, *arguments):
    """Return exit code, standard output and standard error of a command run in a folder."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def damaged_bytes(rng, content):
    """Return bytes with a part cut off, flipped, repeated, left out, or put between."""
    kind, place = rng.integers(6), int(rng.integers(len(content)))
    length = int(rng.integers(1, 40))
    if kind == 0:
        return content[:place]
    if kind == 1:
        changed = bytearray(content)
        for _ in range(rng.integers(1, 9)):
            changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        return bytes(changed)
    if kind == 2:
        return content[:place] + content[place : place + length] * 3 + content[place:]
    if kind == 3:
        return content[:place] + content[place + length :]
    if kind == 4:
        return content[:place] + rng.bytes(length) + content[place:]
    odd = (
        b'"',
        b"\0",
        b",",
        b"\r",
        b"\n",
        b"\n\n\n",
        b'""',
        b"\xff\xfe",
        b"'",
        b";",
        b"1e999",
        b"nan",
    )
    return content[:place] + odd[rng.integers(len(odd))] + content[place:]


def odd_text(rng, text):
    """Return the bytes of a CSV file of unusual form."""
    header, _, rows = text.partition("\n")
    lines = text.splitlines()
    wide = ",".join(f"c{j}" for j in range(10_000))
    choices = (
        text.encode(ENCODINGS[rng.integers(len(ENCODINGS))]),
        text.replace("Ulm", "Köln").encode("latin-1"),
        text.replace("\n", "\r").encode(),
        text.replace("\n", "\r\n").encode(),
        text.replace(",", ";").encode(),
        text.replace(",", "\t").encode(),
        header.encode(),
        (header + "\n").encode(),
        rows.encode(),
        b"",
        b"\n\n\n",
        b"\0" * 500,
        rng.bytes(500),
        (header + ",bought\n" + rows).encode(),
        text.replace("age", "", 1).encode(),
        text.replace("age", "bought", 1).encode(),
        text.replace("age", '"a\nb"', 1).encode(),
        text.replace("yes", "").replace("no", "").encode(),
        text.replace("yes", "no").encode(),
        text.replace("no", "").encode(),
        (wide + "," + header + "\n" + "1," * 10_000 + lines[1] + "\n").encode(),
        (wide + "\n" + rows).encode(),
        (text + "1,2,3\n").encode(),
        (text + '"' + "x" * 100_000).encode(),
        (text + "x" * 3_000_000 + ",Rom,True,1,yes\n").encode(),
        (text + "1e999,Rom,True,1,yes\n").encode(),
        (text + f"{10**400},Rom,True,1,yes\n").encode(),
        (text + "1e308,Rom,True,1,yes\n-1e308,Rom,True,99999999999999999999,no\n").encode(),
        (text + ",,,,\n" * 3).encode(),
        "\n".join(",".join(rng.permutation(line.split(","))) for line in lines).encode(),
    )
    return choices[rng.integers(len(choices))]


def odd_parquet(rng, path, frame):
    """Write a Parquet file of unusual columns."""
    n = len(frame)
    columns = (
        pd.date_range("2020", periods=n),
        [[1.0]] * n,
        [{"a": 1}] * n,
        [b"x"] * n,
        [None] * n,
        np.full(n, np.nan),
        np.full(n, np.inf),
        np.full(n, 1e308),
        pd.Categorical(["a", None] * (n // 2)),
        pd.array([1, None] * (n // 2), dtype="Int64"),
        pd.to_timedelta(np.arange(n), unit="s"),
        np.arange(n).astype(np.float16),
        ["x" * 100_000] * n,
    )
    name = ("age", "city", "bought", "odd", "")[rng.integers(5)]
    frame[name] = columns[rng.integers(len(columns))]
    (frame[:0] if rng.random() < 0.1 else frame).to_parquet(path, index=rng.random() < 0.3)


def write_data(rng, folder):
    """Write a table that is damaged or unusual, and return its name."""
    frame = table(rng)
    kind = rng.integers(4)
    if kind == 0:
        name = "bad.csv"
        (folder / name).write_bytes(odd_text(rng, frame.to_csv(index=False)))
    elif kind == 1:
        name = "bad.csv"
        (folder / name).write_bytes(damaged_bytes(rng, frame.to_csv(index=False).encode()))
    elif kind == 2:
        name = ("bad.csv.gz", "bad.csv", "bad.parquet")[rng.integers(3)]
        packed = gzip.compress(frame.to_csv(index=False).encode())
        (folder / name).write_bytes(damaged_bytes(rng, packed))
    else:
        name = "bad.parquet"
        if rng.random() < 0.5:
            odd_parquet(rng, folder / name, frame)
        else:
            (folder / name).write_bytes(damaged_bytes(rng, (folder / "good.parquet").read_bytes()))
    return name


def run_case(number, folder):
    """Run the command of a number in a prepared folder and return what it was and its code.

    Raises
    ------
    Broken
        It did what none may do.
    """
    rng = np.random.default_rng([SEED, number])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = write_data(rng, folder)
    what = ("train", "predict", "evaluate")[rng.integers(3)]
    if what == "train":
        arguments = [name, "--target", "bought", "-o", "made.json"]
        for option, value in (("--valid", "0.3"), ("--weight", "visits"), ("--numeric", "age")):
            if rng.random() < 0.2:
                arguments += [option, value]
        for option in ("--missing", "--json", "--class-weight"):
            if rng.random() < 0.2:
                value = {"--missing": ["category"], "--class-weight": ["balanced"]}
                arguments += [option, *value.get(option, [])]
    else:
        model = "good.json"
        if rng.random() < 0.2:
            model, content = "bad.json", (folder / "good.json").read_bytes()
            (folder / model).write_bytes(damaged_bytes(rng, content))
        arguments = [model, name]
        if what == "predict" and rng.random() < 0.5:
            arguments += ["--proba", "-o", ("made.csv", "made.parquet")[rng.integers(2)]]
    for made in folder.glob("made.*"):
        made.unlink()
    before = set(os.listdir(folder)) | {"made.json", "made.csv", "made.parquet"}
    try:
        code, out, err = command(folder, what, *arguments)
    except BaseException as error:
        raise Broken(f"{what} {arguments} raised {error!r}") from error
    _judge(folder, code, out, err, before)
    return f"{what}, exit code {code}"


def _judge(folder, code, out, err, before):
    if code not in CODES:
        raise Broken(f"exit code {code}: {err[-600:]}")
    if "Traceback" in err or "Warning" in err:
        raise Broken(f"stderr holds {err[-600:]}")
    if code and (out or not err.splitlines()[-1].startswith("fastlogreg: error: ")):
        raise Broken(f"exit code {code} with {out[:200]!r}, {err[-600:]!r}")
    if left := set(os.listdir(folder)) - before:
        raise Broken(f"left behind: {left}")
    made = [path.name for path in folder.glob("made.*")]
    if code and made:
        raise Broken(f"exit code {code}, and there is {made}")
    if "made.json" in made:
        fastlogreg.load(folder / "made.json")


def main():
    faulthandler.enable()
    first, last = map(int, sys.argv[1:3])
    ends = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for number in range(first, last):
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            print("case", number, file=sys.stderr, flush=True)
            try:
                ends[run_case(number, folder)] += 1
            except Broken as broken:
                print("broken", number, str(broken).replace("\n", "\n    "), flush=True)
    faulthandler.cancel_dump_traceback_later()
    for end, count in sorted(ends.items()):
        print("ended", count, end)


if __name__ == "__main__":
    main()
