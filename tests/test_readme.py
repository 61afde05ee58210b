"""Every command of README is run as it is written, in a folder that holds the files which it names."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

import edge.cli
import training.fit

ROOT = Path(__file__).parents[1]
PROGRAMS = {"vst": edge.cli.main, "training.fit": training.fit.main}


def commands() -> list[list[str]]:
    """The words of each command in README's shell blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]


def run(words: list[str]) -> None:
    """Run one command in this process; training is shortened to the `smoke` recipe."""
    program = words[2] if words[:2] == ["python", "-m"] else words[0]
    arguments = words[3:] if words[0] == "python" else words[1:]
    if program == "training.fit":
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_clip: Path, painting: Path, any_vgg16: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_VST_VGG16", str(any_vgg16))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the export, which is a process of its own
    # The score-card, which has tests of its own, would take twice the time of all the rest.
    monkeypatch.setattr(training.fit, "score", lambda session, vgg16: {})
    (tmp_path / "keras_vst" / "assets").mkdir(parents=True)
    for name in ("keras_vst/assets/scene.mp4", "clip.mp4"):
        shutil.copy(short_clip, tmp_path / name)
    shutil.copy(painting, tmp_path / "painting.jpg")
    shutil.copy(painting, tmp_path / "photo.jpg")

    to_run = [words for words in commands() if words[0] != "make"]
    assert len(to_run) >= 9
    for words in to_run:
        run(words)

    for clip in ("painted.mp4", "mixed.mp4", "half.mkv", "mine.mp4"):
        assert (tmp_path / clip).stat().st_size > 1000, clip
    assert (tmp_path / "painted.mp4").read_bytes() != (tmp_path / "mixed.mp4").read_bytes()
    assert len(list((tmp_path / "frames").glob("*.png"))) == 8
    assert (tmp_path / "sheet.png").is_file()
    run_files = {path.name for path in (tmp_path / "runs" / "mine").iterdir()}
    assert {"mine.tflite", "mine_fp16.tflite", "mine_int8.tflite", "card.json", "report.html"} <= run_files
