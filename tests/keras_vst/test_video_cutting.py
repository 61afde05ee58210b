"""A part of a clip has just its frames, and a moment at which something is seen is never an error."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from keras_vst.errors import UserError
from keras_vst.video import decoding, open_source
from tests.conftest import write_picture
from tests.keras_vst.clips import RATE, grey_steps, numbers, write_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames with a keyframe every sixth; frame k begins at k / 25 s."""
    path = tmp_path_factory.mktemp("excerpt") / "clip.mp4"
    return write_clip(path, grey_steps(20), options={"g": "6", "bf": "0"})


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        (7, None, range(7, 20)),
        (7, 5, range(7, 12)),
        (0, 3, range(3)),
        (19, 1, range(19, 20)),
        (15, 100, range(15, 20)),
    ],
)
def test_a_part_has_just_its_frames_and_their_times_start_at_0(clip: Path, start: int, duration, expected):
    until = None if duration is None else Fraction(duration, RATE)
    with open_source(clip, start=Fraction(start, RATE), duration=until) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == list(expected)
    assert [frame.time for frame in frames] == [Fraction(k, RATE) for k in range(len(expected))]
    assert source.info.frames == len(expected)


def test_a_moment_between_two_frames_begins_with_the_later(clip: Path):
    with open_source(clip, start=Fraction(3, 100)) as source:
        first = next(iter(source))
    assert (numbers([first.pixels]), first.time) == ([1], Fraction(1, 100))


def test_what_is_before_the_last_keyframe_is_not_decoded(clip: Path):
    with decoding.ClipSource(str(clip), start=Fraction(19, RATE)) as source:
        assert [frame.time for frame in source] == [Fraction(18, RATE), Fraction(19, RATE)]


def test_a_folder_of_pictures_is_cut_too(tmp_path: Path):
    for seed in range(4):
        write_picture(tmp_path / f"{seed}.png", seed)
    with open_source(tmp_path, start=Fraction(1, 25), duration=Fraction(2, 25)) as source:
        assert [frame.time for frame in source] == [0, Fraction(1, 25)]


def test_a_part_that_cannot_be_is_told(clip: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"c\.ts shows nothing from --start 50 on; begin earlier"):
        open_source(write_clip(tmp_path / "c.ts", grey_steps(5)), start=Fraction(50))
    with pytest.raises(UserError, match=r"lasts 0.8 s, but --start asks for second 2"):
        open_source(clip, start=Fraction(2))
    with pytest.raises(UserError, match="--start and --duration are for clips"):
        open_source(write_picture(tmp_path / "photo.png", 1), duration=Fraction(1))


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.ts"])
def test_within_the_last_frame_it_is_the_one_that_is_seen(tmp_path: Path, name: str):
    path = write_clip(tmp_path / name, grey_steps(10), tick=Fraction(1, 10))  # the last one begins at 0.9 s
    with open_source(path, start=Fraction(93, 100)) as source:
        (frame,) = source
    assert (numbers([frame.pixels]), frame.time, source.info.frames) == ([9], 0, 1)


def test_a_part_shorter_than_a_frame_shows_the_one_that_is_seen(clip: Path):
    with open_source(clip, start=Fraction(3, 100), duration=Fraction(1, 200)) as source:
        assert numbers([frame.pixels for frame in source]) == [0]
