"""Every command of README is run as it is written, in a folder that holds the files which it names."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

import edge.cli
import export.cli
import training.fit

ROOT = Path(__file__).parents[1]
PROGRAMS = {"vst": edge.cli.main, "training.fit": training.fit.main, "export": export.cli.main}


def commands() -> list[list[str]]:
    """The words of each command in README's shell blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]


def run(words: list[str]) -> None:
    """Run one command in this process; training is shortened to the `smoke` recipe."""
    program = words[2] if words[:2] == ["python", "-m"] else words[0]
    arguments = words[3:] if words[0] == "python" else words[1:]
    if program == "training.fit" and "--help" not in arguments and "--resume" not in arguments:
        arguments = [*arguments, "--recipe", "smoke", "--quiet"]
    assert PROGRAMS[program](arguments) == 0, words


def test_make_targets_named_in_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
    named |= {words[1] for words in commands() if words[0] == "make"}
    assert {"demo", "test", "check", "bench", "help"} <= named
    assert named <= targets


def test_every_link_of_readme_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_commands_of_readme_do_what_it_says(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    short_clip: Path,
    photos: Path,
    painting: Path,
    any_vgg16: Path,
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_VST_VGG16", str(any_vgg16))
    (tmp_path / "keras_vst" / "assets").mkdir(parents=True)
    for name in ("keras_vst/assets/scene.mp4", "clip.mp4"):
        shutil.copy(short_clip, tmp_path / name)
    shutil.copy(painting, tmp_path / "painting.jpg")
    shutil.copy(painting, tmp_path / "photo.jpg")
    shutil.copytree(photos, tmp_path / "photos")

    to_run = [words for words in commands() if words[0] != "make"]
    assert len(to_run) >= 6
    for words in to_run:
        run(words)

    assert (tmp_path / "painted.mp4").stat().st_size > 1000
    assert len(list((tmp_path / "frames").glob("*.png"))) == 8
    assert (tmp_path / "sheet.png").is_file()
    assert (tmp_path / "runs" / "mine" / "samples").is_dir()
    assert (tmp_path / "build" / "mine" / "mine.tflite").is_file()
