from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from keras_vst.machine import git_revision, processor, versions

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *words):
    command = ["git", "-C", str(folder), *IDENTITY, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


@needs_git
def test_a_checkout_is_told_by_its_commit_even_where_a_tag_names_it(checkout):
    git(checkout, "tag", "-a", "v1", "-m", "one")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")


@needs_git
def test_changed_code_is_dirty_and_other_files_are_not(checkout):
    (checkout / "notes.txt").write_text("mine")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")
    (checkout / "code.py").write_text("2")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD") + "-dirty"


@needs_git
def test_an_installed_copy_is_not_of_the_checkout_it_lies_in(checkout):
    (checkout / "site-packages").mkdir()
    assert git_revision(checkout / "site-packages") is None


def test_a_broken_checkout_and_a_machine_without_git_are_silent(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    assert git_revision(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert git_revision(tmp_path) is None


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("fpu avx512f avx512_bf16", "with avx512_bf16"),
        ("amx_bf16 avx512_bf16 fpu", "with amx_bf16 and avx512_bf16"),
        ("fpu avx2", "without bfloat16"),
    ],
)
def test_the_processor_is_named_and_whether_it_has_bfloat16(tmp_path, flags, told):
    text = f"processor\t: 0\nmodel name\t: Quick CPU @ 2 GHz\nflags\t\t: {flags}\nbogomips: 1\n"
    (tmp_path / "cpuinfo").write_text(text)
    assert processor(tmp_path) == f"Quick CPU @ 2 GHz, {os.cpu_count()} cores, {told}"


def test_a_board_goes_before_its_processor_and_where_nothing_is_told_the_kind_of_machine_is(tmp_path):
    assert f", {os.cpu_count()} cores" in processor(tmp_path)
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree" / "model").write_bytes(b"NVIDIA Jetson Orin Nano\0")
    assert processor(tmp_path).startswith("NVIDIA Jetson Orin Nano, ")


def test_versions_are_those_of_what_is_installed():
    found = versions()
    assert {"python", "numpy", "keras"} <= set(found)
    assert found.get("git") == git_revision()
