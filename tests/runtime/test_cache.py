"""Where kernels are kept, and what is believed of it; whole processes are in reliability/."""

import os
import stat
import time
from pathlib import Path

import pytest

from fastlogreg.runtime import cache
from fastlogreg.runtime.cache import kernel_folder, pack, source_hash, unpack

KEY, PAYLOAD = b"a kernel and its signature", bytes(range(256)) * 2


@pytest.fixture
def settle(monkeypatch):
    """Return a function that finds the folder anew, under the environment of the test."""

    def find(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        kernel_folder.cache_clear()
        return kernel_folder()

    monkeypatch.delenv("FASTLOGREG_CACHE_DIR", raising=False)
    yield find
    monkeypatch.undo()
    kernel_folder.cache_clear()


def test_what_was_packed_is_unpacked():
    assert unpack(KEY, pack(KEY, PAYLOAD)) == PAYLOAD


def test_every_change_of_a_byte_and_every_other_length_is_refused():
    content = pack(KEY, PAYLOAD)
    damaged = [content[:size] for size in range(len(content))]
    damaged += [content + b"\0", content + content, b"\0" + content]
    for place, byte in enumerate(content):
        others = [byte ^ (1 << bit) for bit in range(8)] + [0, 255]
        damaged += [
            content[:place] + bytes([other]) + content[place + 1 :]
            for other in others
            if other != byte
        ]
    for one in damaged:
        with pytest.raises(ValueError, match="checksum"):
            unpack(KEY, one)


def test_another_kernels_file_is_refused():
    with pytest.raises(ValueError, match="checksum"):
        unpack(KEY, pack(b"another kernel", PAYLOAD))


@pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
class TestTrust:
    def test_a_folder_is_ones_own_whatever_the_umask(self, settle, tmp_path):
        before = os.umask(0)
        try:
            folder = settle(FASTLOGREG_CACHE_DIR=tmp_path / "new" / "base")
        finally:
            os.umask(before)
        assert folder.problem == ""
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o755

    @pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
    def test_a_folder_that_others_may_write_is_none(self, settle, tmp_path, mode):
        folder = settle(FASTLOGREG_CACHE_DIR=tmp_path)
        folder.path.chmod(mode)
        found = settle()
        assert found.path is None
        assert found.problem.endswith("may be written by others, whose code is not run")

    @pytest.mark.parametrize(("owner", "problem"), [(0, ""), (1_234, ""), (4_321, "another user")])
    def test_a_folder_is_the_users_or_the_administrators(
        self, settle, tmp_path, monkeypatch, owner, problem
    ):
        settle(FASTLOGREG_CACHE_DIR=tmp_path)
        monkeypatch.setattr(os, "geteuid", lambda: 1_234)
        real = Path.stat

        def owned(path, **rest):
            status = list(real(path, **rest))
            status[stat.ST_UID] = owner
            return os.stat_result(status)

        monkeypatch.setattr(Path, "stat", owned)
        found = settle()
        assert (found.path is None) == (problem != "")
        assert problem in found.problem


def test_the_default_is_in_the_users_home(settle, tmp_path):
    folder = settle(HOME=tmp_path, XDG_CACHE_HOME="", LOCALAPPDATA=tmp_path)
    assert tmp_path in folder.path.parents
    assert folder.path.is_dir()


@pytest.mark.skipif("sys.platform != 'linux'")
def test_a_cache_folder_that_is_relative_is_passed_over(settle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = settle(HOME=tmp_path / "home", XDG_CACHE_HOME="here")
    assert folder.path.is_relative_to(tmp_path / "home")
    folder = settle(XDG_CACHE_HOME=tmp_path / "there")
    assert folder.path.parent == tmp_path / "there" / "fastlogreg"


def test_a_named_folder_that_is_relative_stays_where_it_was(settle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settle(FASTLOGREG_CACHE_DIR="kernels").path.parent == tmp_path / "kernels"


def test_without_a_home_there_is_no_folder_and_a_reason(settle, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    found = settle()
    assert found.path is None
    assert "home" in found.problem


def test_an_empty_name_is_no_problem(settle):
    found = settle(FASTLOGREG_CACHE_DIR="")
    assert (found.path, found.problem) == (None, "")


def test_folders_of_other_versions_go_when_nobody_used_them_for_a_month(settle, tmp_path):
    month = 31 * 86_400
    ages = {
        "kernels-0123456789abcdef0123": month,
        "kernels-0123456789abcdef0124": month // 2,
        "kernels-of-my-own": month,
        "kernels-0123456789abcdef01234": month,
        "other": month,
    }
    for name, age in ages.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.nbc").write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.utime(elsewhere, (0, 0))
    (tmp_path / "kernels-0123456789abcdef0125").symlink_to(elsewhere)
    settle(FASTLOGREG_CACHE_DIR=tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert set(ages) - left == {"kernels-0123456789abcdef0123"}
    assert elsewhere.is_dir()


def test_a_folder_in_use_is_marked_so(settle, tmp_path):
    folder = settle(FASTLOGREG_CACHE_DIR=tmp_path).path
    os.utime(folder, (0, 0))
    assert settle().path == folder
    assert time.time() - folder.stat().st_mtime < 3_600
    os.utime(folder, (time.time() - 3_600,) * 2)
    settle()
    assert time.time() - folder.stat().st_mtime > 3_000


@pytest.mark.parametrize("setting", ["NUMBA_OPT", "NUMBA_BOUNDSCHECK", "NUMBA_SLP_VECTORIZE"])
def test_settings_that_change_the_code_have_folders_of_their_own(run_python, setting):
    code = "from fastlogreg.runtime.cache import source_hash; print(source_hash())"
    assert run_python(code, **{setting: "1"}) != source_hash()


def test_a_kernel_knows_no_name_that_a_file_cannot_have(settle, tmp_path):
    def kernel():
        pass

    settle(FASTLOGREG_CACHE_DIR=tmp_path)

    class Codegen:
        def magic_tuple(self):
            return ("a processor",)

    name, key = cache.KernelCache(kernel)._file(("float64",), Codegen())
    assert name.startswith("test_cache.")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz_.-0123456789")
    assert source_hash().encode() in key
