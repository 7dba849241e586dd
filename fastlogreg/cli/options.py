"""What the commands share: the kinds of arguments, ``--debug``, the text on exit codes."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

__all__ = [
    "EXISTING_FILE",
    "OUTPUT_FILE",
    "Settings",
    "check_output_table",
    "check_table",
    "command",
    "debug_option",
    "did_you_mean",
    "json_option",
    "keep_inputs",
    "one_of",
    "output_option",
    "some_of",
    "strength_option",
]

Check = Callable[[click.Context, click.Parameter, Any], Any]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUTPUT_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_TABLE_SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq")

_EXIT_CODES = """\b
Exit codes:
  0    done
  1    unexpected failure
  2    wrong usage: an unknown option, file or column, an output that
       cannot be written, a package that is not installed
  3    bad data: a table or a model file that cannot be used
  4    no convergence, under --strict
  130  interrupted
"""


@dataclass
class Settings:
    """What the whole command line is run with."""

    debug: bool = False


def _set_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Settings).debug = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_set_debug,
    help="Show the traceback of an error.",
)


def command(function: Callable[..., Any]) -> click.Command:
    """Return *function* as a command, with ``--debug`` and the text on exit codes."""
    settings = {"help_option_names": ["-h", "--help"]}
    return click.command(epilog=_EXIT_CODES, context_settings=settings)(debug_option(function))


def did_you_mean(name: str, known: list[str], what: str) -> str:
    """Return the end of an error on an unknown *name*: what is close to it, or what there is."""
    import difflib

    by_lower = {each.lower(): each for each in reversed(known)}
    close = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower)]
    if close:
        return f"did you mean {' or '.join(repr(each) for each in close)}?"
    shown = ", ".join(repr(each) for each in known[:8])
    return f"the {what} are {shown}{', ...' if len(known) > 8 else '.'}"


def one_of(module: str, name: str) -> Check:
    """Return the check that a value is "auto" or a name in a collection.

    Parameters
    ----------
    module, name : str
        Where the collection stands; it is imported only when a name is given.
    """

    def check(ctx: click.Context, param: click.Parameter, value: str) -> str:
        if value != "auto":
            known = ["auto", *getattr(importlib.import_module(module), name)]
            _check_known(ctx, param, value, known, "choices")
        return value

    return check


def some_of(module: str, name: str, what: str = "choices") -> Check:
    """Return the check that all values of a repeatable option are names in a collection.

    Parameters
    ----------
    module, name : str
        Where the collection stands; it is imported only when a name is given.
    what : str
        What the names are, for the error.
    """

    def check(
        ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
    ) -> tuple[str, ...]:
        if values:
            known = list(getattr(importlib.import_module(module), name))
            for value in values:
                _check_known(ctx, param, value, known, what)
        return values

    return check


def _check_known(
    ctx: click.Context, param: click.Parameter, value: str, known: list[str], what: str
) -> None:
    if value not in known:
        hint = did_you_mean(value, known, what)
        raise click.BadParameter(f"{value!r} is unknown; {hint}", ctx, param)


def check_table(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Check that the suffix of a file is that of a table."""
    if path is not None and not path.name.lower().endswith(_TABLE_SUFFIXES):
        raise click.BadParameter(
            f"{str(path)!r} ends with none of {', '.join(_TABLE_SUFFIXES)}, "
            "by which the format is known. Rename or convert it.",
            ctx,
            param,
        )
    return path


def _check_output(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Check that a file can be written, before any work is done."""
    if path is not None and (not path.exists() or path.is_file()):
        folder = path.resolve().parent  # files are written beside and renamed
        if not folder.is_dir():
            problem = f"there is no folder {str(folder)!r}. Make it first."
        elif not os.access(folder, os.W_OK):
            problem = f"the folder {str(folder)!r} is not writable."
        else:
            return path
        raise click.BadParameter(f"{str(path)!r} cannot be written: {problem}", ctx, param)
    return path


def keep_inputs(output: Path | None, *inputs: Path) -> None:
    """Raise a usage error if the output would replace an input."""
    for path in inputs:
        if output is not None and output.exists() and output.samefile(path):
            raise click.UsageError(
                f"the output {str(output)!r} is an input as well; expected another file."
            )


def check_output_table(
    ctx: click.Context, param: click.Parameter, path: Path | None
) -> Path | None:
    """Check that a file can be written and has the suffix of a table."""
    return _check_output(ctx, param, check_table(ctx, param, path))


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, not a report."
)


def strength_option(text: str) -> Decorator:
    """Return the option ``-C``, whose argument is called ``strength``."""
    return click.option(
        "-C",
        "strength",
        type=click.FloatRange(0.0, min_open=True),
        default=1.0,
        show_default=True,
        help=text,
    )


def output_option(default: str, text: str) -> Decorator:
    """Return the option ``--output`` of a command that always writes a file."""
    return click.option(
        "-o",
        "--output",
        type=OUTPUT_FILE,
        callback=_check_output,
        default=default,
        show_default=True,
        help=text,
    )
