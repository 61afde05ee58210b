"""Decoded frames of any pixel format to (H, W, 3) uint8 RGB and back to what an encoder takes, colours kept.

Files are written as BT.709, limited range, and say so; files are read by what they say of themselves, and
a file that says nothing is taken for BT.601 up to 576 lines and BT.709 above, as players do.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from keras_vst.frames import Pixels, on_white
from keras_vst.video.base import TimedFrame

if TYPE_CHECKING:
    from keras_vst.video.hdr import ToneMap

# Without these flags swscale darkens every round trip by one level and errs by up to 4; with them by up
# to 1 (64 colours, measured).  It costs 9 ms instead of 2 on a 1280x720 frame.  PyAV 17, the last one for
# Python 3.10, does not hand them on.
EXACT = Interpolation.BILINEAR
if hasattr(Interpolation, "ACCURATE_RND"):
    EXACT |= Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
BT709 = 1  # the value of primaries, transfer and matrix alike (ITU-T H.273)
LIMITED = 1
UNSPECIFIED = 2
LARGEST_SD_HEIGHT = 576
KINDS = {16: "PQ", 18: "HLG"}  # transfer characteristics of ITU-T H.273


class RgbReader:
    """Turns decoded frames into upright RGB of one size, whatever the stream changes to on its way."""

    def __init__(
        self,
        first: av.VideoFrame,
        shown: tuple[int, int] | None = None,
        mirrored: bool = False,
        alpha: Pixels | None = None,
    ) -> None:
        """Take size and rotation from the first frame, of which `shown` says how much is seen, as (width, height).

        `alpha`, (H, W) as stored, is that of a still picture that has none in its own pixels.
        """
        self._alpha = alpha
        self.stored = first.width, first.height
        self._shown = shown or self.stored
        self._mirrored = mirrored or _is_mirrored(first)
        turned = first.rotation + 180 * self._mirrored  # FFmpeg tells a mirror's turn from its first axis
        self.rotation = turned % 360 if turned % 90 == 0 else 0
        self._reformatter = VideoReformatter()
        self.hdr = KINDS.get(first.color_trc)
        self._tone_map: ToneMap | None = None

    @property
    def upright(self) -> tuple[int, int]:
        """The size of what `pixels` returns, as (width, height)."""
        width, height = self._shown
        return (width, height) if self.rotation % 180 == 0 else (height, width)

    def timed(self, frame: av.VideoFrame, time: Fraction) -> TimedFrame:
        """One frame, deep colour rounded to 8 bits, what is transparent laid on white."""
        if self.hdr and frame.color_trc in KINDS:
            from keras_vst.video.hdr import ToneMap

            self._tone_map = self._tone_map or ToneMap(self.hdr, *self.stored)
            return TimedFrame(self._upright(self._tone_map.pixels(frame, EXACT)), time)
        if any(part.is_alpha for part in frame.format.components):
            rgba = self._upright(self._converted(frame, "rgba"))
            rgb, alpha = rgba[..., :3], np.ascontiguousarray(rgba[..., 3])
        else:
            rgb = self._upright(self._converted(frame, "rgb24"))
            alpha = None if self._alpha is None else self._upright(self._alpha)
        if alpha is None or alpha.min() == 255:
            return TimedFrame(np.ascontiguousarray(rgb), time)
        return TimedFrame(on_white(rgb, alpha), time, alpha)

    def _converted(self, frame: av.VideoFrame, pixel_format: str) -> Pixels:
        width, height = self.stored
        converted = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=pixel_format,
            src_colorspace=assumed_matrix(frame),
            interpolation=EXACT,
        )
        return _looked_into(converted)

    def _upright(self, stored: Pixels) -> Pixels:
        width, height = self._shown
        seen = stored[:height, :width]
        return np.ascontiguousarray(np.rot90(seen[:, ::-1] if self._mirrored else seen, self.rotation // 90))


def _is_mirrored(frame: av.VideoFrame) -> bool:
    """Whether it is to be mirrored left to right before it is turned, as FFmpeg's matrix has it."""
    try:
        matrix = cast(Any, frame).side_data["DISPLAYMATRIX"]
    except (
        KeyError,
        ValueError,
    ):  # it has none; or PyAV has no name for its other data, such as a picture's EXIF
        return False
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).astype(float)
    return bool(a * d < b * c)


def _looked_into(frame: av.VideoFrame) -> Pixels:
    """A packed frame's own memory as (H, W, channels), not copied unless its rows are padded."""
    channels = len(frame.format.components)
    if frame.planes[0].line_size != frame.width * channels:
        return np.asarray(frame.to_ndarray(), np.uint8)
    shape = frame.height, frame.width, channels
    return np.frombuffer(cast(Any, frame.planes[0]), np.uint8, int(np.prod(shape))).reshape(shape)


class EncoderFeed:
    """Turns RGB frames into BT.709 frames of the encoder's pixel format; an RGB format takes the levels as they are."""

    def __init__(self, pixel_format: str) -> None:
        """Take the encoder's pixel format."""
        self.pixel_format = pixel_format
        self._reformatter = VideoReformatter()

    def frame(self, pixels: Pixels) -> av.VideoFrame:
        """(H, W, 3) RGB as a frame without a time."""
        if self.pixel_format == "rgb24":
            return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        # Not copied: what is handed on below is made from it and does not refer to it.
        rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format="rgb24")
        if is_rgb(self.pixel_format):
            return self._reformatter.reformat(rgb, format=self.pixel_format)
        return self._reformatter.reformat(
            rgb,
            format=self.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=EXACT,
        )


class Palettes:
    """Gives every RGB frame a palette of its own, so that nothing has to be seen in advance or kept."""

    def __init__(self, width: int, height: int, tick: Fraction) -> None:
        """Set up for frames of one size with times in ticks."""
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("rgb24"), time_base=tick
        )
        split = self._graph.add("split")
        palette = self._graph.add("palettegen", "stats_mode=single")
        apply = self._graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
        source.link_to(split)
        split.link_to(apply, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(apply, 0, 1)
        apply.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def frames(self, picture: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Take one frame, None at the end, and yield those that are ready."""
        self._graph.push(picture)
        while True:
            try:
                yield cast(av.VideoFrame, self._graph.pull())
            except (BlockingIOError, EOFError):
                return


def tag_bt709(context: av.VideoCodecContext) -> None:
    """Write into an encoder's stream which colours it carries."""
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED


def is_rgb(pixel_format: str) -> bool:
    """Whether a pixel format stores red, green and blue rather than luma and chroma."""
    return av.VideoFormat(pixel_format).is_rgb


def assumed_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """The matrix of a luma-chroma frame that does not name its own; None keeps what the frame says."""
    if frame.colorspace != UNSPECIFIED or frame.format.is_rgb:
        return None
    return Colorspace.ITU601 if frame.height <= LARGEST_SD_HEIGHT else Colorspace.ITU709
