"""The newest frame for any number of viewers: (H, W, 3) uint8 RGB in, JPEG out, encoded once and only on demand.

Whoever publishes never waits.  A viewer who is slow finds the newest frame when it comes back, and is told how many
it missed.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import cv2
import numpy as np

from keras_vst.frames import Pixels

QUALITY = 85


class FrameHub:
    """Lives in one event loop; `publish` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, encoders: Executor) -> None:
        """Start without a frame."""
        self._loop = loop
        self._encoders = encoders
        self._newest: tuple[int, Pixels] | None = None
        self._arrived = asyncio.Event()
        self._encoded: tuple[int, asyncio.Future[bytes]] | None = None

    @property
    def number(self) -> int:
        """How many frames came so far, which is also the number of the newest."""
        return 0 if self._newest is None else self._newest[0]

    def publish(self, pixels: Pixels) -> None:
        """Make a frame the newest; it is copied, since the caller may reuse the memory."""
        self._newest = self.number + 1, pixels.copy()
        self._loop.call_soon_threadsafe(self._wake)

    async def pixels(self, after: int) -> tuple[int, Pixels]:
        """The newest frame and its number, as soon as that is above `after`."""
        while self._newest is None or self._newest[0] <= after:
            await self._arrived.wait()
        return self._newest

    async def jpeg(self, after: int) -> tuple[int, bytes]:
        """The same as a JPEG; viewers who want the same frame share one encoding."""
        number, pixels = await self.pixels(after)
        if self._encoded is None or self._encoded[0] != number:
            self._encoded = number, self._loop.run_in_executor(self._encoders, encode, pixels)
        # One viewer who leaves must not take the encoding from the others.
        return number, await asyncio.shield(self._encoded[1])

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = asyncio.Event()


def encode(pixels: Pixels) -> bytes:
    """(H, W, 3) RGB as a JPEG."""
    good, content = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not good:
        raise ValueError(
            f"`pixels` must be a picture that JPEG can hold. Received: shape {pixels.shape}. Use at most 65500."
        )
    return np.asarray(content, np.uint8).tobytes()
