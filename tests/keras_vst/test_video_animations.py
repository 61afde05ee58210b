"""Pictures that move show all their frames, at their own times; still ones are still pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import open_source, probe
from keras_vst.video.animations import moves
from tests.keras_vst.clips import grey_steps, numbers

pytestmark = pytest.mark.skipif(not hasattr(cv2, "Animation"), reason="OpenCV before 4.11 has no animations")
LENGTHS = [100, 200, 50, 100, 300]
TIMES = [Fraction(each, 1000) for each in (0, 100, 300, 350, 450)]


def animate(path: Path, kind: str = "") -> Path:
    animation = cv2.Animation()
    animation.frames = grey_steps(len(LENGTHS))
    animation.durations = np.array(LENGTHS, np.int32)
    made = path.with_suffix(kind) if kind else path
    assert cv2.imwriteanimation(str(made), animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return made.replace(path)


@pytest.mark.parametrize(("name", "kind"), [("in.webp", ""), ("in.png", ""), ("in.apng", ".png")])
def test_all_frames_are_shown_at_their_times(tmp_path: Path, name: str, kind: str):
    path = animate(tmp_path / name, kind)
    with open_source(path) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == [*range(len(LENGTHS))]
    assert [frame.time for frame in frames] == TIMES
    assert not source.info.is_image


def test_all_frames_of_an_avif_are_shown(tmp_path: Path):
    with open_source(animate(tmp_path / "in.avif")) as source:
        assert numbers([frame.pixels for frame in source]) == [*range(len(LENGTHS))]


def test_a_part_of_an_animation_can_be_had(tmp_path: Path):
    path = animate(tmp_path / "in.webp")
    with open_source(path, start=Fraction(3, 10), duration=Fraction(1, 10)) as source:
        assert numbers([frame.pixels for frame in source]) == [2, 3]


@pytest.mark.parametrize("name", ["in.webp", "in.png", "in.jpg"])
def test_a_still_picture_is_one(tmp_path: Path, name: str):
    cv2.imwrite(str(tmp_path / name), grey_steps(5)[4])
    assert not moves(tmp_path / name)
    assert probe(tmp_path / name).is_image


def test_a_damaged_animation_is_told(tmp_path: Path):
    path = animate(tmp_path / "in.webp")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match=r"in\.webp is not an animation that can be read"):
        open_source(path)


def test_an_opencv_that_knows_no_animations_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = animate(tmp_path / "in.webp")
    monkeypatch.delattr(cv2, "imdecodeanimation")
    with pytest.raises(
        UserError, match=r"in\.webp moves, and OpenCV \S+ shows its first frame only; install 4\.11"
    ):
        open_source(path)
