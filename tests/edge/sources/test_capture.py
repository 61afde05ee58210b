"""Cameras and the screen are fakes here: what is tested is what we make of their moods."""

from __future__ import annotations

import itertools
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.sources import SourceLost, capture, open_source
from keras_vst.errors import UserError

RED = (0, 0, 255)  # as OpenCV has it


class FakeCapture:
    """A camera that gives a list of pictures, then nothing."""

    def __init__(self, pictures: list[np.ndarray | None], opened: bool = True) -> None:
        self.pictures = list(pictures)
        self.opened = opened
        self.settings: dict[int, float] = {cv2.CAP_PROP_FPS: 29.97}
        self.released = False

    def isOpened(self) -> bool:
        return self.opened

    def read(self) -> tuple[bool, np.ndarray | None]:
        picture = self.pictures.pop(0) if self.pictures else None
        return picture is not None, picture

    def get(self, name: int) -> float:
        return self.settings.get(name, 0.0)

    def set(self, name: int, value: float) -> bool:
        self.settings[name] = value
        return True

    def release(self) -> None:
        self.released = True


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), RED, np.uint8)


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch):
    """Let these cameras be found, one at each attempt; the last one from then on."""
    monkeypatch.setattr(capture, "AGAIN", 0.01)

    def plug_in(*captures: FakeCapture) -> None:
        found = itertools.chain(captures, itertools.repeat(captures[-1]))
        monkeypatch.setattr(capture, "open_capture", lambda index: next(found))

    return plug_in


def test_a_camera_gives_rgb_frames_with_growing_times(plug) -> None:
    camera = FakeCapture([picture()] * 3)
    plug(camera)
    source = open_source("camera:0?size=1280x720&fps=30")
    frames = list(itertools.islice(source, 3))
    source.close()
    assert source.live
    assert (source.info.width, source.info.height) == (64, 48)
    assert float(source.info.fps or 0) == pytest.approx(30)
    assert frames[0].pixels[0, 0].tolist() == [255, 0, 0]
    assert frames[0].time == 0 < frames[1].time < frames[2].time
    assert camera.settings[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert camera.settings[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert camera.released


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_camera_that_does_not_know_its_rate_has_none(plug, rate: float) -> None:
    camera = FakeCapture([picture()])
    camera.settings[cv2.CAP_PROP_FPS] = rate
    plug(camera)
    with open_source("0") as source:
        assert source.info.fps is None


def test_a_camera_that_comes_back_goes_on_in_the_size_it_had(plug) -> None:
    first, absent = FakeCapture([picture()] * 2), FakeCapture([], opened=False)
    plug(first, absent, FakeCapture([picture(60, 90)] * 2))
    with open_source("0") as source:
        frames = list(itertools.islice(source, 4))
    assert [frame.pixels.shape for frame in frames] == [(48, 64, 3)] * 4
    assert frames[3].pixels[24, 32].tolist() == [255, 0, 0]
    assert first.released
    assert absent.released


def test_a_camera_that_stays_away_is_lost_after_a_while(plug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture.CameraSource, "patience", 0.2)
    plug(FakeCapture([picture()] * 2), FakeCapture([], opened=False))
    source = open_source("0")
    seen = []
    with pytest.raises(SourceLost, match=r"no picture came from camera 0 for 0\.2 s \(unplugged"):
        seen.extend(frame.time for frame in source)
    source.close()
    assert len(seen) == 0 or len(seen) == 2


@pytest.mark.parametrize("device", [True, False])
def test_a_camera_that_cannot_be_opened_says_why(plug, device: bool, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(capture, "DEVICES", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / ("video3" if device else "video0")).touch()
    plug(FakeCapture([], opened=False))
    expected = (
        "camera 3 is there but gives no picture: busy" if device else "there is no camera 3 .*there are: 0"
    )
    with pytest.raises(UserError, match=expected):
        open_source("camera:3")


def test_a_forbidden_camera_names_the_group(plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "DEVICES", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(capture.os, "access", lambda path, mode: False)
    (tmp_path / "video0").touch()
    plug(FakeCapture([], opened=False))
    with pytest.raises(UserError, match="add yourself to the group video"):
        open_source("0")


def test_elsewhere_the_message_is_general(plug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture.sys, "platform", "darwin")
    plug(FakeCapture([], opened=False))
    with pytest.raises(UserError, match="absent, busy or not allowed"):
        open_source("0")


def test_a_camera_has_a_number() -> None:
    with pytest.raises(UserError, match="cameras are numbered"):
        open_source("camera:front")


DESKTOP = {"left": 0, "top": 0, "width": 300, "height": 100}
LEFT = {"left": 0, "top": 0, "width": 200, "height": 100}
RIGHT = {"left": 200, "top": 0, "width": 100, "height": 80}


class ScreenShotError(Exception):
    pass


class FakeScreen:
    """mss: blue, and as wide as was asked for, plus what a screen of high density adds."""

    monitors = (DESKTOP, LEFT, RIGHT)

    def __init__(self) -> None:
        self.areas: list[dict[str, int]] = []

    def __enter__(self) -> FakeScreen:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def grab(self, area: dict[str, int]) -> np.ndarray:
        self.areas.append(area)
        return np.full((area["height"] + 1, area["width"] + 1, 4), (255, 0, 0, 255), np.uint8)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> FakeScreen:
    fake = FakeScreen()
    monkeypatch.setitem(sys.modules, "mss", types.SimpleNamespace(mss=lambda: fake))
    monkeypatch.setitem(sys.modules, "mss.exception", types.SimpleNamespace(ScreenShotError=ScreenShotError))
    return fake


def test_a_region_of_the_second_screen_is_cut_out_in_rgb(screen: FakeScreen) -> None:
    with open_source("screen:2?region=10,20,64,48&fps=100") as source:
        frames = list(itertools.islice(source, 3))
    assert source.live
    assert (source.info.width, source.info.height, source.info.fps) == (64, 48, 100)
    assert screen.areas[0] == {"left": 210, "top": 20, "width": 64, "height": 48}
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[0].pixels[0, 0].tolist() == [0, 0, 255]
    assert frames[0].time < frames[1].time < frames[2].time


def test_without_a_number_it_is_the_first_screen_whole(screen: FakeScreen) -> None:
    with open_source("screen:") as source:
        assert (source.info.width, source.info.height, source.info.fps) == (200, 100, 15)
    assert screen.areas[0] == LEFT


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("screen:3", "there is no screen 3; there are 2"),
        ("screen:left", "screens are numbered from 1"),
        ("screen:?region=1,2,3", "left,top,width,height"),
        ("screen:?region=0,0,0,9", "left,top,width,height"),
        ("screen:2?region=50,0,64,48", "leaves the screen, which is 100x80"),
    ],
)
def test_what_is_not_on_the_screen_is_told(screen: FakeScreen, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_source(name)


def test_a_screen_that_cannot_be_read_is_explained(monkeypatch: pytest.MonkeyPatch, screen) -> None:
    def refuse() -> None:
        raise ScreenShotError("no display")

    monkeypatch.setattr(sys.modules["mss"], "mss", refuse)
    with pytest.raises(UserError, match=r"the screen cannot be read \(no display\)"):
        open_source("screen:")


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (0, r"the screen cannot be read \(XGetImage failed BadMatch\); it takes X11"),
        (2, r"the screen can no longer be read \(XGetImage failed BadMatch\); see that it is on"),
    ],
)
def test_a_screen_that_goes_away_is_one_line(
    screen: FakeScreen, monkeypatch: pytest.MonkeyPatch, shown: int, message: str
) -> None:
    grab = screen.grab

    def locked(area: dict[str, int]) -> np.ndarray:
        if len(screen.areas) == shown:
            raise ScreenShotError("XGetImage failed\n  BadMatch")
        return grab(area)

    monkeypatch.setattr(screen, "grab", locked)
    frames = []
    with pytest.raises(UserError, match=message), open_source("screen:") as source:
        frames.extend(source)
    assert len(frames) == shown


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mss", None)
    with pytest.raises(
        UserError, match=r"screen: needs the package mss; run: pip install 'keras-vst\[live\]'"
    ):
        open_source("screen:")
