"""What is scored: anything that repaints pictures and clips, a network, a control or a peer.

Pictures are uint8 RGB (H, W, 3), in and out, of any size.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from keras_vst.frames import Pixels, fit, to_float, to_uint8, unfit
from keras_vst.networks import Network
from keras_vst.networks.film import moved, noise_map
from keras_vst.zoo import DEFAULT_MARGIN
from training.evaluation.material import Clip

BLUR = 2.0  # pixels of deviation: strokes are gone, shapes are not
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
MIDDLE, SPREAD = 0.5, 0.25  # of a photo's luma: where a ramp has its mean, and how far one deviation is


class Painter:
    """Repaints each picture by itself; a subclass says how."""

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""
        raise NotImplementedError

    def clip(self, clip: Clip) -> list[Pixels]:
        """The frames in order."""
        return [self(frame) for frame in clip.frames]


class Live(Painter):
    """A network, with the border of repeated edge that `vst` gives it."""

    def __init__(self, paint: Callable[[Pixels], Pixels], margin: int = DEFAULT_MARGIN) -> None:
        self.paint, self.margin = paint, margin

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, painted."""
        fitted, fitting = fit(frame, margin=self.margin)
        return unfit(self.paint(fitted), fitting)


class Film(Painter):
    """A network of film quality: in a clip it is shown its last painting, moved by the clip's flow."""

    def __init__(self, network: Network, margin: int = DEFAULT_MARGIN) -> None:
        self.network, self.margin = network, margin

    def __call__(self, frame: Pixels) -> Pixels:
        """As the first of a clip, before which nothing was seen."""
        return self.clip(Clip([frame], _nothing_moves, exact=True))[0]

    def clip(self, clip: Clip) -> list[Pixels]:
        """Frame by frame, each beside the last painting where the flow can be trusted."""
        painted: list[Pixels] = []
        last = None
        for time, frame in enumerate(clip.frames):
            fitted, fitting = fit(frame, margin=self.margin)
            size = fitting.fitted
            maps = {name: np.zeros((1, *size, count), np.float32) for name, count in self._maps.items()}
            if "noise" in maps:
                maps["noise"] = noise_map(size, self._maps["noise"], 0)
            if last is not None:
                maps |= moved(last, *clip.flow(time, time - 1), fitting)
            last = self.network.paint_film(fitted, maps)
            painted.append(unfit(to_uint8(last[0]), fitting))
        return painted

    @property
    def _maps(self) -> dict[str, int]:
        return dict(self.network.map_channels)


class Identity(Painter):
    """Leaves every frame as it is: steadier than any network, and no painting."""

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture itself."""
        return frame


class Blurred(Painter):
    """What another paints, blurred: steady and close to the scene, without strokes."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    def __call__(self, frame: Pixels) -> Pixels:
        """The painted picture, blurred."""
        return _blur(self.painter(frame))

    def clip(self, clip: Clip) -> list[Pixels]:
        """The painted clip, blurred."""
        return [_blur(frame) for frame in self.painter.clip(clip)]


class TwoColoured(Painter):
    """The photo's light as a ramp between the painting's two main colours: palettes that cannot tell it are blind."""

    def __init__(self, painting: Pixels) -> None:
        colours = to_float(painting).reshape(-1, 3)
        variances, axes = np.linalg.eigh(np.cov(colours.T))
        axis = axes[:, -1] * np.sign(axes[:, -1] @ LUMA)  # towards the lighter one
        self.mean, self.step = colours.mean(axis=0), (np.sqrt(variances[-1]) * axis).astype(np.float32)

    def __call__(self, frame: Pixels) -> Pixels:
        """The picture, recoloured."""
        height = (to_float(frame) @ LUMA - MIDDLE) / SPREAD
        return to_uint8(np.clip(self.mean + height[..., None] * self.step, 0, 1))


def _blur(frame: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), BLUR), np.uint8)


def _nothing_moves(time: int, earlier: int) -> tuple[None, None]:
    raise LookupError(f"a picture by itself has no frame {earlier} before {time}")
