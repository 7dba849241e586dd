"""The kernel cache: right answers whatever becomes of its files, and at most one warning."""

import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import run_command, run_in_fresh_process

POSIX = pytest.mark.skipif(os.name != "posix", reason="owners, modes and limits are POSIX's")
ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0

# Two types, so that there are two files.
SUMS = """
import warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from tests.reliability.tiny import total
    numbers = np.random.default_rng(0).standard_normal(1_000)
    sums = [total(numbers.astype(dtype), np.zeros(1)) for dtype in ("f8", "f4")]
print(*(number.hex() for number in sums))
for warning in caught:
    print(warning.category.__name__, warning.message)
"""


def outcome(folder, *, before="", **environment):
    """Return the sums and its warnings, with that cache folder."""
    printed = run_in_fresh_process(
        before + SUMS, FASTLOGREG_CACHE_DIR=str(folder), **environment
    ).split("\n")
    return printed[0], printed[1:]


def kernels(folder):
    """Return the files: of a step first, then of two kernels that call it."""
    return sorted(folder.rglob("*.nbc"))


def state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a filled cache folder and the sums."""
    folder = tmp_path_factory.mktemp("kernels")
    digits, warned = outcome(folder)
    assert warned == []
    assert len(kernels(folder)) == 3
    return folder, digits


@pytest.fixture
def cache(filled, tmp_path):
    """Return a copy of the filled cache folder, and the sums."""
    folder, digits = filled
    return shutil.copytree(folder, tmp_path / "cache"), digits


def check_one_warning(warned, *words):
    """Assert that there was one warning, of those words, that says what to do."""
    assert len(warned) == 1, warned
    assert warned[0].startswith("KernelCacheWarning compiled kernels could not be ")
    assert "Point FASTLOGREG_CACHE_DIR to a folder of your own" in warned[0]
    for word in words:
        assert word in warned[0], (word, warned[0])


def test_a_second_process_loads_what_the_first_compiled(cache, tally):
    folder, digits = cache
    times = {path: path.stat().st_mtime_ns for path in kernels(folder)}
    assert outcome(folder) == (digits, [])
    assert {path: path.stat().st_mtime_ns for path in kernels(folder)} == times
    tally("kernel caches tried, a process or more each")


def empty(first, *_others):
    first.write_bytes(b"")


def halved(first, *_others):
    first.write_bytes(first.read_bytes()[: first.stat().st_size // 2])


def swapped(first, second, *_others):
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def flipped(first, *_others):
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)


def a_folder(first, *_others):
    first.unlink()
    first.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        swapped,
        *(pytest.param(way, marks=pytest.mark.whole) for way in (empty, halved, flipped)),
    ],
)
def test_a_damaged_file_costs_one_warning_and_is_replaced(cache, tally, damage):
    folder, digits = cache
    before = state(folder)
    damage(*kernels(folder))
    found, warned = outcome(folder)
    assert found == digits
    check_one_warning(warned, "read from", "its checksum is another")
    assert outcome(folder) == (digits, [])
    assert set(state(folder)) == set(before)
    tally("kernel caches tried, a process or more each")


@pytest.mark.whole
def test_a_folder_in_the_place_of_a_file_costs_one_warning(cache, tally):
    folder, digits = cache
    a_folder(*kernels(folder))
    found, warned = outcome(folder)
    assert found == digits
    check_one_warning(warned)
    tally("kernel caches tried, a process or more each")


@pytest.mark.whole
@pytest.mark.parametrize("seed", range(24))
def test_bits_flipped_anywhere_cost_one_warning(cache, tally, seed):
    folder, digits = cache
    chosen = random.Random(seed)
    for path in kernels(folder):
        content = bytearray(path.read_bytes())
        for _ in range(chosen.choice([1, 1, 2, 50])):
            content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
        path.write_bytes(content)
    found, warned = outcome(folder)
    assert found == digits
    check_one_warning(warned, "read from")
    tally("kernel caches tried, a process or more each")


@pytest.mark.parametrize("right", [False, pytest.param(True, marks=pytest.mark.whole)])
@POSIX
def test_what_somebody_else_may_have_written_is_not_run(cache, tally, right):
    """Neither a file that others may write, however right it looks, nor one of no checksum."""
    folder, digits = cache
    for path in kernels(folder):
        if right:
            path.chmod(0o666)
        else:
            path.write_bytes(b"cbuiltins\nprint\n(S'harm was done'\ntR.")
    found, warned = outcome(folder)
    assert found == digits
    check_one_warning(warned, "may be written by others" if right else "checksum")
    assert outcome(folder) == (digits, [])
    tally("kernel caches tried, a process or more each")


@POSIX
def test_a_folder_of_another_user_is_neither_read_nor_written(cache, tally):
    folder, digits = cache
    before = state(folder)
    if ROOT_USER:
        for path in folder.iterdir():
            os.chown(path, 54_321, -1)
        pretend = ""
    else:
        pretend = "import os; os.geteuid = lambda: 54_321\n"
    found, warned = outcome(folder, before=pretend)
    assert found == digits
    check_one_warning(warned, "belongs to another user")
    assert state(folder) == before
    tally("kernel caches tried, a process or more each")


@pytest.fixture
def read_only(tmp_path):
    """Return a function that makes a folder read-only, and what a command then begins with."""
    changed = []

    def make(folder):
        if not ROOT_USER:
            for path in [folder, *folder.rglob("*")]:
                changed.append((path, path.stat().st_mode))
                path.chmod(path.stat().st_mode & ~0o222)
            return []
        # Modes bind nobody who is root; a mount that only this process sees does.
        inside = f'mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && exec "$@"'
        return private_mount(inside)

    yield make
    for path, mode in changed:
        path.chmod(mode)


def private_mount(inside):
    """Return the beginning of a command for which something is mounted, or skip the test."""
    command = ["unshare", "--mount", "sh", "-c", inside, "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False).returncode
    ):
        pytest.skip("no private mounts here: unshare is missing or not permitted")
    return command


def outcome_of(command, folder, **environment):
    """Return digits and warnings of a pass in a process that a command begins with."""
    command = [*command, sys.executable, "-W", "error", "-c", SUMS]
    done = run_command(command, FASTLOGREG_CACHE_DIR=str(folder), **environment)
    assert done.returncode == 0, done.stderr
    digits, *warned = done.stdout.strip().split("\n")
    return digits, warned


@POSIX
def test_a_full_read_only_folder_is_read(cache, read_only, tally):
    folder, digits = cache
    assert outcome_of(read_only(folder), folder) == (digits, [])
    tally("kernel caches tried, a process or more each")


@POSIX
@pytest.mark.whole
def test_a_read_only_folder_that_lacks_a_kernel_costs_one_warning(cache, read_only, tally):
    folder, digits = cache
    kernels(folder)[0].unlink()
    before = state(folder)
    found, warned = outcome_of(read_only(folder), folder)
    assert found == digits
    check_one_warning(warned, "written to")
    assert state(folder) == before
    tally("kernel caches tried, a process or more each")


@POSIX
def test_without_a_home_and_where_nothing_can_be_written_a_warning_says_so(filled, tally):
    _, digits = filled
    code = "import os\nfor n in ('FASTLOGREG_CACHE_DIR', 'XDG_CACHE_HOME'): os.environ.pop(n)\n"
    nowhere = "/proc/no-home"
    found, warned = outcome("", before=code, HOME=nowhere, XDG_CACHE_HOME="")
    assert found == digits
    check_one_warning(warned, "written (", nowhere)
    tally("kernel caches tried, a process or more each")


@pytest.mark.whole
@pytest.mark.parametrize("folder", ["", "/proc/no-such-place"], ids=["switched off", "unwritable"])
def test_a_named_folder_that_cannot_be_costs_one_warning_and_none_at_all_nothing(
    filled, tally, folder
):
    found, warned = outcome(folder)
    assert found == filled[1]
    if folder:
        check_one_warning(warned, folder)
    else:
        assert warned == []
    tally("kernel caches tried, a process or more each")


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"


@POSIX
def test_a_file_that_grows_too_large_costs_one_warning_and_leaves_nothing(tmp_path, filled, tally):
    found, warned = outcome(tmp_path, before=LIMITED)
    assert found == filled[1]
    check_one_warning(warned, "written to", "too large")
    assert state(tmp_path) == {}
    tally("kernel caches tried, a process or more each")


def test_a_step_of_another_process_is_found_by_its_name_there(cache, tally):
    """A name counts what was compiled before: that of the second process is another."""
    folder, digits = cache
    step, *callers = kernels(folder)
    assert step.name.startswith("tiny.add_number-")
    step.unlink()
    before = "import numba\nnumba.njit(lambda x: x)(1)\nnumba.njit(lambda x: -x)(1)\n"
    times = {path: path.stat().st_mtime_ns for path in callers}
    assert outcome(folder, before=before) == (digits, [])
    assert outcome(folder) == (digits, [])
    assert {path: path.stat().st_mtime_ns for path in callers} == times
    assert kernels(folder) == [step, *callers]
    tally("kernel caches tried, a process or more each")


@POSIX
@pytest.mark.whole
def test_a_full_disk_costs_one_warning_and_leaves_nothing_half(tmp_path, filled, tally):
    inside = (
        f'mount -t tmpfs -o size=20k tmpfs {tmp_path} && "$@" && find {tmp_path} -type f | wc -l'
    )
    found, (*warned, n_files) = outcome_of(private_mount(inside), tmp_path)
    assert found == filled[1]
    check_one_warning(warned, "written to", "No space left")
    assert int(n_files) <= 1
    tally("kernel caches tried, a process or more each")


KILLED = """
import os, signal
from pathlib import Path
replace = Path.replace
def kill(path, target):
    {when}
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = kill
"""


@POSIX
@pytest.mark.whole
@pytest.mark.parametrize("when", ["pass", "replace(path, target)"], ids=["before", "after"])
def test_a_kill_beside_the_renaming_leaves_a_file_or_none(tmp_path, filled, tally, when):
    command = [sys.executable, "-c", KILLED.format(when=when) + SUMS]
    done = run_command(command, FASTLOGREG_CACHE_DIR=str(tmp_path))
    assert done.returncode == -9
    assert len(kernels(tmp_path)) == (when != "pass")
    assert outcome(tmp_path) == (filled[1], [])
    assert len(kernels(tmp_path)) == 3
    tally("kernel caches tried, a process or more each")


@pytest.mark.parametrize("together", [3, pytest.param(8, marks=pytest.mark.whole)])
def test_processes_that_compile_at_once_agree(tmp_path, filled, tally, together):
    with ThreadPoolExecutor(together) as pool:
        found = list(pool.map(lambda _: outcome(tmp_path), range(together)))
    assert found == [(filled[1], [])] * together
    assert len(state(tmp_path)) == len(kernels(tmp_path)) == 3
    assert outcome(tmp_path) == (filled[1], [])
    tally("kernel caches tried, a process or more each")


@pytest.mark.whole
def test_code_with_checked_indices_is_kept_apart(cache, tally):
    """Code without the checks must not be loaded where they are wanted, nor the other way."""
    folder, digits = cache
    before = set(kernels(folder))
    checked = outcome(folder, NUMBA_BOUNDSCHECK="1")
    added = set(kernels(folder)) - before
    assert {path.name.split("-")[0] for path in added} == {
        path.name.split("-")[0] for path in before
    }
    assert outcome(folder, NUMBA_BOUNDSCHECK="1") == checked
    assert outcome(folder) == (digits, [])
    assert set(kernels(folder)) == before | added
    tally("kernel caches tried, a process or more each")


def test_a_warning_made_an_error_leaves_the_next_call_right(cache, tally):
    folder, digits = cache
    for path in kernels(folder):
        flipped(path)
    code = """
import warnings
import numpy as np
warnings.simplefilter("error")
from tests.reliability.tiny import total
try:
    total(np.ones(3), np.zeros(1))
except UserWarning as warning:
    assert "could not be read" in str(warning)
else:
    raise AssertionError
"""
    assert outcome(folder, before=code) == (digits, [])
    tally("kernel caches tried, a process or more each")
