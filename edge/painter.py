"""What one frame goes through: the network at its size, and back; (H, W, 3) uint8 RGB in and out, each by itself.

`start` is the network's part, frame by frame in order; `finish` is the rest, which another thread may do while the
network is at the next frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from edge.threads import FINISH, FIT, FLOW, NETWORK, UNFIT, Timeline
from keras_vst.errors import UserError
from keras_vst.frames import Fitting, Pixels, fit, to_uint8, unfit
from keras_vst.networks import Network
from keras_vst.networks.base import MULTIPLE, Size
from keras_vst.video import TimedFrame
from keras_vst.zoo import DEFAULT_MARGIN, Style

if TYPE_CHECKING:
    from keras_vst.networks.film_clip import Film

PLACES = 32  # between two styles that sound moves; each is a network, made in 8 ms
HUD_FRAMES = 30  # the figures shown are those of the last ones


@dataclass(frozen=True)
class Look:
    """How one frame is to be painted."""

    shares: tuple[float, ...] = ()  # of the styles, each >= 0, their sum 1
    strength: float = 1.0  # 0 leaves the frame alone
    keep_color: bool = False
    detail: float = 0.0  # of the frame's own, 0 to 1
    split: bool = False
    freeze: bool = False
    hud: bool = False
    record: bool = False


Parts = list[tuple[Style, float]]  # styles and their shares


@dataclass(frozen=True, eq=False)
class Started:
    """One frame that has been through the network, at the size that this works at, border and all."""

    frame: TimedFrame
    look: Look
    painted_from: Pixels  # the frame's pixels, or while the picture is frozen those of an earlier one
    fitted: Pixels
    stylized: Pixels
    fitting: Fitting


@dataclass(frozen=True, eq=False)
class Painted:
    """One frame as it was and as it is now."""

    before: TimedFrame
    after: TimedFrame
    look: Look


def moved(look: Look, level: float, second: int | None) -> Look:
    """The look as the sound has it: `level` 0 leaves it, 1 is all of the style numbered `second`, or full strength."""
    if second is None:
        return replace(look, strength=look.strength + level * (1 - look.strength))
    level = round(level * PLACES) / PLACES
    shares = tuple((1 - level) * share + level * (index == second) for index, share in enumerate(look.shares))
    return replace(look, shares=shares)


class Painter:
    """One open network at work; it may be replaced between two frames by another of its size.

    `size` (height, width) is what the network sees; by default it is the frame's own, and for frames beyond
    960x540 a smaller one, unless `native`.  The result always has the frame's size.  `margin` pixels of
    repeated edge keep the network's zero border out of the picture.
    """

    # Pixels beyond which a frame is painted small and brought up with its own edges, unless --native or --size
    # say otherwise; and about how many pixels are painted then.
    largest = 960 * 540
    usual = 480 * 270

    def __init__(
        self,
        network: Network,
        *,
        name: str = "",
        look: Look | None = None,
        size: Size | None = None,
        margin: int = DEFAULT_MARGIN,
        native: bool = False,
        grain: float = 0.0,
    ) -> None:
        """`name` is what the network is called to people; `grain` is that of film, 0 to 1, laid over the picture."""
        self.network, self.name = network, name or network.path.stem
        self.look = look or Look()
        self.parts: Parts = []  # the styles that the network was made of, where they are known
        self.margin, self.native, self.grain = margin, native, grain
        self.timeline = Timeline()
        self.size: Size | None = None
        self._fitting: Fitting | None = None  # that of the frame before
        self.resize(size)

    def repaint(self, frame: TimedFrame) -> Painted:
        """The next frame of a stream."""
        return self.finish(self.start(frame))

    def start(self, frame: TimedFrame) -> Started:
        """The network's part of it."""
        return self._through_network(frame, self.look)

    def finish(self, started: Started) -> Painted:
        """The rest of it: back to the frame's size, colours, detail, split screen."""
        frame, look, fitting = started.frame, started.look, started.fitting
        smaller = fitting.content[0] < fitting.original[0] or fitting.content[1] < fitting.original[1]
        coloured = look.keep_color or look.detail > 0
        if not (smaller or look.strength < 1 or coloured or self.grain > 0 or look.split):
            with self.timeline.stage(UNFIT):
                return Painted(frame, replace(frame, pixels=unfit(started.stylized, fitting)), look)
        from edge.compositing import film_grain, half_and_half, mix, recolour, upsample

        with self.timeline.stage(UNFIT):
            if smaller:
                small, fitted = inside(started.stylized, fitting), inside(started.fitted, fitting)
                pixels = upsample(small, fitted, started.painted_from)
            else:
                pixels = unfit(started.stylized, fitting)
            pixels = mix(started.painted_from, pixels, look.strength)
        if coloured:
            wishes = {"keep_color": look.keep_color, "detail": look.detail}
            with self.timeline.stage(FINISH):
                pixels = recolour(started.painted_from, pixels, size=fitting.content, **wishes)
        if self.grain > 0:
            with self.timeline.stage(FINISH):
                pixels = film_grain(pixels, self.grain, frame.time)
        if look.split:
            pixels = half_and_half(frame.pixels, pixels)
        return Painted(frame, replace(frame, pixels=pixels), look)

    def resize(self, size: Size | None) -> None:
        """Work at another size from the next frame on: the file's own where that is fixed; or a UserError."""
        fixed, margin = self.network.size, self.margin
        if size is not None and min(size) <= 2 * margin:
            raise UserError(
                f"the size {size[1]}x{size[0]} leaves nothing inside a margin of {margin}; use a larger one."
            )
        if size is not None and fixed not in (None, size):
            raise UserError(
                f"{self.network.path} works at {fixed[1]}x{fixed[0]} only, not at {size[1]}x{size[0]}; leave the "
                "size out."
            )
        self.size = size or fixed

    def size_for(self, frame: tuple[int, ...]) -> Size | None:
        """What the network works at for frames of (height, width); None: the frame's own."""
        pixels = frame[0] * frame[1]
        if self.size is not None or self.native or pixels <= self.largest:
            return self.size
        return scaled((frame[0], frame[1]), sqrt(self.usual / pixels), self.margin)

    @property
    def fitted(self) -> Size | None:
        """What the network worked at for the last frame, its border included."""
        return None if self._fitting is None else self._fitting.fitted

    def reset(self) -> None:
        """The next frame starts a clip; nothing is remembered here."""

    def hud_lines(self, *more: str) -> list[str]:
        """What the overlay says: what paints, at which size, and what each stage takes."""
        times = self.timeline.milliseconds(last=HUD_FRAMES)
        return [self.name, *more, *(f"{stage} {each['median']:.1f} ms" for stage, each in times.items())]

    def _through_network(self, frame: TimedFrame, look: Look) -> Started:
        with self.timeline.stage(FIT):
            size = self.size_for(frame.pixels.shape)
            fitted, fitting = fit(frame.pixels, size, multiple=MULTIPLE, margin=self.margin)
        stylized = self._paint(fitted, fitting)
        self._fitting = fitting
        return Started(frame, look, frame.pixels, fitted, stylized, fitting)

    def _paint(self, fitted: Pixels, fitting: Fitting) -> Pixels:
        with self.timeline.stage(NETWORK):
            return self.network.paint(fitted)


class FilmPainter(Painter):
    """A network of film quality at work on one stream: slower, and steadier, because strokes stick to things.

    How each frame is painted over the last painting is in keras_vst/networks/film_clip.py.
    `noise` is the seed of a map that varies the strokes, one for the whole stream.
    """

    # The default teacher was measured to take 2.4 kB for each pixel, 5 GB at 1920x1080.
    largest = usual = 1280 * 720

    def __init__(self, network: Network, *, noise: int | None = None, **settings: Any) -> None:
        super().__init__(network, **settings)
        self._noise = noise
        self._film: Film | None = None

    def reset(self) -> None:
        self._film = None

    def _paint(self, fitted: Pixels, fitting: Fitting) -> Pixels:
        from keras_vst.networks.film_clip import Film  # and with it optical flow

        if self._film is None or self._film.fitting != fitting:
            self._film = Film(self.network, fitting, noise=self._noise)
        with self.timeline.stage(FLOW):
            maps = self._film.look(fitted)
        with self.timeline.stage(NETWORK):
            return to_uint8(self._film.paint_over(fitted, maps)[0])


def inside(picture: Pixels, fitting: Fitting) -> Pixels:
    """The picture without its border; a view."""
    (top, left), (height, width) = fitting.corner, fitting.content
    return picture[top : top + height, left : left + width]


def scaled(frame: Size, scale: float, margin: int) -> Size:
    """The multiple of 8 nearest to a scaled frame with its margins."""
    height, width = (MULTIPLE * round((side * scale + 2 * margin) / MULTIPLE) for side in frame)
    return max(height, 2 * margin + MULTIPLE), max(width, 2 * margin + MULTIPLE)
