"""How many threads a process may use: what the machine, the container and the user say.

The least of all limits counts, and which one it was is said in a plan.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_threads", "cpu_quota"]

# Set by users and schedulers, and in their workers by joblib (the second to last three) and
# Dask (OMP_NUM_THREADS).
LIMITS = ("OMP_THREAD_LIMIT", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def available_threads() -> tuple[int, str]:
    """Return how many threads a pass may use by default, and what said so."""
    return min(_limits(), key=lambda limit: limit[0])


def _limits() -> Iterator[tuple[int, str]]:
    yield os.cpu_count() or 1, "processors of this machine"
    if hasattr(os, "sched_getaffinity"):
        yield max(len(os.sched_getaffinity(0)), 1), "processors this process may run on"
    quota = cpu_quota()
    if quota is not None:
        yield quota, "CPU quota of this container"
    for name in LIMITS:
        # OMP_NUM_THREADS may hold a number a level of nesting: the outermost is ours.
        number = os.environ.get(name, "").split(",")[0].strip()
        if re.fullmatch("[0-9]+", number) and int(number) > 0:
            yield int(number), name


def cpu_quota(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return the processors that the control groups of this process grant it, rounded up.

    Parameters
    ----------
    membership : Path
        The file that says which groups the process is in, a line ``id:controllers:group``
        each.
    root : Path
        Where the groups are mounted.

    Returns
    -------
    int or None
        At least 1; None where nothing is limited, or there are no control groups.
    """
    grants = [math.ceil(grant) for grant in _grants(membership, root)]
    return max(min(grants), 1) if grants else None


def _grants(membership: Path, root: Path) -> Iterator[float]:
    """Yield the processors that each group around this process grants, where it limits them."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # The second version has no name of a controller in that file, and one in its own.
        mounts = (root / controllers, root / "cpu") if controllers else (root, root / "unified")
        for mount in mounts:
            # A container may see its own group as the root, whatever the line says.
            inner = [part for part in group.split("/") if part not in ("", "..")]
            for depth in range(len(inner) + 1):
                yield from _grant(mount.joinpath(*inner[:depth]))


def _grant(folder: Path) -> Iterator[float]:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
            quota, period = (float(word) for word in words)  # "max" is no number, and no limit
        except (OSError, ValueError):
            continue
        if quota > 0.0 and period > 0.0:
            yield quota / period
