"""Decoded frames of any pixel format to (H, W, 3) uint8 RGB and back to what encoders take, colours kept; and these.

Files are written as BT.709, limited range, and say so; files are read by what they say of themselves, and
a file that says nothing is taken for BT.601 up to 576 lines and BT.709 above, as players do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from keras_vst.errors import UserError
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


@dataclass(frozen=True)
class Encoder:
    """One video encoder.  `crf` is its constant quality, lower is better; None is without one."""

    name: str
    extensions: tuple[str, ...]  # the files it may go into
    crf: int | None = None
    worst_crf: int = 0
    options: dict[str, str] = field(default_factory=dict)
    large: dict[str, str] = field(default_factory=dict)  # options beyond 1080p, where each frame held counts
    even_only: bool = False  # takes even sides alone: an odd one gains a pixel that repeats the last
    pixel_format: str = "yuv420p"


# Beside a network every processor counts.  Of a painted 640x360 frame, x264's `veryfast` takes 7.7 ms, and this 4.1
# for 5 % larger files and 0.4 dB less; without the lookahead they are 10 % larger.
X264 = {"preset": "superfast", "rc-lookahead": "10", "mbtree": "1"}
# At 3840x2160 this holds 264 MB instead of 546, for files within 2 % as large (24 painted frames).
X264_LARGE = {"rc-lookahead": "2", "bf": "1", "sync-lookahead": "0", "threads": "2"}
X265 = {"preset": "veryfast", "x265-params": "log-level=none"}
VP9 = {"deadline": "realtime", "cpu-used": "6", "row-mt": "1"}  # "good" takes 10 times as long
ENCODERS = (
    Encoder("libx264", (".mp4", ".mkv", ".mov"), 18, 51, X264, X264_LARGE, even_only=True),
    Encoder("libx265", (".mp4", ".mkv", ".mov"), 20, 51, X265, even_only=True),
    Encoder("libvpx-vp9", (".webm", ".mkv", ".mp4"), 24, 63, VP9),
    Encoder("libsvtav1", (".mp4", ".mkv", ".webm"), 28, 63, {"preset": "8"}),
    Encoder("ffv1", (".mkv",), options={"slicecrc": "1"}, pixel_format="bgr0"),
    Encoder("gif", (".gif",), pixel_format="pal8"),
)


def choose_encoder(extension: str, codec: str | None, crf: int | None) -> Encoder:
    """The encoder for a file extension, set to the quality, or a UserError that lists what would do."""
    fitting = {encoder.name: encoder for encoder in ENCODERS if extension in encoder.extensions}
    names = ", ".join(fitting)
    encoder = fitting.get(codec) if codec else next(iter(fitting.values()))
    if encoder is None:
        raise UserError(f"codec {codec!r} does not go into {extension} files here; use one of: {names}.")
    if encoder.name not in av.codecs_available:
        raise UserError(f"this build of PyAV has no encoder {encoder.name!r}; use another of: {names}.")
    if encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it prints its settings on stderr unless told not to
    if encoder.crf is None:
        if crf is None:
            return encoder
        raise UserError(
            f"crf {crf} was asked of {encoder.name}, which is lossless; leave crf out or name another codec."
        )
    quality = encoder.crf if crf is None else crf
    if not 0 <= quality <= encoder.worst_crf:
        raise UserError(f"crf is {crf}, but {encoder.name} takes 0 (best) to {encoder.worst_crf} (smallest).")
    return replace(encoder, options={**encoder.options, "crf": str(quality)})
