"""Film quality at the edge: slower than the live networks, and steadier, because strokes stick to things.

Frames are (H, W, 3) uint8 RGB; how each is painted over the last painting is in keras_vst/networks/film_clip.py.
"""

from __future__ import annotations

from typing import Any

from edge.painter import Painter
from edge.threads import FLOW, NETWORK
from keras_vst.frames import Fitting, Pixels, to_uint8
from keras_vst.networks import Network
from keras_vst.networks.film_clip import Film


class FilmPainter(Painter):
    """A network of film quality at work on one stream of frames.

    `noise` is the seed of a map that varies the strokes, one for the whole stream.
    """

    # The default teacher was measured to take 2.4 kB for each pixel, 5 GB at 1920x1080.
    largest = usual = 1280 * 720

    def __init__(self, network: Network, *, noise: int | None = None, **settings: Any) -> None:
        """As a Painter."""
        super().__init__(network, **settings)
        self._noise = noise
        self._film: Film | None = None

    def reset(self) -> None:
        """Forget what was seen: the next frame starts a clip."""
        self._film = None

    def _paint(self, fitted: Pixels, fitting: Fitting) -> Pixels:
        if self._film is None or self._film.fitting != fitting:
            self._film = Film(self.network, fitting, noise=self._noise)
        with self.timeline.stage(FLOW):
            maps = self._film.look(fitted)
        with self.timeline.stage(NETWORK):
            return to_uint8(self._film.paint_over(fitted, maps)[0])
