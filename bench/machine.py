"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from fastlogreg.runtime.threads import available_threads

__all__ = ["describe_machine", "installed_version", "threads_of"]

_PACKAGES = (
    *("fastlogreg", "numba", "numpy", "scipy"),
    *("scikit-learn", "glum", "skglm", "scikit-learn-intelex", "snapml"),
)


def describe_machine() -> dict[str, Any]:
    """Return CPU, cores, threads and versions."""
    threads, said_by = available_threads()
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "threads_said_by": said_by,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: installed_version(name) for name in _PACKAGES},
    }


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None for a missing one."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def threads_of(backend: str) -> int:
    """Return the threads that a pass of a backend is given."""
    return available_threads()[0] if backend == "numba" else 1


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
