from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from keras_vst.errors import UserError
from keras_vst.flow import warp
from keras_vst.scene import CUT, FPS, NUM_FRAMES, Scene
from keras_vst.scene.__main__ import main
from keras_vst.scene.canvas import Canvas
from keras_vst.scene.layers import Camera, Shot, about, flow_between, layer, move
from keras_vst.scene.record import record
from keras_vst.scene.sound import RATE, soundtrack

CLIP = Path(__file__).parents[2] / "keras_vst" / "assets" / "scene.mp4"


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def small() -> Scene:
    return Scene(64, 36)


@pytest.mark.parametrize("index", [1, 45, 89, 91, 135, 179])
def test_the_previous_frame_moved_by_the_flow_is_the_frame(scene, index):
    previous, current = scene.frame(index - 1).astype(np.float32), scene.frame(index).astype(np.float32)
    flow, visible = scene.flow(index)
    seen = visible[..., 0] == 1
    error = np.abs(warp(previous, flow) - current).mean(-1)
    # Fine texture loses a little where warp samples it between pixels; away from edges that is nothing.
    plain = seen & (cv2.morphologyEx(current.mean(-1), cv2.MORPH_GRADIENT, np.ones((3, 3))) < 20)
    assert error[seen].mean() < 1.3  # of 255; measured 0.5 to 1.06
    assert error[plain].mean() < 0.5
    assert plain.mean() > 0.3
    assert np.abs(previous - current).mean() > 2 * error[seen].mean()


def test_flow_moves_what_it_says_and_not_the_other_way(scene):
    previous, current = scene.frame(44).astype(np.float32), scene.frame(45).astype(np.float32)
    flow, visible = scene.flow(45)
    right, wrong = (
        np.abs(warp(previous, way) - current)[visible[..., 0] == 1].mean() for way in (flow, -flow)
    )
    assert wrong > 5 * right


@pytest.mark.parametrize("index", [0, CUT])
def test_nothing_is_visible_before_the_first_frame_and_across_the_cut(small, index):
    flow, visible = small.flow(index)
    assert not flow.any()
    assert not visible.any()


def test_flow_has_the_contracts_shapes(small):
    flow, visible = small.flow(7)
    assert (flow.shape, flow.dtype) == ((36, 64, 2), np.float32)
    assert (visible.shape, visible.dtype) == ((36, 64, 1), np.float32)
    assert set(np.unique(visible)) == {0, 1}


@pytest.mark.parametrize("index", [0, 45, 89, 90, 135, 179])
def test_the_layers_cover_the_whole_window_at_every_moment(small, index):
    assert small.frame(index).max(-1).min() > 5  # what no layer covers is black


def test_the_same_seed_draws_the_same_film_in_any_order(small):
    again = Scene(64, 36)
    for index in (120, 3):
        np.testing.assert_array_equal(again.frame(index), small.frame(index))


def test_another_seed_draws_another_film(small):
    assert np.abs(small.frame(3).astype(float) - Scene(64, 36, 4).frame(3)).mean() > 2


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (31, 17)])
def test_any_size_is_filled(size):
    width, height = size
    frame = Scene(width, height).frame(10)
    assert frame.shape == (height, width, 3)
    assert frame.mean() > 40


def test_a_larger_film_shows_the_same_scene(scene, small):
    shrunk = cv2.resize(scene.frame(100), (64, 36), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(float) - small.frame(100)).mean() < 8


def test_the_two_shots_differ(small):
    inside = np.abs(small.frame(CUT - 1).astype(float) - small.frame(CUT - 2)).mean()
    across = np.abs(small.frame(CUT).astype(float) - small.frame(CUT - 1)).mean()
    assert across > 10 * inside


def test_a_frame_outside_the_film_is_refused(small):
    with pytest.raises(IndexError, match=r"frames 0 to 179\. Received: 180"):
        small.frame(180)
    with pytest.raises(IndexError, match="Received: -1"):
        small.flow(-1)


def test_a_film_without_pixels_is_refused():
    with pytest.raises(ValueError, match=r"Received: 0x9\. Use"):
        Scene(0, 9)


def _two_layers() -> Shot:
    """A plain ground that stands, and a red square that moves 30 units a second to the right."""
    back, square = Canvas((0, 0, 640, 360), 2), Canvas((200, 100, 100, 100), 2)
    back.cover("#204060")
    square.cover("#ff0000")
    camera = Camera(180, 1, slide=(0, 0), pan=(0, 0), zoom=(1, 1), roll=(0, 0))
    return Shot(camera, [layer(back, 180), layer(square, 180, lambda time: move(30 * time, 0))])


def test_a_moving_layer_hides_and_uncovers_what_lies_behind():
    shot = _two_layers()
    flow, visible = flow_between(shot.composite(0, 640, 360), shot.composite(0.2, 640, 360))
    np.testing.assert_allclose(flow[150, 220], [-6, 0], atol=1e-4)  # the square is now at 206 to 306
    np.testing.assert_allclose(flow[150, 100], [0, 0], atol=1e-4)
    assert visible[150, 210:302].all()
    assert not visible[110:190, 200:205].any()  # the square was here
    assert visible[150, :196].all()
    assert visible[150, 312:].all()


def test_a_turning_camera_moves_every_pixel_by_its_own_map():
    canvas = Canvas((-100, -100, 840, 560), 1)
    canvas.cover("#808080")
    shot = Shot(Camera(180, 1, slide=(0, 0), pan=(0, 0), zoom=(1, 1), roll=(0, 10)), [layer(canvas, 180)])
    flow, visible = flow_between(shot.composite(0, 640, 360), shot.composite(1, 640, 360))
    x, y = 400 + 0.5 - 320, 100 + 0.5 - 180
    back = np.radians(-10)
    was = x * np.cos(back) - y * np.sin(back), x * np.sin(back) + y * np.cos(back)
    np.testing.assert_allclose(flow[100, 400], [was[0] - x, was[1] - y], atol=1e-3)
    assert visible[100, 400] == 1
    assert visible[0, 0] == 0  # it was outside


def test_nearer_things_slide_faster_and_the_ground_agrees_with_what_stands_on_it():
    camera = Camera(100, 1, slide=(0, 50), pan=(0, 0), zoom=(1, 1), roll=(0, 0))
    near, far, ground = (camera.view(foot, 1) @ (300, 200, 1) for foot in (200, 150, None))
    np.testing.assert_allclose(near[:2], [250, 200])
    np.testing.assert_allclose(far[:2], [275, 200])
    np.testing.assert_allclose(ground, near)


def test_a_turn_leaves_its_pivot_and_goes_clockwise():
    turn = about((10, 20), 90, (2, 2))
    np.testing.assert_allclose(turn @ (10, 20, 1), (10, 20, 1))
    np.testing.assert_allclose(turn @ (11, 20, 1), (10, 22, 1), atol=1e-12)


def test_a_half_covered_texel_mixes_its_colours():
    canvas = Canvas((0, 0, 40, 40), 1)
    canvas.cover("#000000")
    canvas.box(0, 0, 20.5, 40, "#ff8000")
    assert canvas.colour[20, 20, 0] == pytest.approx(127.5, abs=64)  # masks know quarters of a texel
    np.testing.assert_array_equal(canvas.texture()[20, 5], (255, 128, 0, 255))


def test_the_soundtrack_is_heard_and_ends_in_silence():
    sound = soundtrack(6)
    assert (sound.shape, sound.dtype) == ((6 * RATE, 2), np.float32)
    assert np.abs(sound).max() < 1
    loudness = np.sqrt(np.mean(sound.reshape(6, RATE, 2) ** 2, axis=(1, 2)))
    assert (loudness > 0.01).all()
    assert np.abs(sound[-10:]).max() < 1e-3
    assert np.abs(sound[:, 0] - sound[:, 1]).max() > 0.01


def test_the_bundled_clip_is_this_film(scene):
    assert CLIP.stat().st_size <= 1_000_000
    with av.open(str(CLIP)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (640, 360, FPS)
        assert audio.rate == RATE
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
    assert len(frames) == NUM_FRAMES == 2 * CUT == 6 * FPS
    for index in (0, 45, CUT - 1, CUT, 179):
        error = np.mean((frames[index].astype(float) - scene.frame(index)) ** 2)
        assert 10 * np.log10(255**2 / error) > 28


def test_the_bundled_clip_is_heard():
    with av.open(str(CLIP)) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert sound.shape[1] / RATE == pytest.approx(6, abs=0.1)
    assert np.sqrt(np.mean(sound**2)) > 0.01


def test_the_command_writes_a_clip(tmp_path, capsys):
    path = tmp_path / "new" / "film.mp4"
    assert main(["--out", str(path), "--size", "64x36", "--crf", "40"]) == 0
    assert "180 frames, 64x36" in capsys.readouterr().out
    assert [entry.name for entry in path.parent.iterdir()] == ["film.mp4"]
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == NUM_FRAMES
        sound = [frame.samples for frame in container.decode(audio=0)]
    assert sum(sound) >= 6 * RATE


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "film.avi"], "written as MP4. Received: 'film.avi'"),
        (["--out", "film.mp4", "--size", "63x36"], "even width and height. Received: 63x36"),
        (["--out", "film.mp4", "--size", "big"], "--size takes WIDTHxHEIGHT in pixels. Received: 'big'"),
        (["--out", "film.mp4", "--crf", "70"], "from 0 (best) to 51. Received: 70"),
    ],
)
def test_a_users_mistake_is_one_line(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"Cannot write .*Choose another place"):
        record(tmp_path / "file" / "film.mp4", Scene(64, 36))


def test_the_help_teaches():
    called = subprocess.run(
        [sys.executable, "-m", "keras_vst.scene", "--help"], capture_output=True, text=True, check=True
    )
    assert "examples:" in called.stdout
    assert "--crf" in called.stdout


def test_drawing_needs_no_tensorflow():
    code = (
        "import sys, keras_vst.scene, keras_vst.flow; print({'tensorflow', 'keras', 'av'} & set(sys.modules))"
    )
    called = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert called.stdout.strip() == "set()"
