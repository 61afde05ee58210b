"""How close a look of the zoo comes to the pipeline it learned from, on photos it has not seen, and whether it is calm.

    python -m benchmarks.likeness --photos DIR [LOOK ...] [--model FILE] [--strip FILE.jpg]

SSIM (Wang et al. 2004: Gaussian of 1.5 pixels, each of R, G, B, their mean) between what the network paints and what
the pipeline makes of the same photo, its shorter side 360 pixels: the median and the least over all photos.  Flicker:
a photo that stands still, with sensor noise of 2 levels new in every frame; the deviation that is left in what is
painted over its contrast, as a share of the same of the frames: below 1 it is no more than the frame's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks import described
from edge.painter import Painter
from keras_vst import zoo
from keras_vst.frames import Pixels
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame
from training.data.photos import find_pictures, load_picture
from training.looks import LOOKS

SIDE, STRIP_SIDE = 360, 240
NOISE, FRAMES = 2.0, 4
STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # of the measure's own paper
Paint = Callable[[Pixels], Pixels]


def ssim(ours: Pixels, theirs: Pixels) -> float:
    """Structural similarity of two pictures (H, W, 3); 1 for equal ones."""
    x, y = ours.astype(np.float64), theirs.astype(np.float64)

    def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float64)[5:-5, 5:-5]

    mx, my = mean(x), mean(y)
    spread, shared = mean(x * x) - mx * mx + mean(y * y) - my * my, mean(x * y) - mx * my
    first, second = STEADY
    return float(
        np.mean((2 * mx * my + first) * (2 * shared + second) / ((mx**2 + my**2 + first) * (spread + second)))
    )


def flicker(paint: Paint, photo: Pixels) -> float:
    """Deviation over time in units of the deviation over the picture, where only noise changes."""
    rng = np.random.default_rng(0)
    noise = NOISE * rng.standard_normal((FRAMES, *photo.shape))
    frames = [np.clip(np.rint(photo + each), 0, 255).astype(np.uint8) for each in noise]
    painted = np.stack([paint(frame) for frame in frames]).astype(np.float64)
    return float(painted.std(axis=0).mean() / (painted.mean(axis=0).std() + 1))


def measure(name: str, model: Path | None, photos: Sequence[Pixels]) -> dict[str, float | str]:
    """One row."""
    paint, pipeline = _painter(name, model), LOOKS[name]
    alike = [ssim(paint(photo), pipeline(photo)) for photo in photos]
    calm = [
        flicker(paint, photo) / flicker(lambda frame: frame, photo)
        for photo in photos[:: len(photos) // 8 or 1]
    ]
    row = {"ssim": np.median(alike), "worst": min(alike), "flicker": np.median(calm)}
    return {"look": name, **{key: round(float(value), 4) for key, value in row.items()}}


def strip(names: Sequence[str], photos: Sequence[Pixels]) -> Pixels:
    """A row a photo: as it was, then what each network paints."""
    rows = []
    for photo in photos:
        height, width = photo.shape[:2]
        top, left = (height - SIDE) // 2, (width - SIDE) // 2
        square = np.ascontiguousarray(photo[top : top + SIDE, left : left + SIDE])
        rows.append([square, *(_painter(name, None)(square) for name in names)])
    small = [
        [cv2.resize(each, (STRIP_SIDE,) * 2, interpolation=cv2.INTER_AREA) for each in row] for row in rows
    ]
    return np.concatenate([np.concatenate(row, axis=1) for row in small]).astype(np.uint8)


def _painter(name: str, model: Path | None) -> Paint:
    style = zoo.find_style(name) if model is None else zoo.file_style(model)
    painter = Painter(open_network(style.path, sha256=style.sha256), margin=style.margin)
    return lambda frame: painter.repaint(TimedFrame(frame, 0)).after.pixels  # pyright: ignore[reportArgumentType]


def main() -> None:
    """Measure the looks that are named, or all of the zoo."""
    parser = described(__doc__)
    parser.add_argument("looks", nargs="*", metavar="LOOK", help=f"of {', '.join(LOOKS)}; default: all")
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=40, metavar="N", help="how many of them, evenly drawn")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the zoo's, with one LOOK")
    parser.add_argument("--strip", type=Path, metavar="FILE", help="also draw the first photos in every look")
    options = parser.parse_args()
    paths, names = find_pictures(options.photos), options.looks or list(LOOKS)
    photos = [load_picture(path, SIDE) for path in paths[:: max(1, len(paths) // options.count)]]
    for name in names:
        print(json.dumps({**measure(name, options.model, photos), "photos": len(photos)}))
    if options.strip:
        picture = cv2.cvtColor(strip(names, photos[:: len(photos) // 5][:5]), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(options.strip), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
