from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from edge.film import FilmStylizer
from edge.timeline import Timeline

from edge import film as module
from keras_vst.video import open_source
from tests.conftest import draw_picture, write_picture
from tests.keras_vst.clips import write_clip
from tests.keras_vst.networks.networks import film_network, write_style

WIDE = draw_picture(21, 96, 220)
SHIFT = 4


def panned(index: int, height: int = 96, width: int = 128) -> np.ndarray:
    """A camera that looks further right with every frame."""
    return np.ascontiguousarray(WIDE[:height, SHIFT * index :][:, :width])


def stylizer_that_was_shown(film, *frames: np.ndarray, **settings) -> tuple[FilmStylizer, np.ndarray]:
    stylizer = FilmStylizer(film, **settings)
    for frame in frames:
        painted = stylizer.stylize(frame)
    return stylizer, painted


def brightened(frame: np.ndarray, by: int = 20) -> np.ndarray:
    """Another light on the same things: whoever paints afresh shows it, whoever carries paint along does not."""
    return np.clip(frame.astype(int) + by, 0, 255).astype(np.uint8)


def test_the_first_frame_and_every_picture_start_with_nothing(film):
    for size in ((96, 128), (45, 61), (1, 1)):
        frame = draw_picture(2, 96, 128)[: size[0], : size[1]]
        painted = FilmStylizer(film).stylize(frame)
        assert painted.shape == frame.shape
        assert np.abs(painted - frame / 2.0).max() <= 0.5


def test_paint_is_carried_along_by_the_flow(film):
    """What was painted moves by as much as the frames do, though they have become lighter meanwhile."""
    _, painted = stylizer_that_was_shown(film, panned(0), brightened(panned(1)))
    kept = panned(1) / 2.0
    fresh = brightened(panned(1)) / 2.0
    inner = painted[12:-12, 12 : -12 - SHIFT].astype(float)
    carried = np.abs(inner - kept[12:-12, 12 : -12 - SHIFT]).max(-1) < np.abs(
        inner - fresh[12:-12, 12 : -12 - SHIFT]
    ).max(-1)
    assert carried.mean() > 0.8
    assert np.abs(inner - kept[12:-12, 12 : -12 - SHIFT])[carried].mean() < 4


def test_what_comes_into_the_picture_is_painted_afresh(film):
    _, painted = stylizer_that_was_shown(film, panned(0), panned(1), brightened(panned(2)))
    fresh = brightened(panned(2)) / 2.0
    assert np.abs(painted[8:-8, -SHIFT + 1 :] - fresh[8:-8, -SHIFT + 1 :]).mean() < 2


def test_a_cut_starts_anew(film):
    dark, light = draw_picture(3, 96, 128) // 3, 255 - draw_picture(4, 96, 128) // 3
    _, painted = stylizer_that_was_shown(film, dark, dark, light)
    assert np.abs(painted - light / 2.0).max() <= 0.5


def test_reset_and_another_size_start_anew(film):
    stylizer, _ = stylizer_that_was_shown(film, panned(0))
    stylizer.reset()
    lighter = brightened(panned(0))
    assert np.abs(stylizer.stylize(lighter) - lighter / 2.0).max() <= 0.5
    narrow = np.ascontiguousarray(panned(0)[:50, :70])
    assert np.abs(stylizer.stylize(narrow) - narrow / 2.0).max() <= 0.5


def test_the_border_is_never_carried_along(film):
    stylizer, _ = stylizer_that_was_shown(film, *[panned(0)] * 2)
    lighter = brightened(panned(0), 8)
    stylizer.stylize(lighter)
    assert stylizer._past is not None
    border = stylizer._past.painting[0, :8, 8:-8]
    np.testing.assert_allclose(border, np.broadcast_to(lighter[0] / 510.0, border.shape), atol=1e-5)


def test_flow_is_computed_once_each_way_a_frame(film, monkeypatch):
    calls = []
    estimate = module.estimate
    monkeypatch.setattr(module, "estimate", lambda *frames: calls.append(frames) or estimate(*frames))
    timeline = Timeline()
    stylizer_that_was_shown(film, panned(0), panned(1), panned(2), timeline=timeline)
    assert len(calls) == 4
    for (previous, current), (there, back) in zip(calls[::2], calls[1::2], strict=True):
        assert previous is back
        assert current is there
    assert list(timeline.milliseconds()) == ["fit", "flow", "network", "unfit"]


def test_weaker_paintings_are_mixed_in_afterwards_and_do_not_fade(film):
    """At half strength the third frame is still half the frame and half the painting."""
    still = panned(0)
    stylizer = FilmStylizer(film)
    for _ in range(3):
        painted = stylizer.stylize(still, 0.5)
    assert np.abs(painted - (0.5 * still + 0.25 * still)).max() <= 1
    np.testing.assert_array_equal(stylizer.stylize(still, 0.0), still)


def test_only_huge_frames_are_painted_smaller(film):
    stylizer = FilmStylizer(film)
    assert stylizer.size_for((720, 1280)) is None
    height, width = stylizer.size_for((2160, 3840)) or (0, 0)
    assert height * width == pytest.approx(1280 * 720, rel=0.05)
    assert FilmStylizer(film, native=True).size_for((2160, 3840)) is None


def test_noise_is_one_map_a_seed_and_none_by_default(tmp_path):
    network = film_network(tmp_path / "noisy.tflite", noise_channels=2)
    frame = panned(0)

    def painted(seed: int | None) -> np.ndarray:
        return FilmStylizer(network, noise=seed).stylize(frame).astype(int)

    assert np.abs(painted(None) - frame / 2.0).max() <= 0.5
    np.testing.assert_array_equal(painted(7), painted(7))
    assert np.abs(painted(7) - painted(None)).max() > 5
    assert np.abs(painted(7) - painted(8)).max() > 5


def test_the_command_paints_a_clip_frame_after_frame(vst, film, tmp_path):
    frames = [panned(0), *(brightened(panned(index)) for index in range(1, 5))]
    clip = write_clip(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    target = tmp_path / "out.mkv"
    options = ("--quality", "film", "--model", film, "--codec", "ffv1", "--json", "--stats")
    status, out, err = vst("stylize", clip, "-o", target, *options)
    assert (status, json.loads(out)["frames"]) == (0, 5)
    assert "flow" in err
    with open_source(target) as source:
        painted = [frame.pixels for frame in source]
    _, expected = stylizer_that_was_shown(film, *frames)
    assert np.abs(painted[-1].astype(int) - expected).max() <= 2  # ffv1 keeps bytes, through YUV


def test_the_command_paints_a_picture(vst, film, tmp_path):
    photo = write_picture(tmp_path / "in.png", 5)
    assert vst("stylize", photo, "-o", tmp_path / "out.png", "--quality", "film", "--model", film)[0] == 0
    painted = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert np.abs(painted - draw_picture(5) / 2.0).max() <= 0.5


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ("film", (), "is of film quality; use it with `vst stylize --quality film`"),
        ("negative", ("--quality", "film"), "is a live network, which knows nothing of optical flow"),
        ("film", ("--quality", "film", "--noise", "3"), "takes no noise"),
        ("negative", ("--noise", "3"), "takes no noise"),
    ],
)
def test_a_network_of_the_other_kind_is_refused(vst, request, tmp_path, network, options, message):
    photo, model = write_picture(tmp_path / "in.png", 5), request.getfixturevalue(network)
    status, out, err = vst("stylize", photo, "-o", tmp_path / "out.png", "--model", model, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "out.png").exists()


def test_a_film_network_of_the_zoo_is_named_with_its_quality(vst, bundled, film, tmp_path):
    write_style(bundled, "opus", film, quality="film", architecture="teacher")
    photo, target = write_picture(tmp_path / "in.png", 5), tmp_path / "out.png"
    _, out, _ = vst("stylize", photo, "-o", target, "--style", "opus", "--quality", "film")
    assert "network opus," in out
    for style, quality in (("opus", "live"), ("dark", "film")):
        _, _, err = vst("stylize", photo, "-o", target, "--style", style, "--quality", quality)
        assert (
            f"{style} is of {'film' if quality == 'live' else 'live'} quality; use it with --quality" in err
        )
    assert "opus   Opus, Nobody, 1900 (--quality film)\n" in vst("styles")[1]
    assert vst("styles", "--sheet", photo, "-o", target)[1].startswith("3 styles")
