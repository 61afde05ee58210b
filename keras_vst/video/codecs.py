"""Which encoder goes into which file, and how it is set up for styled video."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import av

from keras_vst.errors import UserError


@dataclass(frozen=True)
class Encoder:
    """One video encoder.  `crf` is its constant quality, lower is better; None is without one."""

    name: str
    extensions: tuple[str, ...]  # the files it may go into
    crf: int | None
    worst_crf: int = 0
    options: dict[str, str] = field(default_factory=dict)
    even_only: bool = True  # 4:2:0 needs even sides; odd ones are stored as 4:4:4 then
    pixel_format: str = "yuv420p"

    @property
    def settings(self) -> dict[str, str]:
        """Everything FFmpeg is told about this encoder."""
        return self.options if self.crf is None else {**self.options, "crf": str(self.crf)}

    def pixel_format_for(self, width: int, height: int) -> str:
        """The pixel format that keeps the very size of the frame."""
        odd = width % 2 or height % 2
        return "yuv444p" if odd and self.even_only and self.pixel_format == "yuv420p" else self.pixel_format


ENCODERS = {
    encoder.name: encoder
    for encoder in (
        # Beside a network every processor counts.  Of a painted 640x360 frame, `veryfast` takes 7.7 ms, and this
        # 4.1 for 5 % larger files and 0.4 dB less; without the lookahead they are 10 % larger.
        Encoder(
            "libx264",
            (".mp4", ".mkv", ".mov"),
            18,
            51,
            {"preset": "superfast", "rc-lookahead": "10", "mbtree": "1"},
        ),
        Encoder(
            "libx265",
            (".mp4", ".mkv", ".mov"),
            20,
            51,
            {"preset": "veryfast", "x265-params": "log-level=none"},
        ),
        Encoder(
            "libvpx-vp9",
            (".webm", ".mkv", ".mp4"),
            24,
            63,
            {"deadline": "realtime", "cpu-used": "6", "row-mt": "1"},  # "good" takes 10 times as long
            even_only=False,
        ),
        Encoder("libsvtav1", (".mp4", ".mkv", ".webm"), 28, 63, {"preset": "8"}, even_only=False),
        Encoder("ffv1", (".mkv",), None, pixel_format="bgr0", options={"slicecrc": "1"}),
    )
}
DEFAULTS = {".mp4": "libx264", ".mkv": "libx264", ".mov": "libx264", ".webm": "libvpx-vp9"}


def choose_encoder(extension: str, codec: str | None, crf: int | None) -> Encoder:
    """The encoder for a file extension, set to the quality, or a UserError that lists what would do."""
    fitting = [name for name, encoder in ENCODERS.items() if extension in encoder.extensions]
    name = codec or DEFAULTS[extension]
    if name not in fitting:
        raise UserError(
            f"codec {name!r} does not go into {extension} files here; use one of: {', '.join(fitting)}."
        )
    if name not in av.codecs_available:
        raise UserError(f"this build of PyAV has no encoder {name!r}; use another of: {', '.join(fitting)}.")
    if name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "0")  # it prints its settings on stderr unless told not to
    encoder = ENCODERS[name]
    if crf is None:
        return encoder
    if encoder.crf is None:
        raise UserError(
            f"crf {crf} was asked of {name}, which is lossless; leave crf out or name another codec."
        )
    if not 0 <= crf <= encoder.worst_crf:
        raise UserError(f"crf is {crf}, but {name} takes 0 (best) to {encoder.worst_crf} (smallest).")
    return replace(encoder, crf=crf)
