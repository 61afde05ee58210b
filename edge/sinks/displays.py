"""Where frames are seen at once: a window (OpenCV), a camera for other programs (pyvirtualcam), a page in a browser.

web: and web:8080 are http://127.0.0.1:8080/, web://0.0.0.0:8080 is for the whole network (it asks for a token)
and from elsewhere, without opening it up: ssh -L 8080:localhost:8080 this-machine.  Nothing a browser does slows the
frames down.

OpenCV wants all its calls from one thread, on macOS from the main one.  Without a screen, or with the OpenCV that
draws no windows, the message says what else to do; Qt would end the whole process.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from edge.address import Address, SinkOptions
from keras_vst.errors import UserError
from keras_vst.video import Sink, TimedFrame, VideoInfo

NAMES = {8: "backspace", 9: "tab", 13: "enter", 27: "escape", 32: "space"}
ARROWS = {65361: "left", 65362: "up", 65363: "right", 65364: "down", 2424832: "left", 2490368: "up"}
ARROWS |= {2555904: "right", 2621440: "down", 63234: "left", 63232: "up", 63235: "right", 63233: "down"}
X_SOCKETS = Path("/tmp/.X11-unix")
CAMERA_RATE = 30.0
HOST, PORT = "127.0.0.1", 8080  # of a page
DRIVERS = {
    "linux": "run: sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1",
    "darwin": "install OBS from obsproject.com, press Start Virtual Camera in it once, and close it",
    "win32": "install OBS from obsproject.com; its virtual camera comes with it",
}


class WindowSink(Sink):
    """`window:`, or `window:title`; q, Escape or closing it ends the run, other keys go to `on_key`."""

    main_thread = True

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Check that there is a screen; the window opens with the first frame."""
        address.check_options()
        options.check_unused(address, "codec", "crf")
        check_windows()
        self._title = address.rest or "vst"
        self._on_key = options.on_key
        self._shown = False

    def write(self, frame: TimedFrame) -> None:
        if self.closed_by_user:
            return
        if not self._shown:
            height, width = frame.pixels.shape[:2]
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(self._title, width, height)
            self._shown = True
        cv2.imshow(self._title, np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR), np.uint8))
        self.idle()

    def idle(self) -> None:
        if not self._shown or self.closed_by_user:
            return
        key = key_name(cv2.waitKeyEx(1))
        gone = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if gone or key in ("q", "escape"):
            self.closed_by_user = True
        elif key is not None and self._on_key is not None:
            self._on_key(key)

    def close(self) -> None:
        if self._shown:
            self._shown = False
            cv2.destroyAllWindows()


class VirtualCameraSink(Sink):
    """`virtualcam:`, or `virtualcam:/dev/video2` for a device of several; it takes a driver of the system's."""

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        address.check_options()
        options.check_unused(address, "codec", "crf")
        try:
            import pyvirtualcam  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError(
                f"{address.text} needs the package pyvirtualcam; run: pip install 'keras-vst[live]'."
            ) from None
        rate = float(info.fps) if info.fps else CAMERA_RATE
        try:
            self._camera: Any = pyvirtualcam.Camera(
                width=info.width, height=info.height, fps=rate, device=address.rest or None
            )
        except RuntimeError as error:
            driver = DRIVERS.get(sys.platform, DRIVERS["linux"])
            raise UserError(f"no virtual camera can be opened ({_flat(error)}); {driver}.") from error

    def write(self, frame: TimedFrame) -> None:
        try:
            self._camera.send(np.ascontiguousarray(frame.pixels))
        except (OSError, RuntimeError) as error:
            raise UserError(f"the virtual camera went away ({_flat(error)}); start it again.") from error

    def close(self) -> None:
        self._camera.close()


class WebSink(Sink):
    """The picture as JPEGs over a WebSocket, which passes through every tunnel."""

    webrtc = False
    needs = "aiohttp", "live"

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Start the server and say where it is."""
        address.check_options()
        options.check_unused(address, "codec", "crf")
        host, port = host_and_port(address)
        package, extra = self.needs
        if find_spec(package) is None:
            raise UserError(
                f"{address.text} needs the package {package}; run: pip install 'keras-vst[{extra}]'."
            )
        from edge.web.server import WebServer

        more = {"on_painting": options.on_painting, "made_by": options.made_by}
        self._server = WebServer(host, port, options.controls, webrtc=self.webrtc, **more)
        self.address = self._server.address
        print(f"open {self.address} in a browser", file=sys.stderr)

    def write(self, frame: TimedFrame) -> None:
        self._server.publish(frame.pixels)

    def close(self) -> None:
        self._server.stop()


class WebRtcSink(WebSink):
    """The same page, its picture over WebRTC: less delay and less data on a good line."""

    webrtc = True
    needs = "aiortc", "webrtc"


def host_and_port(address: Address) -> tuple[str, int]:
    """`web:`, `web:8080`, `web://host:8080` or `web://host` as a host and a port."""
    rest = address.rest if address.rest.startswith("//") else f"//{HOST}:{address.rest}"
    try:
        parts = urlsplit(rest)
        host, port = parts.hostname or HOST, PORT if parts.port is None else parts.port
    except ValueError:
        host, port = "", 0
    if not re.fullmatch(r"[\w.:-]+", host) or (parts.path.strip("/") if host else True):
        raise UserError(f"{address.text} is no address of a page; write web: or web://127.0.0.1:8080.")
    return host, port


def key_name(code: int) -> str | None:
    """What OpenCV calls a key, as a character or a word; None when none was pressed."""
    if code in ARROWS:
        return ARROWS[code]
    code = -1 if code < 0 else code & 0xFF
    return NAMES.get(code) or (chr(code) if 32 < code < 127 else None)


def check_windows() -> None:
    """Raise a UserError where a window cannot be."""
    gui = re.search(r"^\s*GUI:\s*(\S+)", cv2.getBuildInformation(), re.MULTILINE)
    if gui and gui[1] == "NONE":
        raise UserError(
            "this OpenCV draws no windows; run `make window` (or pip install opencv-python in place of "
            "opencv-python-headless), or use --sink web and a browser."
        )
    if sys.platform.startswith("linux") and not (
        os.environ.get("WAYLAND_DISPLAY") or x_answers(os.environ.get("DISPLAY", ""))
    ):
        raise UserError(
            "there is no screen for a window (DISPLAY leads nowhere); use --sink web and a browser, "
            "also over ssh -L 8080:localhost:8080."
        )


def x_answers(display: str) -> bool:
    """Whether an X server is behind a DISPLAY such as `:0` or `localhost:10.0`."""
    match = re.fullmatch(r"(?:unix/?)?([\w.-]*):(\d+)(?:\.\d+)?", display)
    if not match:
        return False
    if not match[1]:
        return (X_SOCKETS / f"X{match[2]}").exists()
    try:
        socket.create_connection((match[1], 6000 + int(match[2])), timeout=1).close()
    except OSError:
        return False
    return True


def _flat(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
