"""Pictures that move: animated WebP through OpenCV, and how these and moving PNGs are told from still ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from keras_vst.errors import UserError
from keras_vst.video.base import Source, TimedFrame, VideoInfo
from keras_vst.video.pictures import on_white

MILLISECOND = Fraction(1, 1000)
FILM_BRANDS = ("avis", "msf1", "hevc")  # of AVIF and HEIC that hold a film beside a still
SHORTEST = 10  # milliseconds; a frame that says less is shown for 100, as browsers do


def moves(path: Path) -> bool:
    """Whether a picture says that it has more than one frame; what cannot be read does not."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(4096)
        if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
            return bool(head[20:21]) and bool(head[20] & 2)
        if head[4:8] == b"ftyp":
            return head[8:12].decode("latin-1") in FILM_BRANDS
        if not head.startswith(b"\x89PNG\r\n\x1a\n"):
            return False
        file.seek(8)
        while len(chunk := file.read(8)) == 8 and chunk[4:] != b"IDAT":
            if chunk[4:] == b"acTL":
                return int.from_bytes(file.read(4), "big") > 1
            file.seek(int.from_bytes(chunk[:4], "big") + 4, 1)
    return False


class AnimationSource(Source):
    """An animated WebP: all its frames, each as long as it says, held in memory together."""

    def __init__(self, path: Path) -> None:
        """Decode all frames, since OpenCV cannot go on where it left off."""
        frames, lengths = _decoded(path)
        lengths = [length if length > SHORTEST else 100 for length in lengths]
        self._frames, self._times = frames, [sum(lengths[:index]) for index in range(len(frames))]
        height, width = frames[0].shape[:2]
        self.info = VideoInfo(
            width,
            height,
            fps=Fraction(1000 * len(frames), sum(lengths)),
            frames=len(frames),
            duration=sum(lengths) / 1000,
            time_base=MILLISECOND,
            origin=str(path),
        )

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield every frame."""
        for pixels, time in zip(self._frames, self._times, strict=True):
            if self._closed:
                return
            rgb = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_BGR2RGB), np.uint8)
            alpha = _alpha(pixels)
            yield TimedFrame(rgb if alpha is None else on_white(rgb, alpha), time * MILLISECOND, alpha)


def _alpha(pixels: np.ndarray) -> np.ndarray | None:
    """(H, W), or None where all is opaque."""
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    return None if alpha is None or alpha.min() == 255 else np.ascontiguousarray(alpha)


def _decoded(path: Path) -> tuple[list[np.ndarray], list[int]]:
    if not hasattr(cv2, "imdecodeanimation"):
        raise UserError(
            f"{path} moves, and OpenCV {cv2.__version__} shows its first frame only; install 4.11 or later."
        )
    try:
        read, animation = cv2.imdecodeanimation(np.fromfile(path, np.uint8))
        frames, lengths = list(animation.frames), [int(length) for length in animation.durations]
    except (OSError, cv2.error):
        read, frames, lengths = False, [], []
    if not read or not frames:
        raise UserError(f"{path} is not an animation that can be read; it is damaged or something else.")
    return frames, lengths
