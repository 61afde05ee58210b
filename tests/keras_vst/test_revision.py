from __future__ import annotations

import shutil
import subprocess

import pytest
from keras_vst.revision import git_revision

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
