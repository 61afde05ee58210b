"""What the screen shows, whole or a region, through the package mss (X11, macOS, Windows; Wayland lets nobody look)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from edge.address import Address
from edge.sources.base import PumpedSource
from edge.sources.timing import SteadyClock
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo

RATE = Fraction(15)


class ScreenSource(PumpedSource):
    """`screen:` is the first screen, `screen:2?region=left,top,width,height&fps=15` a part of another."""

    def __init__(self, address: Address) -> None:
        """Take the first picture."""
        address.check_options("region", "fps")
        self._monitor = int(address.rest) if re.fullmatch(r"\d{1,2}", address.rest) else 1
        if address.rest and address.rest != str(self._monitor):
            raise UserError(f"{address.text}: screens are numbered from 1; write screen:1, or screen:.")
        self._region = _region(address)
        self._period = 1 / address.number("fps", RATE)
        super().__init__(address.text)

    def _frames(self, closing: threading.Event) -> Iterator[TimedFrame]:
        clock = SteadyClock()
        with _open_screen(self._name) as screen:
            area = self._area(screen.monitors)
            self.info = VideoInfo(area["width"], area["height"], fps=1 / self._period, origin=self._name)
            while not closing.is_set():
                started = time.monotonic()
                shot = np.asarray(screen.grab(area), np.uint8)  # (H, W, 4) BGRA
                shot = shot[: area["height"], : area["width"]]  # a screen of high density may give more
                yield TimedFrame(np.asarray(cv2.cvtColor(shot, cv2.COLOR_BGRA2RGB), np.uint8), clock.time())
                closing.wait(max(0.0, started + float(self._period) - time.monotonic()))

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
        return {
            "left": monitor["left"] + left,
            "top": monitor["top"] + top,
            "width": width,
            "height": height,
        }


def _region(address: Address) -> tuple[int, int, int, int] | None:
    text = address.options.get("region")
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", text)
    if not match or 0 in (int(match[3]), int(match[4])):
        raise UserError(f"{address.text}: a region is left,top,width,height in pixels, but {text!r} came.")
    left, top, width, height = (int(value) for value in match.groups())
    return left, top, width, height


def _open_screen(name: str) -> Any:
    try:
        import mss  # pyright: ignore[reportMissingImports]
        from mss.exception import ScreenShotError  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError(f"{name} needs the package mss; run: pip install 'keras-vst[live]'.") from None
    try:
        return mss.mss()
    except ScreenShotError as error:
        raise UserError(
            f"{name}: the screen cannot be read ({error}); it takes X11, macOS or Windows, a session with a "
            "screen, and on macOS the permission to record it."
        ) from error
