"""Progress and reports: a terminal, a pipe, and names that look like markup."""

import io

import pytest
from rich.console import Console

from fastlogreg import Step
from fastlogreg.cli import progress as progress_module
from fastlogreg.cli import report as report_module
from fastlogreg.cli.options import did_you_mean
from fastlogreg.cli.progress import Progress
from fastlogreg.cli.report import Report, warn

STEP = Step(3, 0.512345678901, 1.5e-4, 7.0, 0.1)


@pytest.fixture
def terminal(monkeypatch):
    """Return the text written to a terminal that stands in for both streams."""
    written = io.StringIO()

    def console(**options):
        options.pop("stderr", None)
        return Console(file=written, force_terminal=True, width=80, **options)

    monkeypatch.setattr(progress_module, "Console", console)
    monkeypatch.setattr(report_module, "Console", console)
    return written


def test_a_quick_command_in_a_pipe_is_silent(capsys):
    progress = Progress()
    with progress.step("reading"):
        progress.observe(STEP)
    assert capsys.readouterr() == ("", "")


def test_lines_go_to_stderr_one_a_period(capsys):
    progress = Progress(every=0.0)
    with progress.step("fitting [bold] 3 x 4"):
        assert progress.observe(STEP) is None
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first == "fitting [bold] 3 x 4: iteration 3, objective 0.5123457, gradient 1.5e-04"
    assert second.startswith("fitting [bold] 3 x 4: 0.0 s")


def test_a_long_command_tells_at_most_once_a_period(capsys, monkeypatch):
    clock = iter(range(0, 100))
    monkeypatch.setattr(progress_module.time, "perf_counter", lambda: next(clock) * 0.3)
    progress = Progress(every=1.0)
    with progress.step("fitting"):
        for _ in range(20):
            progress.observe(STEP)
    assert 4 <= capsys.readouterr().err.count("\n") <= 6


def test_a_terminal_gets_a_spinner_and_what_is_done(terminal):
    progress = Progress()
    with progress.step("fitting [red]"):
        progress.observe(STEP)
    text = terminal.getvalue()
    assert "fitting [red]: iteration 3" in text
    assert "fitting [red]: 0.0 s" in text


def test_an_error_ends_the_spinner(terminal):
    progress = Progress()
    with pytest.raises(ValueError, match="stop"), progress.step("reading"):
        raise ValueError("stop")
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back


def test_a_terminal_gets_the_report_in_bold(terminal):
    report = Report()
    report.facts([("name[0]", "[bold]text[/bold]")], title="Title")
    report.table(("", "a"), [("x", "1")])
    text = terminal.getvalue()
    assert "\x1b[1mTitle" in text
    assert "[bold]text[/bold]" in text


def test_blocks_have_a_blank_line_between_them(capsys):
    report = Report()
    report.facts([("a", "1")])
    report.table(("", "b"), [("x", "2")], title="Table")
    report.lines([("short", "p" * 100), ("longer", "q")])
    assert capsys.readouterr().out.splitlines() == [
        *("a  1", "", "Table", "    b", "─────", "x   2", ""),
        *("short   " + "p" * 100, "longer  q"),
    ]


def test_long_reasons_wrap_within_their_column(capsys):
    Report().facts([("solver", "word " * 40)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(" " * 8) for line in lines[1:])


def test_a_warning_is_one_line(capsys):
    warn(["two\n  lines"])
    assert capsys.readouterr() == ("", "fastlogreg: warning: two lines\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("disstance", "did you mean 'distance'?"),
        ("DISTANCE", "did you mean 'distance'?"),
        ("zzz", "the columns are 'distance', 'dest', 'day'."),
    ],
)
def test_did_you_mean(name, expected):
    assert did_you_mean(name, ["distance", "dest", "day"], "columns") == expected


def test_a_long_list_is_cut():
    assert did_you_mean("zzz", [f"c{i}" for i in range(99)], "columns").endswith("'c7', ...")
