"""HDR clips whose values are known, made here, against the formulas written once more, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from keras_vst.video import open_source
from tests.keras_vst.clips import grey_steps, write_clip

PQ, HLG, BT2020 = 16, 18, 9
WHITE = 203  # nits that a usual screen's white stands for


def pq(nits: float) -> float:
    power = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def write_hdr(path: Path, signal: Sequence[float], transfer: int) -> Path:
    """Two lossless frames of one R'G'B' signal in [0, 1], as 10-bit BT.2020."""
    red, green, blue = signal
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    values = luma, (blue - luma) / 1.8814, (red - luma) / 1.4746
    levels = [round(64 + 876 * values[0]), *(round(512 + 896 * value) for value in values[1:])]
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.width, video.height, video.pix_fmt = 32, 16, "yuv444p10le"
        context = video.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = (
            BT2020,
            BT2020,
            transfer,
            1,
        )
        for index in range(2):
            picture = av.VideoFrame(32, 16, "yuv444p10le")
            for plane, level in zip(picture.planes, levels, strict=True):
                plane.update(np.full(plane.buffer_size // 2, level, np.uint16).tobytes())
            picture.colorspace, picture.color_range, picture.color_trc, picture.color_primaries = (
                BT2020,
                1,
                transfer,
                BT2020,
            )
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    return path


def shown(path: Path) -> np.ndarray:
    with open_source(path) as source:
        frames = list(source)
        assert len(source.notes) == 1
        assert "high dynamic range" in source.notes[0]
    assert np.ptp(frames[1].pixels.reshape(-1, 3), axis=0).max() == 0
    return frames[1].pixels[0, 0].astype(int)


@pytest.mark.parametrize(
    ("nits", "level"),
    [
        (0, 0),
        (5, 255 * (5 / WHITE) ** (1 / 2.4)),  # below the knee nothing is compressed
        (20, 255 * (20 / WHITE) ** (1 / 2.4)),
        (1000, 255),  # the brightest there is
    ],
)
def test_greys_of_known_light_come_out_as_they_should(tmp_path: Path, nits: float, level: float) -> None:
    found = shown(write_hdr(tmp_path / "in.mkv", (pq(nits),) * 3, PQ))
    assert np.abs(found - level).max() <= 2


def test_brighter_is_brighter_and_nothing_is_cut_off_below_the_peak(tmp_path: Path) -> None:
    lights = (50, 100, 203, 400, 700, 1000)
    found = [shown(write_hdr(tmp_path / f"{nits}.mkv", (pq(nits),) * 3, PQ))[1] for nits in lights]
    assert all(later >= earlier for earlier, later in pairwise(found))
    assert 190 < found[2] < 240  # white paper is light, and highlights have room above it
    assert found[3] + 3 < found[-1] == 255


def test_the_primaries_of_a_usual_screen_come_back_as_themselves(tmp_path: Path) -> None:
    # 100 nits of BT.709's red in BT.2020, from ITU-R BT.2087
    red = write_hdr(tmp_path / "red.mkv", (pq(62.74), pq(6.91), pq(1.64)), PQ)
    found = shown(red)
    assert found[0] > 150
    assert found[1:].max() < 25


def test_hlg_has_its_white_at_three_quarters(tmp_path: Path) -> None:
    # BT.2408: the white of HLG is 75 %, which a display of 1000 nits shows with 203
    white = shown(write_hdr(tmp_path / "hlg.mkv", (0.75,) * 3, HLG))
    paper = shown(write_hdr(tmp_path / "pq.mkv", (pq(203),) * 3, PQ))
    assert np.abs(white - paper).max() <= 2


def test_a_usual_clip_says_nothing(tmp_path: Path) -> None:
    with open_source(write_clip(tmp_path / "in.mp4", grey_steps(2))) as source:
        assert source.notes == ()
