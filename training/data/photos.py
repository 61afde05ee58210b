"""Pictures of a folder, decoded as small as needed: uint8 RGB (H, W, 3), drawn at random, and seen in other light."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from keras_vst.errors import UserError
from keras_vst.frames import PICTURES
from keras_vst.motion import Frame

Image.MAX_IMAGE_PIXELS = None  # only headers are read with it, and `LARGEST` is the limit
LARGEST = 100_000_000  # pixels; a small file can claim more and take all memory
SMALLEST = 16  # pixels on the shorter side of what is worth learning from
LONGEST = 4  # times its shorter side; what a strip has beyond that is cut off
MEMORY = 512 << 20  # bytes of decoded pictures that are kept
_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))
_LUMA = np.array([0.299, 0.587, 0.114])


class PictureMemory:
    """The pictures made last, up to so many bytes.  Threads may share it."""

    def __init__(self, limit: int = MEMORY):
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[Hashable, Frame] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Frame]) -> Frame:
        """The picture of that key, made if it is not at hand; not to be written to."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = picture
                self._size += picture.nbytes
            while self._size > self._limit:
                self._size -= self._kept.popitem(last=False)[1].nbytes
        return picture


class Photos:
    """The readable pictures of a folder and its subfolders.

    The others are in `skipped`, each with the reason; one that turns out broken when it is drawn joins them.
    """

    def __init__(self, folder: str | Path, side: int, option: str = "--photos"):
        self.side = side
        self.skipped: list[tuple[Path, str]] = []
        self.paths = [path for path in find_pictures(folder, option) if self._is_fit(path)]
        if not self.paths:
            reasons = "".join(f" {path.name}: {reason}." for path, reason in self.skipped[:3])
            raise UserError(f"{folder} holds no readable picture ({', '.join(PICTURES)}).{reasons}")
        self._memory = PictureMemory()

    def __len__(self) -> int:
        return len(self.paths)

    def draw(self, rng: np.random.Generator, side: int | None = None) -> Frame:
        """One of them at random, its shorter side brought to `side`; a broken one is passed over."""
        first, side = int(rng.integers(len(self.paths))), side or self.side
        for index in range(first, first + len(self.paths)):
            path = self.paths[index % len(self.paths)]
            try:
                return self._memory.get((path, side), lambda path=path: load_picture(path, side))
            except UserError as error:
                if path not in dict(self.skipped):
                    self.skipped.append((path, str(error)))
        raise UserError(f"Not one of the {len(self.paths)} pictures can be decoded any more.")

    def _is_fit(self, path: Path) -> bool:
        """Whether the first bytes promise a picture; a reason not to is remembered."""
        try:
            _check_size(path)
        except UserError as error:
            self.skipped.append((path, str(error)))
            return False
        return True


def find_pictures(source: str | Path, option: str = "--photos") -> list[Path]:
    """The files of a folder and its subfolders whose names are those of pictures; a file stands for itself."""
    missing = "needs a folder of pictures. There is no folder"
    return find_files(source, option, missing, lambda suffix: suffix in PICTURES)


def find_files(source: str | Path, option: str, missing: str, taken: Callable[[str], bool]) -> list[Path]:
    """The files of a folder and its subfolders whose suffix is taken; `missing` is told of what is not there."""
    source = Path(source)
    try:
        if source.is_file():
            return [source]
        if not source.is_dir():
            raise UserError(f"{option} {missing} {source}.")
        next(source.iterdir(), None)
        named = (path for path in source.rglob("*") if taken(path.suffix.lower()))
        return sorted(path for path in named if not path.name.startswith(".") and path.is_file())
    except OSError as error:
        raise UserError(
            f"{option} {source} cannot be read: {error.strerror}. Check its permissions."
        ) from error


def load_picture(path: Path | str, side: int, longer: bool = False) -> Frame:
    """Read a picture as uint8 RGB, its shorter (or longer) side brought to `side`.

    16-bit and CMYK pictures become 8-bit RGB, transparency is dropped, of an animation the first frame is taken.
    """
    path = Path(path)
    size = _check_size(path)
    picture = _decode(path, size, side, longer)
    if min(picture.shape[:2]) < SMALLEST:
        raise UserError(_too_small(path, picture.shape[1], picture.shape[0]))
    if not longer:
        picture = _shorten(picture)
    height, width = picture.shape[:2]
    scale = side / (max(height, width) if longer else min(height, width))
    least = 1 if longer else side
    target = max(least, round(width * scale)), max(least, round(height * scale))
    resized = cv2.resize(picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB), np.uint8)


def _check_size(path: Path) -> tuple[int, int]:
    """(width, height) as the header claims them, if they are those of a picture to decode."""
    try:
        with Image.open(path) as header:
            size = header.size
    except (OSError, ValueError) as error:
        reason = (
            error.strerror
            if isinstance(error, OSError) and error.strerror
            else "it is damaged, or no picture"
        )
        raise UserError(f"{path} cannot be read as a picture: {reason}.") from error
    if size[0] * size[1] > LARGEST:
        raise UserError(
            f"{path} has {size[0]}x{size[1]} pixels. At most {LARGEST // 1_000_000} million are read; "
            "make it smaller first."
        )
    if min(size) < SMALLEST:
        raise UserError(_too_small(path, *size))
    return size


def _decode(path: Path, size: tuple[int, int], side: int, longer: bool) -> Frame:
    """BGR, at 1/2, 1/4 or 1/8 where that still leaves `side` pixels: a JPEG is then read 4 times as fast."""
    measure = max(size) if longer else min(size)
    mode = next((mode for factor, mode in _REDUCED if measure >= factor * side), cv2.IMREAD_COLOR)
    try:
        # Not cv2.imread, which cannot open names outside the code page on Windows.
        picture = cv2.imdecode(np.fromfile(path, np.uint8), mode)
    except (OSError, cv2.error) as error:
        raise UserError(f"{path} cannot be read as a picture: {error}.") from error
    if picture is None:
        raise UserError(f"{path} cannot be read as a picture: it is damaged, or something else.")
    return np.asarray(picture, np.uint8)


def _shorten(picture: Frame) -> Frame:
    height, width = picture.shape[:2]
    reach = LONGEST * min(height, width)
    top, left = max(height - reach, 0) // 2, max(width - reach, 0) // 2
    return picture[top : top + reach, left : left + reach]


def _too_small(path: Path, width: int, height: int) -> str:
    return f"{path} has {width}x{height} pixels: too few to learn from. Expected at least {SMALLEST} a side."


def jitter(frames: npt.NDArray[np.uint8], rng: np.random.Generator, strength: float) -> npt.NDArray[np.uint8]:
    """Another exposure, white balance and saturation, the same for all frames (T, H, W, 3) uint8."""
    exposure, balance, saturation = rng.uniform(-1, 1), rng.uniform(-1, 1, 3), rng.uniform(-1, 1)
    if not strength:
        return np.ascontiguousarray(frames)
    gains = (1 + strength * exposure) * (1 + 0.5 * strength * balance)
    vivid = 1 + 2 * strength * saturation
    matrix = gains[:, None] * (vivid * np.eye(3) + (1 - vivid) * _LUMA)
    rows = np.ascontiguousarray(frames).reshape(-1, frames.shape[2], 3)
    return np.asarray(cv2.transform(rows, matrix), np.uint8).reshape(frames.shape)
