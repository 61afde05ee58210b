"""Still pictures, alone or numbered in a folder, as a video of (H, W, 3) uint8 RGB frames and back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.video.base import FileSink, Source, TimedFrame, VideoInfo
from keras_vst.video.pictures import TRANSPARENT, encode_picture, open_picture, read_picture
from keras_vst.video.provenance import signed

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # those we read
WRITTEN_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FOLDER_RATE = Fraction(25)  # frames a second of a folder, which has no clock of its own


class PictureSource(Source):
    """One picture as a video of one frame at time 0; EXIF orientation is applied."""

    def __init__(self, path: Path) -> None:
        """Read the picture at once, since its header does not tell the upright size."""
        self._picture = open_picture(path)
        height, width = self._picture.pixels.shape[:2]
        exif = self._picture.exif
        self.info = VideoInfo(width, height, frames=1, is_image=True, origin=str(path), exif=exif)

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield the picture."""
        yield TimedFrame(self._picture.pixels, Fraction(0), self._picture.alpha)


class FolderSource(Source):
    """The pictures of a folder in the order of their numbers, 25 a second, all of the first one's size."""

    def __init__(self, folder: Path) -> None:
        """List the folder and read its first picture."""
        files = (entry for entry in folder.iterdir() if entry.suffix.lower() in PICTURES)
        self._files = sorted((entry for entry in files if not entry.name.startswith(".")), key=_number)
        if not self._files:
            raise UserError(
                f"folder {folder} holds no pictures ({', '.join(PICTURES)}); name a clip or fill it."
            )
        height, width = read_picture(self._files[0]).shape[:2]
        self.info = VideoInfo(
            width,
            height,
            fps=FOLDER_RATE,
            frames=len(self._files),
            duration=float(len(self._files) / FOLDER_RATE),
            time_base=1 / FOLDER_RATE,
            origin=str(folder),
        )

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield every picture that can be read; the others are counted in `skipped`."""
        size = self.info.width, self.info.height
        for index, file in enumerate(self._files):
            if self._closed:
                return
            try:
                picture = open_picture(file)
            except UserError:
                self.skipped += 1
                continue
            pixels, alpha = picture.pixels, picture.alpha
            if pixels.shape[1::-1] != size:
                pixels, alpha = _resized(pixels, size), None if alpha is None else _resized(alpha, size)
            yield TimedFrame(pixels, index / FOLDER_RATE, alpha)


class PictureSink(FileSink):
    """One frame as a picture file, with the source's EXIF and transparency where its format has them."""

    def __init__(self, path: Path, info: VideoInfo, *inputs: str | os.PathLike[str] | None) -> None:
        """Check that the target can be written."""
        super().__init__(path, info.origin, *inputs)
        self._exif = info.exif

    def _add(self, frame: TimedFrame) -> None:
        if self._count:
            name, stem = self.target.name, self.target.stem
            raise UserError(
                f"{name} holds one picture, but more frames came; name a clip ({stem}.mp4) or a folder ({stem}/)."
            )
        extension, alpha = self._part.suffix.lower(), frame.alpha
        if alpha is not None and extension not in TRANSPARENT:
            alpha, self.notes = None, ("what is transparent is shown on white",)
        self._part.write_bytes(encode_picture(extension, frame.pixels, alpha, self._exif))


class FolderSink(FileSink):
    """Every frame as a numbered PNG with our mark, 000000.png on; the times are not kept."""

    def _add(self, frame: TimedFrame) -> None:
        content = encode_picture(".png", frame.pixels, frame.alpha)
        if self.made_by is not None:
            content = self.made_by.marked(content, ".png")
        (self._part / f"{self._count:06d}.png").write_bytes(signed(content))


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _number(path: Path) -> tuple[list[int], str]:
    """Sort key that puts 2.png before 10.png, as the numbers in the names say."""
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.name
