"""Cameras by their numbers (OpenCV) and what the screen shows (mss); frames carry the moment of their arrival.

Absent, busy and forbidden cameras are told apart where the system lets us.  One that is unplugged is looked for
again for ten seconds (a loose plug, a laptop that slept), then the source is lost.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.address import Address
from edge.sources.base import SourceLost, SteadyClock, ThreadedSource
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, fit
from keras_vst.video import TimedFrame, VideoInfo

AGAIN = 0.5  # seconds between two attempts to open a camera that went away
DEVICES = Path("/dev")
SCREEN_RATE = Fraction(15)


class CameraSource(ThreadedSource):
    """`camera:0` or just `0`, with `?size=1280x720&fps=30` as wishes: a camera gives what it can."""

    patience = 10.0

    def __init__(self, address: Address) -> None:
        address.check_options("size", "fps")
        if not re.fullmatch(r"\d{1,3}", address.rest):
            raise UserError(f"{address.text}: cameras are numbered; write camera:0 for the first.")
        self._index = int(address.rest)
        self._size = address.size()
        self._rate = address.number("fps", Fraction(30)) if "fps" in address.options else None
        super().__init__(f"camera {self._index}")

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        clock = SteadyClock()
        capture = self._open()
        if capture is None:
            raise UserError(_why_not(self._index))
        try:
            while not closing.is_set():
                pixels = _read(capture) if capture is not None else None
                if pixels is not None:
                    yield self._timed(pixels, clock.time(), capture)
                    continue
                self.trouble = "unplugged, asleep, or taken by another program"
                if capture is not None:
                    capture.release()
                closing.wait(AGAIN)
                capture = self._open()
        finally:
            if capture is not None:
                capture.release()

    def _timed(self, pixels: Pixels, time: Fraction, capture: Any) -> TimedFrame:
        if time == 0:
            rate = capture.get(cv2.CAP_PROP_FPS)  # of a driver that does not know it, no number at all
            fps = Fraction(rate).limit_denominator(1001) if 0.01 < rate < 1e4 else None
            height, width = pixels.shape[:2]
            self.info = VideoInfo(width, height, fps=fps, origin=self._name)
        size = self.info.height, self.info.width
        # A camera that comes back may come back in another size.
        return TimedFrame(fit(pixels, size, multiple=1)[0], time)

    def _open(self) -> Any | None:
        """The camera, set up as wished, or None."""
        capture = open_capture(self._index)
        if not capture.isOpened():
            capture.release()
            return None
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if self._size is not None:
            # Uncompressed, most USB cameras reach 10 frames a second at 1280x720; compressed, 30.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._rate is not None:
            capture.set(cv2.CAP_PROP_FPS, float(self._rate))
        return capture


class ScreenSource(ThreadedSource):
    """`screen:` is the first screen, `screen:2?region=left,top,width,height&fps=15` a part of another.

    X11, macOS and Windows; Wayland lets nobody look.
    """

    _seen = False  # whether it could be read once

    def __init__(self, address: Address) -> None:
        address.check_options("region", "fps")
        self._monitor = int(address.rest) if re.fullmatch(r"\d{1,2}", address.rest) else 1
        if address.rest and address.rest != str(self._monitor):
            raise UserError(f"{address.text}: screens are numbered from 1; write screen:1, or screen:.")
        self._region = _region(address)
        self._period = 1 / address.number("fps", SCREEN_RATE)
        super().__init__(address.text)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        clock = SteadyClock()
        with self._open() as screen:
            area = self._area(screen.monitors)
            self.info = VideoInfo(area["width"], area["height"], fps=1 / self._period, origin=self._name)
            while not closing.is_set():
                started = time.monotonic()
                shot = np.asarray(screen.grab(area), np.uint8)  # (H, W, 4) BGRA
                self._seen = True
                shot = shot[: area["height"], : area["width"]]  # a screen of high density may give more
                yield TimedFrame(np.asarray(cv2.cvtColor(shot, cv2.COLOR_BGRA2RGB), np.uint8), clock.time())
                closing.wait(max(0.0, started + float(self._period) - time.monotonic()))

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """mss; whenever it cannot read the screen, that is one line."""
        try:
            import mss  # pyright: ignore[reportMissingImports]
            from mss.exception import ScreenShotError  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError(
                f"{self._name} needs the package mss; run: pip install 'keras-vst[live]'."
            ) from None
        try:
            with mss.mss() as screen:
                yield screen
        except ScreenShotError as error:
            reason = " ".join(str(error).split())  # X11 tells it in several lines
            if self._seen:
                raise SourceLost(
                    f"{self._name}: the screen can no longer be read ({reason}); see that it is on, unlocked and as "
                    "large as it was, then start again."
                ) from error
            raise UserError(
                f"{self._name}: the screen cannot be read ({reason}); it takes X11, macOS or Windows, a session "
                "with a screen, and on macOS the permission to record it."
            ) from error

    def _area(self, monitors: list[dict[str, int]]) -> dict[str, int]:
        """The region in the coordinates of the whole desktop; monitors[0] is all screens together."""
        if not 1 <= self._monitor < len(monitors):
            raise UserError(f"there is no screen {self._monitor}; there are {len(monitors) - 1}, from 1.")
        monitor = monitors[self._monitor]
        if self._region is None:
            return monitor
        left, top, width, height = self._region
        if left + width > monitor["width"] or top + height > monitor["height"]:
            raise UserError(
                f"{self._name} leaves the screen, which is {monitor['width']}x{monitor['height']}; "
                "make the region smaller or move it."
            )
        left, top = monitor["left"] + left, monitor["top"] + top
        return {"left": left, "top": top, "width": width, "height": height}


def open_capture(index: int) -> Any:
    """OpenCV's own object; its complaints are left out, since ours are clearer."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(index)
    finally:
        cv2.utils.logging.setLogLevel(level)


def _read(capture: Any) -> Pixels | None:
    try:
        good, picture = capture.read()
    except cv2.error:  # a compressed picture that broke on the cable
        return None
    if not good or picture is None or picture.ndim != 3:
        return None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _why_not(index: int) -> str:
    """What keeps a camera from being opened, as far as the system tells."""
    general = "close other programs that use it, allow this one to use the camera, and check the plug"
    if not sys.platform.startswith("linux"):
        return f"camera {index} cannot be opened: absent, busy or not allowed; {general}."
    device = DEVICES / f"video{index}"
    if not device.exists():
        found = sorted(path.name.removeprefix("video") for path in DEVICES.glob("video*"))
        there = f"there are: {', '.join(found)}" if found else "this machine has none; try the source test:"
        return f"there is no camera {index} ({device}); {there}."
    if not os.access(device, os.R_OK | os.W_OK):
        return f"camera {index} may not be used ({device}); add yourself to the group video and log in again."
    return (
        f"camera {index} is there but gives no picture: busy, or no camera but its sound or data; {general}."
    )


def _region(address: Address) -> tuple[int, int, int, int] | None:
    text = address.options.get("region")
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", text)
    if not match or 0 in (int(match[3]), int(match[4])):
        raise UserError(f"{address.text}: a region is left,top,width,height in pixels, but {text!r} came.")
    left, top, width, height = (int(value) for value in match.groups())
    return left, top, width, height
