"""Video in and out: (H, W, 3) uint8 RGB frames with exact times, from and to files (PyAV, cv2)."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

# Before av: its wheels carry a libxcb of their own, with which OpenCV's windows hang if it is loaded first.
import cv2  # noqa: F401

from keras_vst.errors import UserError
from keras_vst.video.animations import AnimationSource, moves
from keras_vst.video.base import FileSink, Sink, Source, TimedFrame, VideoInfo
from keras_vst.video.cutting import CutSource
from keras_vst.video.decoding import ClipSource
from keras_vst.video.encoding import WRITTEN_CLIPS, ClipSink
from keras_vst.video.heif import made_of
from keras_vst.video.provenance import Provenance
from keras_vst.video.sound import Excerpt
from keras_vst.video.stills import (
    PICTURES,
    WRITTEN_PICTURES,
    FolderSink,
    FolderSource,
    PictureSink,
    PictureSource,
)

__all__ = [
    "Excerpt",
    "Provenance",
    "Sink",
    "Source",
    "TimedFrame",
    "VideoInfo",
    "open_sink",
    "open_source",
    "probe",
]


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """Size, rate, length and so on of whatever `open_source` can open."""
    with open_source(path) as source:
        return source.info


def open_source(
    uri: str | os.PathLike[str], *, start: Fraction = Fraction(0), duration: Fraction | None = None
) -> Source:
    """Open a clip, a picture, a folder of numbered pictures, or an address such as rtsp://...

    With `start` or `duration`, in seconds, only that part of it is shown, its times counted from `start`; a clip is
    decoded from the last keyframe before it on.
    """
    source = _open(os.fspath(uri), start)
    if not start and duration is None:
        return source
    if source.info.is_image:
        source.close()
        raise UserError(f"--start and --duration are for clips, but {uri} is a picture; leave them out.")
    return CutSource(source, start, duration)


def open_sink(
    path: str | os.PathLike[str],
    source_info: VideoInfo,
    *,
    codec: str | None = None,
    crf: int | None = None,
    sound: Excerpt | str | os.PathLike[str] | None = None,
    made_by: Provenance | None = None,
) -> FileSink:
    """Open an output by its name: .mp4 .mkv .mov .webm .gif .png .jpg .jpeg .webp, or a folder ending in /.

    `codec` and `crf` (quality, lower is better) are for clips.  So is `sound`, the file that has it or an excerpt
    of one; other outputs are silent.  `made_by` is written into the file.
    """
    name = os.fspath(path)
    kind = "/" if name.endswith(("/", os.sep)) else Path(name).suffix.lower()
    known = (*WRITTEN_CLIPS, *WRITTEN_PICTURES)
    if kind not in (*known, "/"):
        raise UserError(
            f"cannot write {name}: {kind or 'no extension'} is not known here; "
            f"end the name in one of {' '.join(known)}, or in / for a folder of pictures."
        )
    if (kind == ".gif" or kind not in WRITTEN_CLIPS) and (codec is not None or crf is not None):
        raise UserError(f"codec and crf do not apply to {kind}; leave them out or write a clip such as .mp4.")
    excerpt = sound if isinstance(sound, Excerpt) or sound is None else Excerpt(os.fspath(sound))
    uri = excerpt and excerpt.uri
    if kind in WRITTEN_CLIPS:
        sink: FileSink = ClipSink(Path(name), source_info, codec, crf, excerpt)
    elif kind == "/":
        sink = FolderSink(Path(name), source_info.origin, uri, folder=True)
    else:
        sink = PictureSink(Path(name), source_info, uri)
    sink.made_by = made_by
    return sink


def _open(name: str, start: Fraction) -> Source:
    if "://" in name:
        return ClipSource(name, start=start)
    path = Path(name)
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise UserError(f"there is no file {name}; check the name and the folder {Path.cwd()}.")
    if path.is_file() and path.stat().st_size == 0:
        raise UserError(f"{name} is empty; expected a clip or a picture. Fetch or record it again.")
    if parts := made_of(path):
        raise UserError(
            f"{name} is stored in {parts}, of which only the first could be shown; convert it to JPEG or PNG first."
        )
    if path.suffix.lower() not in PICTURES:
        return ClipSource(name, start=start)
    if not moves(path):
        return PictureSource(path)
    return ClipSource(name, start=start) if path.suffix.lower() != ".webp" else AnimationSource(path)
