"""The open networks of one worker: settings and a picture's size -> a Painter that is ready for it.

A mix is made when it is first asked for (8 ms at 640x360), and the ones that were not used for longest go when there
are too many.  Each worker has its own, because an interpreter paints one frame at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from edge.painter import Painter
from edge.serve.paint_settings import Parts, Settings
from keras_vst.frames import Pixels
from keras_vst.networks import Network
from keras_vst.networks.base import Size
from keras_vst.networks.mixing import open_mix
from keras_vst.video import TimedFrame
from keras_vst.zoo import Style

MOST = 12  # open networks of one worker
MOST_PIXELS = 3840 * 2160  # of the frames that they are ready for, together; each takes some 50 bytes

Open = Callable[[Parts], Network]


class Key(NamedTuple):
    """Pictures of one key are painted by one open network without any preparation between them."""

    parts: Parts
    works_at: Size | None
    native: bool
    picture: Size


def key_of(settings: Settings, picture: Size) -> Key:
    """The key of a picture of (height, width)."""
    return Key(settings.parts, settings.size, settings.native, picture)


def opener(styles: Mapping[str, Style]) -> Open:
    """Opens LiteRT networks of one thread: with as many workers as cores that paints most (docs/results.md)."""
    return lambda parts: open_mix([(styles[name], share) for name, share in parts], threads=1)


class OpenNetworks:
    """Belongs to one thread."""

    def __init__(self, styles: Mapping[str, Style], open_parts: Open) -> None:
        """Start with none."""
        self._styles, self._open = styles, open_parts
        self._painters: OrderedDict[Key, Painter] = OrderedDict()

    def paint(self, settings: Settings, pixels: Pixels) -> Pixels:
        """One picture (H, W, 3) uint8 RGB, as `vst stylize` would paint it."""
        key = key_of(settings, (pixels.shape[0], pixels.shape[1]))
        painter = self._painters.get(key) or self._ready(key)
        self._painters.move_to_end(key)
        painter.look = settings.look
        return painter.repaint(TimedFrame(pixels, Fraction(0))).after.pixels

    def _ready(self, key: Key) -> Painter:
        while self._painters and (len(self._painters) >= MOST or self._pixels(key) > MOST_PIXELS):
            self._painters.popitem(last=False)
        margin = self._styles[key.parts[0][0]].margin
        network = self._open(key.parts)
        margin = margin if network.margin is None else network.margin
        painter = Painter(network, size=key.works_at, margin=margin, native=key.native)
        self._painters[key] = painter
        return painter

    def _pixels(self, new: Key) -> int:
        return sum(height * width for *_, (height, width) in (*self._painters, new))
