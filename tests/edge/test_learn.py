"""`vst learn`: one picture in, an installed style and a sheet of before and after out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge import learning
from keras_vst import zoo
from tests.conftest import write_picture
from tests.edge.learners import PRETENDER


@pytest.fixture
def picture(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(learning, "TRAINER", PRETENDER)
    monkeypatch.setattr(learning, "find_spec", lambda name: object())
    monkeypatch.chdir(tmp_path)
    return write_picture(tmp_path / "my picture.png", 7)


def test_it_is_learned_installed_and_shown(vst, picture):
    status, out, err = vst("learn", picture)
    assert (status, err) == (0, "")
    assert out.startswith("my-picture was learned in ")
    assert out.endswith("min: my-picture.png; paint with --style my-picture\n")
    assert zoo.find_style("my-picture").own
    assert cv2.imread("my-picture.png").shape[0] > 300


def test_where_training_fails_its_status_is_ours(vst, picture, monkeypatch):
    monkeypatch.setenv("PRETEND", "crash")
    status, out, _ = vst("learn", picture, "--name", "x")
    assert (status, out) == (2, "")
    assert not Path("x.png").exists()


def test_what_is_no_picture_is_one_line(vst, tmp_path, own):
    (tmp_path / "bad.jpg").write_text("no picture")
    status, _, err = vst("learn", tmp_path / "bad.jpg")
    assert status == 2
    assert (
        err
        == f"vst: {tmp_path / 'bad.jpg'} is not a picture that can be read; it is damaged or something else.\n"
    )


@pytest.mark.parametrize("minutes", ["0.01", "20000", "soon", "nan"])
def test_a_time_that_cannot_be_is_told_before_anything_is_begun(vst, picture, own, minutes):
    for command in (("learn", picture, "--minutes", minutes), ("live", "test:", "--learn", minutes)):
        status, out, err = vst(*command)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"a number of minutes from 0.1 to 10000 is needed, but '{minutes}' came" in err
    assert not list(own.glob("*"))


def test_without_tensorflow_one_line_says_how_to_get_it(vst, picture, monkeypatch):
    monkeypatch.setattr(learning, "find_spec", lambda name: None)
    status, _, err = vst("learn", picture)
    assert (status, err.count("\n")) == (2, 1)
    assert "pip install 'keras-vst[train]'" in err


def test_why_training_failed_is_seen_though_libraries_are_silenced(picture, monkeypatch):
    monkeypatch.setenv("PRETEND", "crash")
    program = (
        "import sys; from edge import __main__, learning; from tests.edge.learners import PRETENDER\n"
        "learning.TRAINER, learning.find_spec = PRETENDER, lambda name: object()\n"
        f"sys.argv = ['vst', 'learn', {str(picture)!r}]\n"
        "sys.exit(__main__.main())"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "training.fit: VGG16 cannot be fetched; give --vgg16 FILE." in done.stderr
