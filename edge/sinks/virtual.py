"""A camera for other programs (video calls, OBS), through the package pyvirtualcam and a driver of the system's."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from edge.address import Address
from edge.sinks.base import SinkOptions
from keras_vst.errors import UserError
from keras_vst.video import TimedFrame, VideoInfo

RATE = 30.0
DRIVERS = {
    "linux": "run: sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1",
    "darwin": "install OBS from obsproject.com, press Start Virtual Camera in it once, and close it",
    "win32": "install OBS from obsproject.com; its virtual camera comes with it",
}


class VirtualCameraSink:
    """`virtualcam:`, or `virtualcam:/dev/video2` for a device of several."""

    closed_by_user = False

    def __init__(self, address: Address, info: VideoInfo, options: SinkOptions) -> None:
        """Open the device."""
        address.check_options()
        options.check_unused(address, "codec", "crf", "preset")
        try:
            import pyvirtualcam  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError(
                f"{address.text} needs the package pyvirtualcam; run: pip install 'keras-vst[live]'."
            ) from None
        rate = float(info.fps) if info.fps else RATE
        try:
            self._camera: Any = pyvirtualcam.Camera(
                width=info.width, height=info.height, fps=rate, device=address.rest or None
            )
        except RuntimeError as error:
            driver = DRIVERS.get(sys.platform, DRIVERS["linux"])
            raise UserError(f"no virtual camera can be opened ({_flat(error)}); {driver}.") from error

    def write(self, frame: TimedFrame) -> None:
        """Show one frame."""
        try:
            self._camera.send(np.ascontiguousarray(frame.pixels))
        except (OSError, RuntimeError) as error:
            raise UserError(f"the virtual camera went away ({_flat(error)}); start it again.") from error

    def close(self) -> None:
        """Let go of the device."""
        self._camera.close()

    abort = close


def _flat(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
