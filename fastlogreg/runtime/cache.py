"""Where compiled kernels are kept between processes, and what is believed of it.

A folder per state of the sources: its name is a hash of every file of kernels and of
`fastlogreg.runtime`, and of the compiler's versions and settings, since numba's own key
sees neither the globals nor the callees of a function.  In it a file per signature,
written beside and renamed, so that processes that compile at once cannot mix anything up
and a kill leaves no half of a file.

What is read
------------
A file is code that is run.  So it is read only where it, and the folder, belong to this user or
the administrator and nobody else may write there, and only where its checksum is that of
this kernel, this signature, this processor and these very bytes: a file that is
truncated, changed by a bit or under the name of another is compiled anew and replaced.

Nothing here raises.  What cannot be read or written costs a compilation and, once
in a process, a warning that says what to do.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import re
import secrets
import shutil
import stat
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from fastlogreg.errors import KernelCacheWarning
from fastlogreg.runtime.steps import bind, steps_of

__all__ = ["KernelCache", "KernelFolder", "kernel_folder", "pack", "source_hash", "unpack"]

_MAGIC = b"fastlogreg kernel 1\n"
_SUFFIX = ".nbc"
_DAY = 86_400.0
_UNUSED = 30 * _DAY  # after so long the folder of another state of the sources goes


@functools.cache
def source_hash() -> str:
    """Return a hash of all that decides what the kernels compile to."""
    package = Path(__file__).resolve().parents[1]
    config = numba.config
    settings = (config.BOUNDSCHECK, config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    digest = hashlib.sha256(repr((*versions, *map(str, settings))).encode())
    folders = (package / "runtime", package / "kernels")
    for path in (path for folder in folders for path in sorted(folder.glob("*.py"))):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


@dataclass(frozen=True)
class KernelFolder:
    """Where compiled kernels are kept.

    Parameters
    ----------
    path : Path or None
        The folder; None where there is none.
    problem : str
        Why there is none; empty where the user does without.
    """

    path: Path | None
    problem: str = ""


@functools.cache
def kernel_folder() -> KernelFolder:
    """Return the folder of the compiled kernels; it may turn out that it cannot be written.

    ``FASTLOGREG_CACHE_DIR`` names another base folder; set to an empty string it
    switches the cache off.  The default is the user's own cache folder, never one that
    several users share.
    """
    named = os.environ.get("FASTLOGREG_CACHE_DIR")
    if named == "":
        return KernelFolder(None)
    try:
        folder = (Path(named) if named else _user_cache()).absolute() / f"kernels-{source_hash()}"
        if not folder.is_dir():
            # Others may read what is in it: an image's kernels are those of its users.
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(exist_ok=True, mode=0o755)
            _remove_unused(folder)
        status = folder.stat()
        _check_trust(status, folder)
    except (OSError, RuntimeError) as error:
        return KernelFolder(None, str(error))
    if time.time() - status.st_mtime > _DAY:
        with contextlib.suppress(OSError):
            os.utime(folder)  # it is in use
    return KernelFolder(folder)


def _user_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "fastlogreg"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fastlogreg"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative one is to be ignored, says its specification.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "fastlogreg"


def _remove_unused(folder: Path) -> None:
    """Remove what other versions of the package left beside a new folder long ago."""
    for other in folder.parent.glob("kernels-*"):
        with contextlib.suppress(OSError):
            status = other.lstat()
            if (
                re.fullmatch("kernels-[0-9a-f]{20}", other.name)
                and stat.S_ISDIR(status.st_mode)
                and status.st_uid == folder.stat().st_uid
                and time.time() - status.st_mtime > _UNUSED
            ):
                shutil.rmtree(other, ignore_errors=True)


def _check_trust(status: os.stat_result, path: Path) -> None:
    """Raise where somebody else than this user and the administrator may have written."""
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid not in (0, os.geteuid()):
        raise PermissionError(f"{str(path)!r} belongs to another user, whose code is not run")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{str(path)!r} may be written by others, whose code is not run")


def pack(key: bytes, payload: bytes) -> bytes:
    """Return the content of the file that keeps *payload* under *key*."""
    return _MAGIC + hashlib.sha256(key + payload).digest() + payload


def unpack(key: bytes, content: bytes) -> bytes:
    """Return the payload in the content of a file.

    Raises
    ------
    ValueError
        It is not what `pack` made for that key.
    """
    start = len(_MAGIC) + hashlib.sha256().digest_size
    payload = content[start:]
    if content != pack(key, payload):
        raise ValueError("its checksum is another")
    return payload


def _read(path: Path, key: bytes) -> bytes | None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        _check_trust(os.fstat(file.fileno()), path)
        content = file.read()
    try:
        return unpack(key, content)
    except ValueError as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{secrets.token_hex(8)}{_SUFFIX}.part")
    path.parent.mkdir(exist_ok=True, mode=0o755)
    try:
        # The mode keeps others from writing to it, whatever the umask is.
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


class KernelCache(FunctionCache):  # type: ignore[misc]
    """What a dispatcher of numba asks before it compiles a signature, and tells after."""

    _warned = False

    def __init__(self, function: Callable[..., object]) -> None:
        # The base class would look for folders and files of numba's own kind.
        self._py_func = function
        self._name = repr(function)
        self._cache_path = str(kernel_folder().path)
        self.enable()

    def flush(self) -> None:
        """Do nothing: the dispatcher compiles anew and the file is replaced."""

    def _file(self, signature: Any, codegen: Any) -> tuple[str, bytes]:
        """Return the name of a signature's file and what it is kept under."""
        key = repr((source_hash(), self._index_key(signature, codegen))).encode()
        function = self._py_func
        name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        name = re.sub(r"[^\w.]", "", name)
        return f"{name}-{hashlib.sha256(key).hexdigest()[:16]}{_SUFFIX}", key

    def _load_overload(self, signature: Any, target_context: Any) -> Any:
        folder = kernel_folder().path
        if folder is None:
            return None
        try:
            name, key = self._file(signature, target_context.codegen())
            payload = _read(folder / name, key)
            if payload is None:
                return None
            steps, parts = pickle.loads(payload)
            bind(steps)
            return CompileResult._rebuild(target_context, *parts)
        except Exception as error:
            self._warn(f"read from {str(folder)!r} ({error})")
            return None

    def _save_overload(self, signature: Any, compiled: Any) -> None:
        folder, problem = kernel_folder().path, kernel_folder().problem
        if folder is None:
            self._warn(f"written ({problem})")
            return
        if compiled.library.has_dynamic_globals:  # addresses, which are of this process
            return
        try:
            name, key = self._file(signature, compiled.codegen)
            content = dumps((steps_of(compiled.library), compiled._reduce()))
            _write(folder / name, pack(key, content))
        except Exception as error:
            self._warn(f"written to {str(folder)!r} ({error})")

    def _warn(self, what: str) -> None:
        if not KernelCache._warned:
            KernelCache._warned = True
            warnings.warn(
                f"compiled kernels could not be {what}; they are compiled anew, which takes "
                "seconds in every process. Point FASTLOGREG_CACHE_DIR to a folder of your own "
                "that can be written and has room, or set it to an empty string to do without.",
                KernelCacheWarning,
                stacklevel=2,
            )
