from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from edge.painter import FilmPainter, Look, Painter
from keras_vst.errors import UserError
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame, open_source
from tests.conftest import draw_picture, write_picture
from tests.edge.conftest import NETWORKS
from tests.edge.live_fakes import FakeNetwork, frame
from tests.keras_vst.clips import write_clip
from tests.keras_vst.networks.networks import write_style

RNG = np.random.default_rng(1)


def random_frame(height: int = 48, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def paint(painter: Painter, pixels: np.ndarray) -> np.ndarray:
    return painter.repaint(TimedFrame(pixels, frame(0).time)).after.pixels


@pytest.mark.parametrize("size", [(48, 64), (45, 61), (1, 1), (360, 9)])
def test_the_painting_turns_every_level_into_its_negative(negative, size):
    pixels = random_frame(*size)
    np.testing.assert_array_equal(paint(Painter(open_network(negative)), pixels), 255 - pixels)


def test_a_frame_keeps_its_time_and_every_stage_is_measured_once():
    painter = Painter(FakeNetwork())
    painted = painter.repaint(frame(3, level=10))
    assert painted.after.time == frame(3).time
    assert (painted.before.pixels == 10).all()
    assert list(painter.timeline.milliseconds()) == ["fit", "network", "unfit"]


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_lays_that_much_of_the_painting_over_every_pixel_of_the_frame(strength):
    pixels = random_frame(120, 160)
    full = paint(Painter(FakeNetwork(), size=(64, 80)), pixels).astype(float)
    part = paint(Painter(FakeNetwork(), size=(64, 80), look=Look(strength=strength)), pixels)
    assert np.abs(part - ((1 - strength) * pixels + strength * full)).max() <= (strength not in (0, 1))


def test_every_frame_stands_alone(negative):
    """Whatever came before, of whatever size, a frame is painted the same."""
    network, pixels = open_network(negative), random_frame()
    used = Painter(network)
    for size in ((48, 64), (64, 48), (48, 64)):
        paint(used, random_frame(*size))
    np.testing.assert_array_equal(paint(used, pixels), paint(Painter(network), pixels))


def test_the_working_size_may_change_from_frame_to_frame():
    painter, pixels = Painter(FakeNetwork(), size=(120, 160)), draw_picture(5, 120, 160)
    for size in ((96, 128), (144, 184)):
        painter.resize(size)
        assert paint(painter, pixels).shape == pixels.shape
        assert painter.fitted == size


def test_a_fixed_network_takes_frames_of_any_size_and_works_at_no_other(fixed):
    network = open_network(fixed)
    painter = Painter(network)
    assert painter.size == Painter(network, size=(64, 96)).size == (64, 96)
    assert (paint(painter, np.full((100, 100, 3), 200, np.uint8)) == 55).all()
    with pytest.raises(UserError, match="works at 96x64 only, not at 128x128"):
        painter.resize((128, 128))


def test_a_size_inside_the_margin_is_refused():
    with pytest.raises(UserError, match="40x16 leaves nothing inside a margin of 8"):
        Painter(FakeNetwork(), size=(16, 40))


def test_large_frames_are_painted_small_and_native_paints_every_pixel():
    pixels = draw_picture(6, 720, 1280)
    small, native = Painter(FakeNetwork()), Painter(FakeNetwork(), native=True)
    painted = paint(small, pixels)
    assert small.fitted == (288, 496)
    np.testing.assert_array_equal(paint(native, pixels), 255 - pixels)
    assert native.fitted == (736, 1296)
    # The negative of the frame, edges and all, from a seventh of its pixels.
    assert np.abs(painted.astype(int) - (255 - pixels)).mean() < 1.5
    assert small.size_for((540, 960)) is None


def test_colours_and_detail_are_the_frames_when_asked_for():
    pixels = 64 + draw_picture(1, 48, 64) // 2
    painter = Painter(FakeNetwork(), look=Look(keep_color=True, detail=0.5))
    reds = []
    for each in (pixels, 255 - pixels, paint(painter, pixels)):
        reds.append((each[..., 0].astype(int) - each[..., 1]).ravel())
    assert reds[1] @ reds[0] < 0 < reds[2] @ reds[0]
    assert "finish" in painter.timeline.milliseconds()


def test_the_overlay_says_what_paints_and_what_each_stage_takes():
    painter = Painter(FakeNetwork(), name="dark:0.6,light:0.4")
    paint(painter, random_frame())
    name, more, *stages = painter.hud_lines("fps 30")
    assert (name, more, [line.split()[0] for line in stages]) == (
        "dark:0.6,light:0.4", "fps 30", ["fit", "network", "unfit"],
    )  # fmt: skip


WIDE = draw_picture(21, 96, 220)
SHIFT = 4


def panned(index: int, height: int = 96, width: int = 128) -> np.ndarray:
    """A camera that looks further right with every frame."""
    return np.ascontiguousarray(WIDE[:height, SHIFT * index :][:, :width])


@pytest.fixture(scope="module")
def network():
    return open_network(NETWORKS / "film.tflite")


def painter_that_was_shown(network, *frames: np.ndarray) -> tuple[FilmPainter, np.ndarray]:
    painter = FilmPainter(network)
    for pixels in frames:
        painted = paint(painter, pixels)
    return painter, painted


def brightened(frame: np.ndarray, by: int = 20) -> np.ndarray:
    """Another light on the same things: whoever paints afresh shows it, whoever carries paint along does not."""
    return np.clip(frame.astype(int) + by, 0, 255).astype(np.uint8)


def test_the_first_frame_and_every_picture_start_with_nothing(network):
    for size in ((96, 128), (45, 61), (1, 1)):
        frame = draw_picture(2, 96, 128)[: size[0], : size[1]]
        painted = paint(FilmPainter(network), frame)
        assert painted.shape == frame.shape
        assert np.abs(painted - frame / 2.0).max() <= 0.5


def test_a_cut_a_reset_and_another_size_start_anew(network):
    dark, light = draw_picture(3, 96, 128) // 3, 255 - draw_picture(4, 96, 128) // 3
    painter, painted = painter_that_was_shown(network, dark, dark, light)
    assert list(painter.timeline.milliseconds()) == ["fit", "flow", "network", "unfit"]
    assert np.abs(painted - light / 2.0).max() <= 0.5
    painter.reset()
    assert np.abs(paint(painter, brightened(light)) - brightened(light) / 2.0).max() <= 0.5
    narrow = np.ascontiguousarray(panned(0)[:50, :70])
    assert np.abs(paint(painter, narrow) - narrow / 2.0).max() <= 0.5


def test_weaker_paintings_are_mixed_in_afterwards_and_do_not_fade(network):
    """At half strength the third frame is still half the frame and half the painting."""
    still, painter = panned(0), FilmPainter(network, look=Look(strength=0.5))
    for _ in range(3):
        painted = paint(painter, still)
    assert np.abs(painted - (0.5 * still + 0.25 * still)).max() <= 1


def test_only_huge_frames_are_painted_smaller(network):
    painter = FilmPainter(network)
    assert painter.size_for((720, 1280)) is None
    height, width = painter.size_for((2160, 3840)) or (0, 0)
    assert height * width == pytest.approx(1280 * 720, rel=0.05)
    assert FilmPainter(network, native=True).size_for((2160, 3840)) is None


def test_noise_is_one_map_a_seed_and_none_by_default():
    noisy, frame = open_network(NETWORKS / "noisy.tflite"), panned(0)

    def painted(seed: int | None) -> np.ndarray:
        return paint(FilmPainter(noisy, noise=seed), frame).astype(int)

    assert np.abs(painted(None) - frame / 2.0).max() <= 0.5
    np.testing.assert_array_equal(painted(7), painted(7))
    assert np.abs(painted(7) - painted(None)).max() > 5
    assert np.abs(painted(7) - painted(8)).max() > 5


def test_the_command_paints_a_clip_frame_after_frame(vst, film, network, tmp_path):
    frames = [panned(0), *(brightened(panned(index)) for index in range(1, 5))]
    clip = write_clip(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    target = tmp_path / "out.mkv"
    options = ("--quality", "film", "--model", film, "--codec", "ffv1", "--json", "--stats")
    status, out, err = vst("stylize", clip, "-o", target, *options)
    assert (status, json.loads(out)["frames"]) == (0, 5)
    assert "flow" in err
    with open_source(target) as source:
        painted = [frame.pixels for frame in source]
    _, expected = painter_that_was_shown(network, *frames)
    assert np.abs(painted[-1].astype(int) - expected).max() <= 2  # ffv1 keeps bytes, through YUV


def test_the_command_paints_a_picture(vst, film, tmp_path):
    photo = write_picture(tmp_path / "in.png", 5)
    assert vst("stylize", photo, "-o", tmp_path / "out.png", "--quality", "film", "--model", film)[0] == 0
    painted = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert np.abs(painted - draw_picture(5) / 2.0).max() <= 0.5


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("film", (), "is of film quality; use it with `vst stylize --quality film`"),
        ("negative", ("--quality", "film"), "is a live network, which knows nothing of optical flow"),
        ("film", ("--quality", "film", "--noise", "3"), "takes no noise"),
        ("negative", ("--noise", "3"), "takes no noise"),
    ],
)
def test_a_network_of_the_other_kind_is_refused(vst, tmp_path, model, options, message):
    photo, model = write_picture(tmp_path / "in.png", 5), NETWORKS / f"{model}.tflite"
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
