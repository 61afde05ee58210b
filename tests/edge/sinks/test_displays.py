"""Windows and virtual cameras; both are fakes."""

from __future__ import annotations

import subprocess
import sys
import types
from fractions import Fraction

import cv2
import numpy as np
import pytest

from edge.sinks import displays, open_sink
from keras_vst.errors import UserError
from tests.edge.sinks.peers import INFO, feed, frames


class Screen:
    """OpenCV's windows, pressing keys from a list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, keys: list[int], closed_after: int = 99) -> None:
        self.shown: list[np.ndarray] = []
        self.gone = False
        monkeypatch.setattr(displays, "check_windows", lambda: None)
        monkeypatch.setattr(cv2, "namedWindow", lambda *arguments: None, raising=False)
        monkeypatch.setattr(cv2, "resizeWindow", lambda *arguments: None, raising=False)
        monkeypatch.setattr(cv2, "imshow", lambda title, picture: self.shown.append(picture), raising=False)
        monkeypatch.setattr(cv2, "waitKeyEx", lambda wait: keys.pop(0) if keys else -1, raising=False)
        monkeypatch.setattr(
            cv2, "getWindowProperty", lambda *arguments: float(len(self.shown) < closed_after), raising=False
        )
        monkeypatch.setattr(cv2, "destroyAllWindows", self._destroy, raising=False)

    def _destroy(self) -> None:
        self.gone = True


def test_a_window_shows_frames_and_hands_keys_on(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, [ord("n"), -1, 65363, ord(" ")])
    keys: list[str] = []
    sink = open_sink("window:", INFO, on_key=keys.append)
    red = type(frames(1)[0])(np.full((48, 64, 3), (255, 0, 0), np.uint8), Fraction(0))
    for _ in range(4):
        sink.write(red)
    assert keys == ["n", "right", "space"]
    assert screen.shown[0][0, 0].tolist() == [0, 0, 255]
    assert not sink.closed_by_user
    sink.close()
    assert screen.gone


def test_a_window_takes_keys_while_no_frame_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    Screen(monkeypatch, [-1, ord("n"), ord("q"), ord("p")])
    keys: list[str] = []
    sink = open_sink("window:", INFO, on_key=keys.append)
    sink.idle()  # not open yet
    feed(sink, 1)
    for _ in range(3):
        sink.idle()
    assert keys == ["n"]
    assert sink.closed_by_user


@pytest.mark.parametrize(("key", "closed_after"), [(ord("q"), 99), (27, 99), (-1, 1)])
def test_q_escape_and_closing_the_window_end_the_run(
    monkeypatch: pytest.MonkeyPatch, key: int, closed_after: int
) -> None:
    screen = Screen(monkeypatch, [key], closed_after)
    sink = open_sink("window:", INFO)
    feed(sink, 3)
    assert sink.closed_by_user
    assert len(screen.shown) == 1


def test_an_opencv_without_windows_says_make_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:                           NONE\n")
    with pytest.raises(UserError, match="make window"):
        open_sink("window:", INFO)


@pytest.mark.parametrize("display", ["", ":93", "localhost:9.0", "nonsense"])
def test_a_machine_without_a_screen_says_so_and_does_not_crash(
    monkeypatch: pytest.MonkeyPatch, display: str
) -> None:
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:                           QT5\n")
    monkeypatch.setattr(displays.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(UserError, match=r"no screen for a window.*--sink web"):
        open_sink("window:", INFO)


class FakeCamera:
    """pyvirtualcam's camera."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings
        self.sent: list[np.ndarray] = []
        self.closed = False
        FakeCamera.last = self

    def send(self, pixels: np.ndarray) -> None:
        if len(self.sent) == 2:
            raise RuntimeError("device\n  gone.")
        self.sent.append(pixels)

    def close(self) -> None:
        self.closed = True


def test_a_virtual_camera_gets_rgb_frames_and_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=FakeCamera))
    sink = open_sink("virtualcam:/dev/video9", INFO)
    with pytest.raises(UserError, match=r"the virtual camera went away \(device gone\)"):
        feed(sink, 3)
    sink.close()
    assert FakeCamera.last.settings == {"width": 64, "height": 48, "fps": 25.0, "device": "/dev/video9"}
    assert FakeCamera.last.closed


@pytest.mark.parametrize(
    ("platform", "hint"), [("linux", "modprobe v4l2loopback"), ("darwin", "install OBS")]
)
def test_a_missing_driver_is_explained(monkeypatch: pytest.MonkeyPatch, platform: str, hint: str) -> None:
    def refuse(**settings: object) -> None:
        raise RuntimeError("No v4l2 loopback device found")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=refuse))
    monkeypatch.setattr("edge.sinks.displays.sys.platform", platform)
    with pytest.raises(UserError, match=hint):
        open_sink("virtualcam:", INFO)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(UserError, match="needs the package pyvirtualcam"):
        open_sink("virtualcam:", INFO)
    monkeypatch.setattr("edge.sinks.displays.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package aiohttp; run: pip install 'keras-vst\[live\]'"):
        open_sink("web:", INFO)


def test_options_that_would_be_ignored_are_refused() -> None:
    with pytest.raises(UserError, match="crf does not apply to window:"):
        open_sink("window:", INFO, crf=20)


def test_opencv_is_loaded_before_pyav_or_its_windows_would_hang() -> None:
    order = (
        "import sys; from edge.cli import build_parser; build_parser(['live']);"
        "names = list(sys.modules); print(names.index('cv2') < names.index('av'))"
    )
    result = subprocess.run([sys.executable, "-c", order], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "True"
