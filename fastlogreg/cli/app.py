"""The commands under one name, and what becomes of their errors."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from contextlib import suppress

import click

from fastlogreg.cli import explain_missing
from fastlogreg.cli.bench import bench
from fastlogreg.cli.demo import demo
from fastlogreg.cli.evaluate import evaluate
from fastlogreg.cli.options import Settings, debug_option, did_you_mean
from fastlogreg.cli.predict import predict
from fastlogreg.cli.train import train
from fastlogreg.cli.warmup import warmup
from fastlogreg.errors import (
    FastLogRegError,
    InvalidDataError,
    InvalidParameterError,
    InvalidParameterTypeError,
    KernelCacheError,
    ModelFileError,
)

__all__ = ["cli", "run"]


class _Group(click.Group):
    """A group that says which command was probably meant, whatever the version of click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use, not of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, or say what was meant."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            ctx.fail(f"there is no command {name!r}; {did_you_mean(name, known, 'commands')}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="'fastlogreg COMMAND --help' says more, the exit codes included.",
)
@click.version_option(package_name="fastlogreg")
@debug_option
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Logistic regression for large tables, from the command line.

    Tables are CSV or Parquet files.  Results go to standard output, progress and errors
    to standard error.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


for _command in (train, predict, evaluate, demo, bench, warmup):
    cli.add_command(_command)


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code, after one line on stderr for an error."""
    settings = Settings()
    arguments = None if argv is None else list(argv)
    try:
        code = cli.main(arguments, prog_name="fastlogreg", standalone_mode=False, obj=settings)
        return code if isinstance(code, int) else 0
    except click.Abort:
        return _report("interrupted", 130)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        return _report(f"error: {error.format_message()}{hint}", 2)
    except Exception as error:
        if settings.debug:
            traceback.print_exc()
        return _report(*_explain(error))


def _explain(error: Exception) -> tuple[str, int]:
    """Return what to say about an error, and the exit code."""
    if isinstance(error, InvalidDataError | ModelFileError):
        return f"error: {error}", 3
    if isinstance(error, InvalidParameterError | InvalidParameterTypeError | KernelCacheError):
        return f"error: {error}", 2
    if isinstance(error, FastLogRegError):
        return f"error: {error}", 1
    if (missing := explain_missing(error)) is not None:
        return f"error: {missing}", 2
    if isinstance(error, OSError) and error.errno is not None:
        where = "standard output" if error.filename is None else repr(str(error.filename))
        return f"error: {where}: {error.strerror}", 2
    return (
        f"unexpected failure: {type(error).__name__}: {error} (--debug shows the traceback)",
        1,
    )


def _report(message: str, code: int) -> int:
    with suppress(OSError):  # where nobody can be told, the code tells
        click.echo(f"fastlogreg: {' '.join(message.split())}", err=True)
    return code
