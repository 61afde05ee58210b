"""The numbers of docs/results.md: style, content, flicker and consistency of a network on photos it never saw.

    python -m benchmarks.score --model FILE.tflite --style PICTURE --photos DIR [--vgg16 FILE] [--count 8]

Prints one JSON row for the network and one for leaving the frame alone.  Photos are brought to 512 px; motion is
made from them at 640x360 with sensor noise of 2/255, and its flow is exact.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst import metrics
from keras_vst.config import MotionConfig
from keras_vst.features import load_vgg16
from keras_vst.frames import to_float, to_uint8
from keras_vst.motion import Frame, SyntheticClip, clip_from_photos
from keras_vst.runners.tflite import Runner
from keras_vst.runners.verify import open_runner

Frames = npt.NDArray[np.float32]
CLIP_FRAMES = 12
VIDEO = (360, 640)
MOTION = MotionConfig(objects=0, light=0.0)
MARGIN = 8  # as the edge runs it


class Painter:
    """Frames (1, H, W, 3) in [0, 1] -> same, with the network's memory; `runner` None leaves them alone."""

    def __init__(self, runner: Runner | None):
        self.runner = runner
        self.state: Frames | None = None

    def __call__(self, frames: Any) -> Frames:
        frames = np.asarray(frames, np.float32)
        if self.runner is None:
            return frames
        padded = np.pad(frames, [(0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)], mode="edge")
        style = np.eye(1, self.runner.num_styles, dtype=np.float32)
        stylized, self.state = self.runner.run(padded, style, self.state)
        return np.clip(stylized[:, MARGIN:-MARGIN, MARGIN:-MARGIN], 0, 1)

    def afresh(self, frames: Any) -> Frames:
        """Stylize without memory, as a single picture."""
        self.state = None
        return self(frames)


def score(painter: Painter, photos: list[Frame], style: Frame, features: Any) -> dict[str, float]:
    """Medians over the photos."""
    rows = [_of_photo(painter, photo, style, features) for photo in photos]
    clips = [_of_clip(painter, first, second, seed) for seed, (first, second) in enumerate(_pairs(photos))]
    merged = {name: [row[name] for row in rows] for name in rows[0]}
    merged |= {name: [row[name] for row in clips] for name in clips[0]}
    return {name: round(float(np.median(values)), 4) for name, values in merged.items()}


def _of_photo(painter: Painter, photo: Frame, style: Frame, features: Any) -> dict[str, float]:
    frame = to_float(_fit(photo, 512))[None]
    stylized, reference = painter.afresh(frame), to_float(style)[None]
    shifts = metrics.shift_stability(painter.afresh, frame)
    return {
        "style": metrics.style_distance(stylized, reference, features),
        "content": metrics.content_distance(stylized, frame, features),
        "ssim": metrics.structural_similarity(stylized, frame),
        "crop_consistency": metrics.crop_consistency(painter.afresh, frame),
        "shift_1": shifts[1],
        "shift_4": shifts[4],
        "noise_flicker": metrics.noise_flicker(_from_start(painter), frame),
    }


def _of_clip(painter: Painter, photo: Frame, other: Frame, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    clip = clip_from_photos(_cover(photo), other, CLIP_FRAMES, VIDEO, rng, MOTION)
    stylized = _painted(painter, clip)
    return {
        "warp": metrics.clip_warp_error(stylized, clip.flow),
        "warp_10": metrics.clip_warp_error(stylized, clip.flow, step=10),
    }


def _painted(painter: Painter, clip: SyntheticClip) -> Frames:
    stylize = _from_start(painter)
    return np.concatenate([stylize(to_float(clip.frame(time))[None]) for time in range(CLIP_FRAMES)])


def _from_start(painter: Painter) -> Callable[[Any], Frames]:
    painter.state = None
    return painter


def _pairs(photos: list[Frame]) -> list[tuple[Frame, Frame]]:
    return list(zip(photos, [*photos[1:], photos[0]], strict=True))


def _fit(picture: Frame, side: int) -> Frame:
    """Bring the longer side to `side`, both to multiples of 8."""
    scale = side / max(picture.shape[:2])
    height, width = (max(8, round(length * scale / 8) * 8) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _cover(picture: Frame) -> Frame:
    """Large enough for the camera to move over at 640x360."""
    scale = 1.25 * max(VIDEO[0] / picture.shape[0], VIDEO[1] / picture.shape[1])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return to_uint8(to_float(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)))


def paths_of(folder: Path, count: int) -> list[Path]:
    """So many pictures, spread over the folder."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [paths[index] for index in np.linspace(0, len(paths) - 1, count).astype(int)]


def read(path: Path) -> Frame:
    """A picture as (H, W, 3) RGB."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path} cannot be read as a picture.")
    return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True, help="the painting that it was trained on")
    parser.add_argument("--photos", type=Path, required=True, help="pictures that it was not trained on")
    parser.add_argument("--vgg16", help="ImageNet VGG16 weights; default: Keras's own")
    parser.add_argument("--count", type=int, default=8, help="how many photos, spread over the folder")
    options = parser.parse_args()

    photos = [read(path) for path in paths_of(options.photos, options.count)]
    style = _fit(read(options.style), 512)
    features = load_vgg16(options.vgg16)
    for name, runner in ((options.model.stem, open_runner(options.model)), ("identity", None)):
        print(json.dumps({"network": name, **score(Painter(runner), photos, style, features)}), flush=True)


if __name__ == "__main__":
    main()
