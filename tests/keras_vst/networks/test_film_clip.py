"""How a film is painted over its last painting, by a network whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from keras_vst import flow as module
from keras_vst.flow import warp
from keras_vst.frames import fit, to_float, to_uint8
from keras_vst.networks.film_clip import Film
from tests.conftest import draw_picture

WIDE = draw_picture(21, 96, 220)
SHIFT, MARGIN = 4, 8


class Keeping:
    """Keeps what was painted where it is visible, and paints half the frame elsewhere; notes what it was given."""

    def __init__(self, noise: int = 0):
        self.map_channels, self.given = {"warped": 3, "visible": 1, **({"noise": noise} if noise else {})}, []

    def paint_film(self, frame, maps):
        self.given.append(maps)
        seen = maps.get("visible", np.float32(0))
        return seen * maps.get("warped", np.float32(0)) + (1 - seen) * 0.5 * to_float(frame)[None]


def panned(index: int) -> np.ndarray:
    """A camera that looks further right with every frame."""
    return np.ascontiguousarray(WIDE[:, SHIFT * index :][:, :128])


def brightened(frame: np.ndarray, by: int = 20) -> np.ndarray:
    """Another light on the same things: whoever paints afresh shows it, whoever carries paint along does not."""
    return np.clip(frame.astype(int) + by, 0, 255).astype(np.uint8)


def painted(*frames: np.ndarray, network=None, **settings) -> list[np.ndarray]:
    """A film of these frames, uint8 without the border."""
    fitted = [fit(frame, margin=MARGIN) for frame in frames]
    film = Film(network or Keeping(), fitted[0][1], **settings)
    height, width = frames[0].shape[:2]
    inside = slice(MARGIN, MARGIN + height), slice(MARGIN, MARGIN + width)
    return [film.paint(frame)[inside] for frame, _ in fitted]


def test_paint_is_carried_along_by_the_flow():
    """What was painted moves by as much as the frames do, though they have become lighter meanwhile."""
    last = painted(panned(0), brightened(panned(1)))[-1]
    inside = slice(12, -12), slice(12, -12 - SHIFT)
    from_kept = np.abs(last[inside] - panned(1)[inside] / 2.0).max(-1)
    carried = from_kept < np.abs(last[inside] - brightened(panned(1))[inside] / 2.0).max(-1)
    assert carried.mean() > 0.8
    assert from_kept[carried].mean() < 4


def test_what_comes_into_the_picture_is_painted_afresh():
    last, fresh = (painted(panned(0), panned(1), brightened(panned(2)))[-1], brightened(panned(2)) / 2.0)
    assert np.abs(last[8:-8, -SHIFT + 1 :] - fresh[8:-8, -SHIFT + 1 :]).mean() < 2


def test_a_cut_starts_anew():
    dark, light = draw_picture(3, 96, 128) // 3, 255 - draw_picture(4, 96, 128) // 3
    assert np.abs(painted(dark, dark, light)[-1] - light / 2.0).max() <= 0.5


def test_a_known_motion_is_used_instead_of_an_estimated_one(monkeypatch):
    monkeypatch.delattr(module, "estimate")
    flow = np.full((96, 128, 2), (SHIFT, 0), np.float32)
    visible = np.ones((96, 128, 1), np.float32)
    visible[:, -SHIFT:] = 0
    network, asked = Keeping(), []

    def motion(time: int):
        asked.append(time)
        return flow, visible

    frames = [panned(index) for index in range(3)]
    first, second, _ = painted(*frames, network=network, motion=motion)
    assert (asked, network.given[0]) == ([1, 2], {})
    inside = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    np.testing.assert_array_equal(network.given[1]["visible"][0][inside], visible)
    moved = to_uint8(warp(to_float(first), flow))
    assert np.abs(second.astype(int) - moved)[:, :-SHIFT].max() <= 1


def test_the_border_is_never_carried_along():
    network = Keeping()
    painted(*[panned(0)] * 3, network=network)
    for maps in network.given[1:]:
        assert maps["visible"][0, MARGIN:-MARGIN, MARGIN:-MARGIN].mean() > 0.9
        assert maps["visible"].sum() == maps["visible"][0, MARGIN:-MARGIN, MARGIN:-MARGIN].sum()


def test_flow_is_computed_once_each_way_a_frame(monkeypatch):
    calls, estimate = [], module.estimate
    monkeypatch.setattr(module, "estimate", lambda *frames: calls.append(frames) or estimate(*frames))
    painted(panned(0), panned(1), panned(2))
    assert len(calls) == 4
    for (previous, current), (there, back) in zip(calls[::2], calls[1::2], strict=True):
        assert previous is back
        assert current is there


def test_noise_is_one_map_for_all_frames_of_a_seed():
    networks = [Keeping(noise=2) for _ in range(3)]
    for seed, network in zip((7, 7, 8), networks, strict=True):
        painted(panned(0), panned(1), network=network, noise=seed)
    first, again, other = ([maps["noise"] for maps in network.given] for network in networks)
    assert first[0].shape == (1, 112, 144, 2)
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(first[0], again[0])
    assert np.abs(first[0] - other[0]).max() > 0.5


@pytest.mark.parametrize("motion", [None, lambda time: pytest.fail("a live network needs no motion")])
def test_a_live_network_paints_each_frame_by_itself(motion, monkeypatch):
    monkeypatch.delattr(module, "estimate")
    network = Keeping()
    network.map_channels = {}
    painted(panned(0), panned(1), network=network, motion=motion)
    assert network.given == [{}, {}]
