"""What a preview is worth: beside every single style, the nearest alone, all in equal parts and two at random.

    python -m benchmarks.previews --paintings A.jpg B.jpg ... --photos DIR --sheet previews.png
    python -m benchmarks.previews --paintings ALL-THAT-STYLES-WERE-LEARNED-FROM --write    # after the zoo has changed

Paintings that no network learned, photos that no training saw.  Every mix is in the painting's colours but for the
single styles, which have their own.  Palette and warp over contrast are those of keras_vst/metrics.py; --texture adds
what VGG16 sees, which needs TensorFlow.  Lower is better.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import described
from keras_vst import metrics, zoo
from keras_vst.errors import run_command
from keras_vst.files import ASSETS, write_whole
from keras_vst.frames import Pixels, to_float
from keras_vst.motion import MotionConfig, clip_from_photos
from keras_vst.networks.mixing import open_mix
from keras_vst.preview import BRUSHES, at_side, brushwork, made_of, mixable, nearest
from keras_vst.video.pictures import read_picture, write_picture
from keras_vst.zoo import Style

COUNT, SIDE = 4, 256  # photos, and their sides
FRAMES, SEED = 4, 5
Parts = list[tuple[Style, float]]


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and measure."""
    parser = described(__doc__)
    parser.add_argument("--paintings", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--photos", type=Path, metavar="DIR")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="each painting, and what is made after it"
    )
    parser.add_argument("--texture", action="store_true", help="also by VGG16 (KERAS_VST_VGG16)")
    parser.add_argument(
        "--write", action="store_true", help="keep the brushwork of paintings that stand on cards"
    )
    options = parser.parse_args(argv)
    return run_command("benchmarks.previews", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    if options.write:
        write_brushes(options.paintings)
    elif options.paintings:
        look, photos = _looker(options.texture), squares(options.photos)
        ways = ["found", "nearest", "equal", "random", "single"]  # of palette the best, else the nearest
        print(
            "painting",
            "mix",
            *(f"{measure}: {way}" for measure in look for way in ways),
            sep=" | ",
            flush=True,
        )
        rows = [judged(path, photos, look, ways) for path in options.paintings]
        medians = np.median([[*row.values()] for row, _ in rows], axis=0)
        print("median", "", *(f"{value:.3f}" for value in medians), sep=" | ")
        if options.sheet:
            write_picture(options.sheet, np.concatenate([strip for _, strip in rows]))
    return 0


def write_brushes(paintings: list[Path]) -> None:
    """The brushwork of each painting that a bundled style was learned from, by its checksum."""
    cards = {style.card.get("sha256") for style in zoo.styles("live") if not style.own}
    known = {}
    for path in paintings:
        if (sha256 := hashlib.sha256(path.read_bytes()).hexdigest()) in cards:
            numbers = brushwork(at_side(read_picture(path))).tolist()
            known[sha256] = [round(each, 3) for each in numbers]
    rows = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in sorted(known.items())
    )
    write_whole(ASSETS / BRUSHES, f"{{\n{rows}\n}}\n")


def judged(
    path: Path, photos: list[Pixels], look: dict[str, Any], ways: list[str]
) -> tuple[dict[str, float], Pixels]:
    """One painting: every measure of every way, and a strip of it."""
    painting = at_side(read_picture(path))
    known, rng = mixable(), np.random.default_rng(SEED)
    found, every = nearest(brushwork(painting), known), [style for style, _ in known]
    parts: dict[str, Parts] = {
        "found": found,
        "nearest": [(found[0][0], 1.0)],
        "equal": [(style, 1.0) for style in every],
        "random": [(every[int(place)], 0.5) for place in rng.choice(len(every), 2, replace=False)],
    }
    networks = {way: open_mix([(made_of(mix, painting, way), 1.0)]) for way, mix in parts.items()}
    singles = [open_mix([(style, 1.0)]) for style in every]
    row = {}
    for name, measured in look.items():
        values = [measured(networks[way], painting, photos) for way in ways[:-1]]
        alone = singles if name == "palette" else [singles[every.index(found[0][0])]]
        values.append(min(measured(single, painting, photos) for single in alone))
        row |= {f"{name}: {way}": value for way, value in zip(ways, values, strict=True)}
    mix = ", ".join(f"{style.name} {share:.2f}" for style, share in found)
    print(path.stem, mix, *(f"{value:.3f}" for value in row.values()), sep=" | ", flush=True)
    shown = [networks["found"].paint(photo) for photo in photos]
    return row, np.concatenate([_square(painting), *shown], axis=1)


def _looker(by_vgg16: bool) -> dict[str, Any]:
    look: dict[str, Any] = {"palette": palette, "steady": steadiness}
    if by_vgg16:
        from keras_vst.features import load_vgg16

        features = load_vgg16(None)

        def seen(network: Any, painting: Pixels, photos: list[Pixels]) -> float:
            sides = [side // 16 * 16 for side in painting.shape[:2]]
            reference = metrics.Texture(features(to_float(painting)[None, : sides[0], : sides[1]]))
            return metrics.Texture(features(np.stack([_painted(network, each) for each in photos]))).error(
                reference
            )

        look["texture"] = seen
    return look


def palette(network: Any, painting: Pixels, photos: list[Pixels]) -> float:
    """Palette distance over all photos together."""
    return metrics.palette_distance(
        [_painted(network, photo)[None] for photo in photos], to_float(painting)[None]
    )


def steadiness(network: Any, painting: Pixels, photos: list[Pixels]) -> float:
    """Warp error along an exact camera motion over the first photo, over the contrast."""
    rng = np.random.default_rng(SEED)
    clip = clip_from_photos(
        photos[0], photos[1], FRAMES, (SIDE - 64, SIDE - 64), rng, MotionConfig(objects=0, light=0)
    )
    painted = np.stack([_painted(network, clip.frame(time)) for time in range(FRAMES)])
    first, _ = metrics.contrast([painted], to_float(painting)[None])
    return metrics.steady(metrics.clip_warp_error(painted, clip.flow), first)


def squares(folder: Path) -> list[Pixels]:
    """Photos of a folder, drawn once."""
    paths = sorted(folder.rglob("*.jpg"))
    drawn = np.random.default_rng(SEED).choice(len(paths), COUNT, replace=False)
    return [_square(read_picture(paths[int(place)])) for place in drawn]


def _square(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    scale = SIDE / min(height, width)
    size = max(SIDE, round(width * scale)), max(SIDE, round(height * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    top, left = (small.shape[0] - SIDE) // 2, (small.shape[1] - SIDE) // 2
    return np.ascontiguousarray(small[top : top + SIDE, left : left + SIDE])


def _painted(network: Any, frame: Pixels) -> Any:
    return network.paint_film(frame, {})[0].copy()


if __name__ == "__main__":
    sys.exit(main())
