"""Picture files, alone, numbered in a folder or moving, as a video of (H, W, 3) uint8 RGB frames and back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.filter import Graph
from av.packet import Packet

from keras_vst.errors import UserError
from keras_vst.frames import PICTURES, Pixels, on_white
from keras_vst.video.base import Excerpt, Source, TimedFrame, VideoInfo
from keras_vst.video.encoding import ClipSink, FileSink
from keras_vst.video.labels import lost
from keras_vst.video.picture_head import check_parts, moves, read_head
from keras_vst.video.pictures import TRANSPARENT, encode_picture, open_picture, read_picture
from keras_vst.video.provenance import signed

FOLDER_RATE = Fraction(25)  # frames a second of a folder, which has no clock of its own
MILLISECOND = Fraction(1, 1000)
LONGEST_LAST = 10  # seconds that the last frame of a GIF may last
SHORTEST = 10  # milliseconds; a frame that says less is shown for 100, as browsers do


class PictureSource(Source):
    """One picture as a video of one frame at time 0; EXIF orientation is applied."""

    def __init__(self, path: Path) -> None:
        """Read the picture at once, since its header does not tell the upright size."""
        self._picture = open_picture(path)
        height, width = self._picture.pixels.shape[:2]
        exif = self._picture.exif
        if (head := read_head(path)) is not None and head.has_lost_exif:
            self.notes = ("its EXIF cannot be read here; left out",)
        self.info = VideoInfo(width, height, frames=1, is_image=True, origin=str(path), exif=exif)

    def __iter__(self) -> Iterator[TimedFrame]:
        yield TimedFrame(self._picture.pixels, Fraction(0), self._picture.alpha)


class FolderSource(Source):
    """The pictures of a folder in the order of their numbers, 25 a second, all of the first one's size."""

    def __init__(self, folder: Path) -> None:
        files = (entry for entry in folder.iterdir() if entry.suffix.lower() in PICTURES)
        self._files = sorted((entry for entry in files if not entry.name.startswith(".")), key=_number)
        if not self._files:
            raise UserError(
                f"folder {folder} holds no pictures ({', '.join(PICTURES)}); name a clip or fill it."
            )
        height, width = read_picture(self._files[0]).shape[:2]
        count, tick = len(self._files), 1 / FOLDER_RATE
        seconds = float(count * tick)
        self.info = VideoInfo(width, height, FOLDER_RATE, count, seconds, time_base=tick, origin=str(folder))

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


class AnimationSource(Source):
    """An animated WebP: all its frames, each as long as it says, held in memory together."""

    def __init__(self, path: Path) -> None:
        """Decode all frames, since OpenCV cannot go on where it left off."""
        frames, lengths = _decoded(path)
        lengths = [length if length > SHORTEST else 100 for length in lengths]
        self._frames, self._times = frames, [sum(lengths[:index]) for index in range(len(frames))]
        height, width = frames[0].shape[:2]
        count, whole, told = len(frames), sum(lengths), {"time_base": MILLISECOND, "origin": str(path)}
        self.info = VideoInfo(width, height, Fraction(1000 * count, whole), count, whole / 1000, **told)

    def __iter__(self) -> Iterator[TimedFrame]:
        for pixels, time in zip(self._frames, self._times, strict=True):
            if self._closed:
                return
            rgb = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_BGR2RGB), np.uint8)
            alpha = _alpha(pixels)
            yield TimedFrame(rgb if alpha is None else on_white(rgb, alpha), time * MILLISECOND, alpha)


class PictureSink(FileSink):
    """One frame as a picture file, with the source's EXIF and transparency where its format has them."""

    def __init__(self, path: Path, info: VideoInfo, *inputs: str | os.PathLike[str] | None) -> None:
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


class GifSink(ClipSink):
    """An animated GIF: silent, and it runs for ever; each frame has a palette of its own."""

    _fed = "rgb24"

    def __init__(self, path: Path, info: VideoInfo, sound: Excerpt | None) -> None:
        self._duration = Fraction(info.duration or 0)
        self._held: list[Packet] = []  # the last one, whose length is known at the end
        super().__init__(path, info, None, None, sound)

    def _add_sound(self, sound: Excerpt, extension: str) -> None:
        self.notes += lost(sound, extension)

    def _start(self, width: int, height: int) -> None:
        super()._start(width, height)
        self._palettes = Palettes(width, height, self._tick)

    def _encode(self, picture: av.VideoFrame | None) -> None:
        with self._errors():
            packets = [
                packet for ready in self._palettes.frames(picture) for packet in self._stream.encode(ready)
            ]
            held = [*self._held, *packets]
            self._output.mux(held[:-1])
            self._held = held[-1:]
            if picture is None:
                self._output.mux(self._stream.encode(None))

    def _finish(self) -> None:
        self._encode(None)
        # As long as the source lasts, unless that is so long that it must have broken off.
        left = self._duration - (self._end - self._period)
        left = left if self._period < left <= LONGEST_LAST else self._period
        for packet in self._held:
            packet.duration = round(left / self._tick)
            self._output.mux(packet)
        self._output.close()


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


def open_still(path: Path) -> Source | None:
    """The picture, or the WebP that moves; None of what moves and FFmpeg reads."""
    check_parts(path)
    if not moves(path):
        return PictureSource(path)
    return AnimationSource(path) if path.suffix.lower() == ".webp" else None


def open_pictures(path: Path, kind: str, info: VideoInfo, sound: Excerpt | None) -> FileSink:
    """A GIF, a picture or, with the kind `/`, a folder of them, all of which are silent, as the notes say."""
    if kind == ".gif":
        return GifSink(path, info, sound)
    uri = sound and sound.uri
    sink = FolderSink(path, info.origin, uri, folder=True) if kind == "/" else PictureSink(path, info, uri)
    sink.notes += lost(sound, "a folder of pictures" if kind == "/" else kind)
    return sink


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _number(path: Path) -> tuple[list[int], str]:
    """Sort key that puts 2.png before 10.png, as the numbers in the names say."""
    return [int(digits) for digits in re.findall(r"\d+", path.stem)], path.name


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
