"""One picture in, a network that paints much like it out, at once: the nearest mix of the zoo, turned to its colours.

In: (H, W, 3) uint8 RGB, any size.  Out: a `Style` whose file is in memory.  Nothing is trained and no TensorFlow is
needed: how strong the strokes of each size are is compared with what each style paints, the nearest are mixed by their
weights (`networks/mixing.py`), and the last layer is turned (`networks/tinting.py`).  What the networks are shown are
pieces of the bundled film recoloured as photographs are, so one painting always gives one network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_uint8
from keras_vst.networks.base import Network
from keras_vst.networks.mixing import open_mix
from keras_vst.networks.tinting import tint
from keras_vst.zoo import Style

ARCHITECTURE = "student-16-32-48-3"  # of the bundled styles, which began from one base
ASSETS = resources.files("keras_vst").joinpath("assets")
SHEET, TILE = "stand_ins.jpg", (176, 320)  # pictures that stand for all photographs: 4 x 4 of them
STROKES = "strokes.json"  # checksum of a style's file -> the strokes of what it paints
SHOWN = 4  # of the pictures, for the strokes of a style
SIDE = 512  # the longer side at which a painting is looked at, as in training
OCTAVES = 4  # strokes of 2 to 16 pixels
SMALLEST = 16  # pixels on the shorter side of what can be called a picture of anything
UNKNOWN = "unknown"
MIXED, NEAR = 2, 0.2  # styles in a mix; how fast the share falls with the distance
UNIT = 0.02  # deviation of a number over the styles below which it tells nothing
Tensor = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float32]


def preview(painting: Pixels, name: str) -> Style:
    """The style of that name that comes nearest to the painting; `card["mix"]` says what it is mixed of."""
    if min(painting.shape[:2]) < SMALLEST:
        raise UserError(
            f"{name} has {painting.shape[1]}x{painting.shape[0]} pixels, too few to show a brush; "
            f"give a picture of {SMALLEST}x{SMALLEST} or more."
        )
    painting = at_side(painting)
    return made_of(
        nearest(strokes(painting), [(style, style_strokes(style)) for style in mixable()]), painting, name
    )


def made_of(parts: Sequence[tuple[Style, float]], painting: Pixels, name: str) -> Style:
    """The mix of these styles in the painting's colours."""
    network = open_mix(parts, size=TILE)
    first = parts[0][0]
    content = tint(network.content, first.weights, [painted(network, each) for each in stand_ins()], painting)
    card = {
        "name": name,
        "title": f"{name} (a preview)",
        "artist": UNKNOWN,
        "year": UNKNOWN,
        "architecture": ARCHITECTURE,
        "margin": first.margin,
        "weights": {"tensors": first.weights},
        "mix": {style.name: round(share, 3) for style, share in parts},
    }
    return Style(name, Path(name), card, own=True, content=content)


def mixable() -> list[Style]:
    """The styles that a preview is mixed of: all of the zoo, the user's own too, that are laid out alike."""
    found = [style for style in zoo.styles("live") if style.architecture == ARCHITECTURE and style.weights]
    if not found:
        raise UserError("there is no style to make a preview of; put those that come with the package back.")
    return [style for style in found if style.weights == found[0].weights]


def nearest(wanted: Numbers, known: Sequence[tuple[Style, Numbers]]) -> list[tuple[Style, float]]:
    """The styles whose brushwork is nearest, the nearest first, and their shares."""
    table = np.stack([numbers for _, numbers in known])
    unit = table.std(axis=0) + UNIT
    apart = np.sqrt(np.mean(np.square((table - wanted) / unit), axis=1))
    order = np.argsort(apart)[:MIXED]
    shares = np.exp(-(apart[order] - apart[order[0]]) / NEAR)
    return [
        (known[place][0], float(share)) for place, share in zip(order, shares / shares.sum(), strict=True)
    ]


def strokes(picture: Pixels) -> Numbers:
    """How strong the strokes of each size are, in units of the picture's own contrast: logarithms, one an octave.

    These few tell more than larger sets did: directions, flatness and rarity of strokes are the drawing's as much as
    the brush's, and colour is turned anyway (docs/results.md).
    """
    plane, found = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32), []
    plane = (plane - plane.mean()) / (plane.std() + 2.0)
    for _ in range(OCTAVES):
        smooth = cv2.GaussianBlur(plane, (0, 0), 1.0)
        found.append(np.log(np.sqrt(np.mean(np.square(plane - smooth))) + 1e-3))
        plane = np.asarray(cv2.resize(smooth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    return np.array(found, np.float32)


def style_strokes(style: Style) -> Numbers:
    """Those of what a style paints: as they were measured once, or measured now (0.1 s)."""
    if (measured := _measured().get(style.sha256 or "")) is not None:
        return np.array(measured, np.float32)
    return measure(open_mix([(style, 1.0)], size=TILE))


def measure(network: Network) -> Numbers:
    """The strokes of what a network paints of the first pictures."""
    return np.mean([strokes(to_uint8(painted(network, each))) for each in stand_ins()[:SHOWN]], axis=0)


def at_side(picture: Pixels, side: int = SIDE) -> Pixels:
    """The picture with its longer side brought to `side`."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(SMALLEST, round(width * scale)), max(SMALLEST, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


@cache
def stand_ins() -> Sequence[Pixels]:
    """The pictures that are painted to see what a network does."""
    sheet = cv2.imdecode(np.frombuffer(ASSETS.joinpath(SHEET).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    rgb = np.asarray(cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB), np.uint8)
    height, width = TILE
    return tuple(
        np.ascontiguousarray(rgb[top : top + height, left : left + width])
        for top in range(0, rgb.shape[0], height)
        for left in range(0, rgb.shape[1], width)
    )


def painted(network: Network, picture: Pixels) -> Tensor:
    """(H, W, 3) float32 in [0, 1], before anything is rounded."""
    return network.paint_film(picture, {})[0].copy()


@cache
def _measured() -> Mapping[str, list[float]]:
    return json.loads(ASSETS.joinpath(STROKES).read_text(encoding="utf-8"))
