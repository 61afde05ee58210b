"""What networks are scored on: photos, motion made from them, clips.  None of it should have been trained on.

Pictures and frames are uint8 RGB (H, W, 3).  Flow is backward, (H, W, 2) as (dx, dy) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import keras_vst
from keras_vst import flow
from keras_vst.errors import UserError
from keras_vst.frames import PICTURES, Pixels
from keras_vst.metrics import FlowBetween
from keras_vst.motion import Layer, SyntheticClip
from training.data.photos import find_pictures

SCENE = Path(keras_vst.__file__).parent / "assets" / "scene.mp4"
SHARE = 0.75  # of a photo that the moving camera sees
TURN, ZOOM, DRIFT = 0.006, 0.006, (2.5, 1.5)  # of the camera a frame, at most: radians, share, pixels (x, y)
NOISE = 2.0  # of its sensor, of 255
QUICK_PHOTOS, QUICK_MOTIONS = 4, 1
BORDER_ROOM = 64  # pixels that a wide frame has around the place where the border is looked at
STEP = 8  # sides of pictures are multiples of it
LARGEST = 1600  # pixels on the longer side of a photo that is kept in memory
FLOWS_KEPT = 64  # of 2.8 MB each at 640x360


@dataclass(frozen=True)
class Sizes:
    """How large everything is; numbers of other sizes do not compare."""

    picture: int = 512  # pixels on the longer side
    video: tuple[int, int] = (360, 640)  # (height, width)
    frames: int = 12  # of a clip
    long: int = 48  # frames over which a rounded file is compared with the exact one


SIZES = Sizes()


@dataclass(frozen=True)
class Clip:
    """Frames, and how they move."""

    frames: list[Pixels]
    flow: FlowBetween
    exact: bool  # the motion was made, not estimated


@dataclass(frozen=True)
class Material:
    """Everything that a painter is shown."""

    photos: list[Pixels]
    motions: list[Clip]  # a camera over the first photos
    wide: list[Pixels]  # the same photos, for the border
    clips: list[Clip]
    told: dict[str, str]  # where it comes from
    long: Clip | None = None  # the first of the clips, longer


def gather(photos: str, clips: Sequence[str], count: int, sizes: Sizes, *, quick: bool = False) -> Material:
    """Read `count` photos and as many clips; what is not given is made by the program or comes with it.

    `quick`: a few photos, motion of the first, no clips.
    """
    pictures = _photos(photos, min(count, QUICK_PHOTOS) if quick else count, sizes)
    source = f"of {photos}" if photos else "made by the program (no --photos)"
    told = {"photos": f"{len(pictures)} {source}"}
    found = of_photos(pictures, QUICK_MOTIONS if quick else len(pictures), sizes)
    if quick:
        return replace(found, told=told)
    paths = _spread(_clip_paths(clips), count) if clips else [SCENE]
    named = f"{len(paths)} of {', '.join(clips)}" if clips else "the bundled film (no --clips)"
    read = [real_clip(path, sizes.video, sizes.frames) for path in paths]
    long = real_clip(paths[0], sizes.video, sizes.long)
    return replace(found, clips=read, long=long, told={**told, "clips": named})


def of_photos(pictures: Sequence[Pixels], motions: int, sizes: Sizes = SIZES) -> Material:
    """What can be made of photos alone, motion of the first ones."""
    wide = sizes.video[0] + 2 * BORDER_ROOM, sizes.video[1] + 2 * BORDER_ROOM
    return Material(
        [fitted(picture, sizes.picture) for picture in pictures],
        [moving_camera(picture, seed, sizes) for seed, picture in enumerate(pictures[:motions])],
        [_covering(picture, wide) for picture in pictures[:motions]],
        [],
        {},
    )


def fitted(picture: Pixels, side: int) -> Pixels:
    """Its longer side brought to `side`, both to multiples of 8."""
    scale = side / max(picture.shape[:2])
    height, width = (max(STEP, round(length * scale / STEP) * STEP) for length in picture.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def moving_camera(photo: Pixels, seed: int, sizes: Sizes) -> Clip:
    """A camera that drifts, turns and zooms over a photo; its motion is exact."""
    rng, (height, width), (high, wide) = np.random.default_rng(seed), sizes.video, photo.shape[:2]
    turn, zoom = rng.uniform(-TURN, TURN), rng.uniform(-ZOOM, ZOOM)
    drift = [rng.uniform(-most, most) for most in DRIFT]
    scale, path = SHARE * min(wide / width, high / height), []
    for time in range(sizes.frames):
        size = scale * (1 + zoom * time)
        cosine, sine = size * np.cos(turn * time), size * np.sin(turn * time)
        turned = np.array([[cosine, -sine, wide / 2], [sine, cosine, high / 2], [0, 0, 1]])
        shift = drift[0] * time - width / 2, drift[1] * time - height / 2
        path.append(turned @ np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]]))
    noise = [rng.normal(0, NOISE, (height, width, 3)).astype(np.float32) for _ in path]
    clip = SyntheticClip([Layer(photo, None, path)], sizes.video, [1.0] * len(path), noise)
    return Clip([clip.frame(time) for time in range(sizes.frames)], clip.flow, exact=True)


def real_clip(path: Path, size: tuple[int, int], count: int) -> Clip:
    """The first frames of a clip, cut to the size, with motion that is estimated where it can be trusted."""
    from keras_vst.video import open_source

    frames: list[Pixels] = []
    with open_source(path) as source:
        for frame in source:
            frames.append(_covering(frame.pixels, size))
            if len(frames) == count:
                break
    if len(frames) < 2:
        raise UserError(f"--clips {path} has {len(frames)} frame; steadiness needs two or more.")

    @lru_cache(maxsize=FLOWS_KEPT)
    def moved(time: int, earlier: int) -> tuple[Any, Any]:
        return flow.between(frames[earlier], frames[time])

    return Clip(frames, moved, exact=False)


def _photos(folder: str, count: int, sizes: Sizes) -> list[Pixels]:
    if not folder:
        from training.data.procedural import ProceduralPhotos

        made, rng = ProceduralPhotos(2**16, sizes.picture * 3 // 4), np.random.default_rng(0)
        return [made.draw(rng) for _ in range(count)]
    found = find_pictures(folder)
    if not found:
        raise UserError(f"--photos {folder} holds no picture ({', '.join(PICTURES)}).")
    from keras_vst.video.pictures import read_picture

    pictures, reasons = [], []
    for path in dict.fromkeys([*_spread(found, count), *found]):  # a broken one is replaced by another
        if len(pictures) == min(count, len(found)):
            break
        try:
            pictures.append(_shrunk(_middle(read_picture(path)), LARGEST))
        except UserError as error:
            reasons.append(str(error))
    if not pictures:
        raise UserError(f"--photos {folder} holds no readable picture. {reasons[0]}")
    return pictures


def _middle(picture: Pixels) -> Pixels:
    """The middle of a panorama: crops of it are compared, which take 200 pixels of 512."""
    reach = 2 * min(picture.shape[:2])
    top, left = (max(side - reach, 0) // 2 for side in picture.shape[:2])
    return picture[top : top + reach, left : left + reach]


def _shrunk(picture: Pixels, side: int) -> Pixels:
    scale = side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _clip_paths(given: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for name in given:
        path = Path(name)
        if not path.exists():
            raise UserError(f"--clips: there is no {name}. Name clips, or folders of them.")
        inside = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        found += [
            each for each in inside if not each.name.startswith(".") and each.suffix not in (".csv", ".txt")
        ]
    if not found:
        raise UserError(f"--clips {', '.join(given)} holds no clip. Name clips, or folders of them.")
    return found


def _covering(frame: Pixels, size: tuple[int, int]) -> Pixels:
    """Resized until it covers the size, the middle cut out."""
    height, width = size
    scale = max(height / frame.shape[0], width / frame.shape[1])
    wanted = max(width, round(frame.shape[1] * scale)), max(height, round(frame.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = np.asarray(cv2.resize(frame, wanted, interpolation=method), np.uint8)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])


def _spread(paths: list[Path], count: int) -> list[Path]:
    """So many of them, from the first to the last."""
    places = np.linspace(0, len(paths) - 1, min(count, len(paths)))
    return [paths[place] for place in places.astype(int)]
