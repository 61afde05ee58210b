from fractions import Fraction

import pytest

from edge import excerpt
from edge.excerpt import open_excerpt
from keras_vst.errors import UserError
from keras_vst.video.source import ClipSource
from tests.conftest import write_picture
from tests.keras_vst.clips import RATE, grey_steps, numbers, write_clip

COUNT = 20


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twenty frames with a keyframe every sixth; frame k begins at k / 25 s."""
    path = tmp_path_factory.mktemp("excerpt") / "clip.mp4"
    return write_clip(path, grey_steps(COUNT), options={"g": "6", "bf": "0"})


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        (0, None, range(20)),
        (7, None, range(7, 20)),
        (7, 5, range(7, 12)),
        (0, 3, range(3)),
        (19, 1, range(19, 20)),
        (15, 100, range(15, 20)),
    ],
)
def test_just_the_wanted_frames_come_and_their_times_start_at_0(clip, start, duration, expected):
    until = None if duration is None else Fraction(duration, RATE)
    with open_excerpt(clip, Fraction(start, RATE), until) as source:
        frames = list(source)
        assert numbers([frame.pixels for frame in frames]) == list(expected)
        assert [frame.time for frame in frames] == [Fraction(k, RATE) for k in range(len(expected))]
        assert source.info.frames == len(expected)


def test_a_moment_between_two_frames_begins_with_the_later(clip):
    with open_excerpt(clip, Fraction(3, 100)) as source:
        first = next(iter(source))
    assert (numbers([first.pixels]), first.time) == ([1], Fraction(1, 100))


def test_the_part_before_the_last_keyframe_is_not_decoded(clip, monkeypatch):
    seen = []

    class Spy(ClipSource):
        def __iter__(self):
            for frame in super().__iter__():
                seen.append(frame.time)
                yield frame

    monkeypatch.setattr(excerpt, "ClipSource", Spy)
    monkeypatch.setattr(excerpt, "open_source", lambda uri: Spy(str(uri)))
    with open_excerpt(clip, Fraction(19, RATE)) as source:
        assert len(list(source)) == 1
    assert seen == [Fraction(18, RATE), Fraction(19, RATE)]


def test_a_folder_of_pictures_is_cut_too(tmp_path):
    for seed in range(4):
        write_picture(tmp_path / f"{seed}.png", seed)
    with open_excerpt(tmp_path, Fraction(1, 25), Fraction(2, 25)) as source:
        assert [frame.time for frame in source] == [0, Fraction(1, 25)]


def test_a_start_after_the_end_is_told(clip):
    with pytest.raises(UserError, match=r"lasts 0.8 s, but --start asks for second 2"):
        open_excerpt(clip, Fraction(2))


def test_a_picture_has_no_parts(tmp_path):
    photo = write_picture(tmp_path / "photo.png", 1)
    with pytest.raises(UserError, match="--start and --duration are for clips"):
        open_excerpt(photo, Fraction(0), Fraction(1))
