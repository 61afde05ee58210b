"""A clip painted in pieces is the clip: the same frames at the same times, with the same sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.video import Excerpt, decoding, open_sink, open_source, probe
from keras_vst.video.encoding import tick_of
from keras_vst.video.pieces import CannotCut, PieceSource, clean_cuts, cut_times, join
from tests.conftest import draw_picture, write_picture
from tests.keras_vst.clips import RATE, grey_steps, names, numbers, sound_packets, write_clip

FRAMES = 30
OPEN = "keyint=8:min-keyint=8:scenecut=0:bframes=3:open-gop=1"
PICTURE = draw_picture(7, 48, 64 + FRAMES)
MOVING = [np.ascontiguousarray(PICTURE[:, k : k + 64]) for k in range(FRAMES)]
UNEVEN = [40 * k + (300 if k > 11 else 0) + 7 * (k % 3) for k in range(FRAMES)]  # a pause, and never evenly


@pytest.fixture
def clip(tmp_path: Path):
    """Write a moving picture of `FRAMES` frames, 25 a second unless `ticks` says otherwise."""

    def write(name: str, **how) -> Path:
        return write_clip(tmp_path / name, MOVING, **how)

    return write


def everything(path: Path) -> list[tuple[Fraction, bytes]]:
    with open_source(path) as source:
        return [(frame.time, frame.pixels.tobytes()) for frame in source]


def in_pieces(path: Path, target: Path, apart: Fraction = Fraction(1, 4), **encoder) -> list[Fraction]:
    """Copy a clip piece by piece; returns where it was cut."""
    cuts, info = cut_times(path, apart), probe(path)
    pieces = []
    for start, end in zip([Fraction(0), *cuts], [*cuts, None], strict=True):
        pieces.append(target.with_name(f"{len(pieces)}{target.suffix}"))
        with (
            PieceSource(str(path), start, end, (info.width, info.height)) as source,
            open_sink(pieces[-1], source.info, **encoder) as sink,
        ):
            for frame in source:
                sink.write(frame)
    sound = Excerpt(str(path)) if info.has_audio else None
    assert join(pieces, target, sound, tick_of(target.suffix, info)) == (0, ())
    return cuts


def copied(path: Path, target: Path, **encoder) -> Path:
    with open_source(path) as source, open_sink(target, source.info, sound=path, **encoder) as sink:
        for frame in source:
            sink.write(frame)
    return target


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("closed.mp4", {"options": {"g": "8", "bf": "2"}, "sound": "aac"}),
        ("open.mp4", {"options": {"x264-params": OPEN}}),
        ("open.mkv", {"codec": "libx265", "options": {"x265-params": f"{OPEN}:log-level=none"}}),
        ("old.mkv", {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}}),
        ("plain.webm", {"codec": "libvpx-vp9", "options": {"g": "8", "deadline": "realtime"}}),
        ("uneven.mkv", {"options": {"g": "8"}, "ticks": UNEVEN, "tick": Fraction(1, 1000)}),
    ],
)
def test_frames_are_the_same_bit_by_bit(clip, tmp_path, name, how):
    path = clip(name, **how)
    cuts = in_pieces(path, tmp_path / "joined.mkv", codec="ffv1")
    assert len(cuts) >= 1
    assert everything(tmp_path / "joined.mkv") == everything(
        copied(path, tmp_path / "whole.mkv", codec="ffv1")
    )


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("ticks", [None, UNEVEN])
def test_times_sound_and_all_that_is_told_stay(clip, tmp_path, extension, ticks):
    tick = Fraction(1, 25) if ticks is None else Fraction(1, 1000)
    path = clip("in.mp4", options={"g": "8", "bf": "2"}, sound="aac", ticks=ticks, tick=tick)
    joined, whole = tmp_path / f"joined{extension}", tmp_path / f"whole{extension}"
    assert in_pieces(path, joined)
    copied(path, whole)
    assert [time for time, _ in everything(joined)] == [time for time, _ in everything(whole)]
    assert sound_packets(joined) == sound_packets(whole)
    told, wanted = probe(joined), probe(whole)
    for what in ("width", "height", "fps", "frames", "has_audio", "time_base", "pixel_aspect"):
        assert getattr(told, what) == getattr(wanted, what), what
    assert told.duration == pytest.approx(wanted.duration, abs=1 / 25)  # how long the last frame is shown
    with av.open(str(joined)) as ours, av.open(str(whole)) as theirs:
        colours = [
            (each.codec_context.colorspace, each.codec_context.color_range)
            for each in (ours.streams.video[0], theirs.streams.video[0])
        ]
    assert colours[0] == colours[1]


def test_cuts_are_as_far_apart_as_asked_and_leave_no_crumbs(clip):
    path = clip("in.mp4", options={"g": "4", "bf": "0", "sc_threshold": "0"})
    assert cut_times(path, Fraction(8, 25)) == [
        Fraction(8, 25),
        Fraction(16, 25),
    ]  # 24 is too near to the end
    assert cut_times(path, Fraction(20)) == []


def test_a_clock_that_may_leap_is_not_cut(clip):
    assert cut_times(clip("in.ts", options={"g": "4"}), Fraction(1, 10)) == []


@pytest.mark.parametrize(
    ("times", "keys", "cuts"),
    [
        ([0, 1, 2, 3], "K.K.", [0, 2]),
        ([0, 2, 1, 4, 3, 6, 5], "K..K...", [0, 4]),  # 3 leads 4: it is shown before, and belongs there
        ([0, 1, 2, 0, 1, 2, 3], "K.KK...", []),  # back to the start: a piece would miss one of the 2
        ([0, 1, 2, 1, 3, 4], "K...K.", [0, 3]),
        ([0, 1, 1, 2], "K.K.", [0]),  # two frames of one time cannot be parted by it
        ([0, 2, 3, 1, 4], "KK...", [0]),  # 1 comes too late to lead 2
    ],
)
def test_a_cut_parts_what_is_before_from_what_is_after(times, keys, cuts):
    assert list(clean_cuts(times, [key == "K" for key in keys])) == cuts


def test_a_picture_that_comes_back_bit_by_bit_shows_when_it_is_cut(clip):
    """x264 calls the beginning of a refresh a keyframe, and a decoder shows nothing before its end."""
    path = clip("refresh.mp4", options={"x264-params": "intra-refresh=1:keyint=8:bframes=0"})
    start = cut_times(path, Fraction(1, 4))[0]
    with pytest.raises(CannotCut), PieceSource(str(path), start, None, (64, 48)) as source:
        list(source)
    with pytest.raises(CannotCut):
        PieceSource(str(path), start, None, (128, 96))


def test_a_piece_without_a_frame_shows_when_it_is_painted(clip):
    path = clip("in.mp4", options={"g": "8"})
    with pytest.raises(CannotCut), PieceSource(str(path), Fraction(60), None, (64, 48)) as source:
        list(source)


def test_pieces_of_two_encoders_are_not_joined_and_nothing_is_left(clip, tmp_path):
    pieces = [clip("a.mp4"), clip("b.mp4", pixel_format="yuv444p")]
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(UserError, match=r"b\.mp4 was encoded in another way"):
        join(pieces, folder / "joined.mp4", None, Fraction(1, 25))
    assert names(folder) == []


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
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
def test_a_part_has_just_its_frames_and_their_times_start_at_0(keyed: Path, start: int, duration, expected):
    until = None if duration is None else Fraction(duration, RATE)
    with open_source(keyed, start=Fraction(start, RATE), duration=until) as source:
        frames = list(source)
    assert numbers([frame.pixels for frame in frames]) == list(expected)
    assert [frame.time for frame in frames] == [Fraction(k, RATE) for k in range(len(expected))]
    assert source.info.frames == len(expected)


def test_a_moment_between_two_frames_begins_with_the_later(keyed: Path):
    with open_source(keyed, start=Fraction(3, 100)) as source:
        first = next(iter(source))
    assert (numbers([first.pixels]), first.time) == ([1], Fraction(1, 100))


def test_what_is_before_the_last_keyframe_is_not_decoded(keyed: Path):
    with decoding.ClipSource(str(keyed), start=Fraction(19, RATE)) as source:
        assert [frame.time for frame in source] == [Fraction(18, RATE), Fraction(19, RATE)]


def test_a_folder_of_pictures_is_cut_too(tmp_path: Path):
    for seed in range(4):
        write_picture(tmp_path / f"{seed}.png", seed)
    with open_source(tmp_path, start=Fraction(1, 25), duration=Fraction(2, 25)) as source:
        assert [frame.time for frame in source] == [0, Fraction(1, 25)]


def test_a_part_that_cannot_be_is_told(keyed: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"c\.ts shows nothing from --start 50 on; begin earlier"):
        open_source(write_clip(tmp_path / "c.ts", grey_steps(5)), start=Fraction(50))
    with pytest.raises(UserError, match=r"lasts 0.8 s, but --start asks for second 2"):
        open_source(keyed, start=Fraction(2))
    with pytest.raises(UserError, match="--start and --duration are for clips"):
        open_source(write_picture(tmp_path / "photo.png", 1), duration=Fraction(1))


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.ts"])
def test_within_the_last_frame_it_is_the_one_that_is_seen(tmp_path: Path, name: str):
    path = write_clip(tmp_path / name, grey_steps(10), tick=Fraction(1, 10))  # the last one begins at 0.9 s
    with open_source(path, start=Fraction(93, 100)) as source:
        (frame,) = source
    assert (numbers([frame.pixels]), frame.time, source.info.frames) == ([9], 0, 1)


def test_a_part_shorter_than_a_frame_shows_the_one_that_is_seen(keyed: Path):
    with open_source(keyed, start=Fraction(3, 100), duration=Fraction(1, 200)) as source:
        assert numbers([frame.pixels for frame in source]) == [0]
