"""Still pictures, alone or numbered in a folder, as a video of (H, W, 3) uint8 RGB frames and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from keras_vst.video.base import FileSink, Source, TimedFrame, VideoInfo
from keras_vst.video.signature import signed

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # those we read
WRITTEN_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FOLDER_RATE = Fraction(25)  # frames a second of a folder, which has no clock of its own
ENCODING = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}


class PictureSource(Source):
    """One picture as a video of one frame at time 0; EXIF orientation is applied, transparency dropped."""

    def __init__(self, path: Path) -> None:
        """Read the picture at once, since its header does not tell the upright size."""
        self._pixels = read_picture(path)
        height, width = self._pixels.shape[:2]
        self.info = VideoInfo(width, height, frames=1, is_image=True, origin=str(path))

    def __iter__(self) -> Iterator[TimedFrame]:
        """Yield the picture."""
        yield TimedFrame(self._pixels, Fraction(0))


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
                pixels = read_picture(file)
            except UserError:
                self.skipped += 1
                continue
            if pixels.shape[1::-1] != size:
                pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            yield TimedFrame(pixels, index / FOLDER_RATE)


class PictureSink(FileSink):
    """One frame as a picture file."""

    def _add(self, frame: TimedFrame) -> None:
        if self._count:
            name, stem = self.target.name, self.target.stem
            raise UserError(
                f"{name} holds one picture, but more frames came; name a clip ({stem}.mp4) or a folder ({stem}/)."
            )
        write_picture(self._part, frame.pixels)


class FolderSink(FileSink):
    """Every frame as a numbered PNG with our mark, 000000.png on; the times are not kept."""

    def _add(self, frame: TimedFrame) -> None:
        content = encode_picture(".png", frame.pixels)
        if self.made_by is not None:
            content = self.made_by.marked(content, ".png")
        (self._part / f"{self._count:06d}.png").write_bytes(signed(content))


def read_picture(path: Path) -> Pixels:
    """A picture file as (H, W, 3) uint8 RGB, upright."""
    try:
        # Not cv2.imread, which cannot open names outside the code page on Windows.
        content = np.fromfile(path, np.uint8)
        bgr = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UserError(f"{path} cannot be read ({error}); check the file and its permissions.") from error
    if bgr is None:
        raise UserError(f"{path} is not a picture that can be read; it is damaged or something else.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Write (H, W, 3) uint8 RGB in the format of the extension."""
    path.write_bytes(encode_picture(path.suffix.lower(), pixels))


def encode_picture(extension: str, pixels: Pixels) -> bytes:
    """(H, W, 3) uint8 RGB as the content of a file with that extension."""
    bgr = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR)
    try:
        done, content = cv2.imencode(extension, bgr, ENCODING.get(extension, []))
    except cv2.error:
        done, content = False, np.empty(0, np.uint8)
    if not done:
        height, width = pixels.shape[:2]
        raise UserError(f"a {extension} file cannot hold {width}x{height} pixels; write .png instead.")
    return content.tobytes()


def _number(path: Path) -> tuple[list[int], str]:
    """Sort key that puts 2.png before 10.png, as the numbers in the names say."""
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.name
