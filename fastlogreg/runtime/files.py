"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["replacing"]

_KEPT = 48


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a file to write beside *path*, which takes its place when the block ends well.

    If the block raises, the file beside is removed and *path* stays as it was.  A *path*
    that is there and no regular file, such as a pipe, is written to directly.

    Parameters
    ----------
    path : str or path-like
        The file to write.

    Yields
    ------
    Path
        Where to write: a new name in the same folder, with the same suffix.

    Raises
    ------
    OSError
        *path* is a directory, or its folder is missing or read-only; or, with *path* as
        its file, an error of the block that named no other, such as of a full disk.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "Is a directory, expected a file", os.fspath(path))
        with _named(path):
            yield Path(path)
        return
    final = Path(os.path.realpath(path))
    # The end of the name only, so that it is no longer than a file system takes.
    beside = final.with_name(f".{secrets.token_hex(4)}.{final.name[-_KEPT:]}")
    with _named(path, beside):
        beside.touch(exist_ok=False)
    try:
        with _named(path, beside):
            if mode is not None:
                shutil.copymode(final, beside)
            yield beside
            _sync(beside, os.O_RDWR)
            beside.replace(final)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    # The rename itself survives a power cut once the folder is on disk; not every
    # system lets a folder be opened.
    with suppress(OSError):
        _sync(final.parent, os.O_RDONLY)


@contextmanager
def _named(path: str | os.PathLike[str], beside: Path | None = None) -> Iterator[None]:
    """Let an error that names the file beside, or none, name *path*."""
    try:
        yield
    except OSError as error:
        unnamed = error.filename is None or error.filename == str(beside)
        if error.errno is None or not unnamed:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
