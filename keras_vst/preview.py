"""One picture of any kind in, a network that paints much like it out, at once: the nearest mix of the zoo, turned to
its colours.

A painting is (H, W, 3) uint8 RGB, any size.  It may come from anywhere, a page too: what a file says of its size is
read before anything is decoded, an animation or a clip is its first frame, what is transparent is white, and what
cannot be a painting is one line.

Out comes a `Style` whose file is in memory.  Nothing is trained and no TensorFlow is needed: the brushwork is compared
with that of the paintings which the styles were learned from, the styles of the nearest are mixed by their weights and
the last layer is turned (`networks/mixing.py`).  What the mix is shown for that are pieces of the bundled film
recoloured as photographs are: one painting, one network.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import ASSETS
from keras_vst.frames import Pixels
from keras_vst.networks.base import Network
from keras_vst.networks.mixing import open_mix, tint
from keras_vst.video import open_source
from keras_vst.video.picture_head import read_head
from keras_vst.zoo import Style

ARCHITECTURE = "student-16-32-48-3"  # of the bundled styles, which began from one base
SHEET, TILE = "stand_ins.jpg", (176, 320)  # pictures that stand for all photographs: 4 x 4 of them
BRUSHES = "brushes.json"  # checksum of the painting that a style was learned from -> its brushwork
SIDE = 512  # the longer side at which a painting is looked at, as in training
OCTAVES = 4  # strokes of 2 to 16 pixels
FLAT = 0.05  # of the contrast: gradients below it are none
SMALLEST = 16  # pixels on the shorter side of what can be called a picture of anything
UNKNOWN = "unknown"
MIXED, NEAR = 2, 0.2  # styles in a mix; how fast the share falls with the distance
UNIT = 0.02  # deviation of a number over the styles below which it tells nothing
Tensor = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float32]
LARGEST_FILE = 256 * 2**20  # bytes
LARGEST = 100_000_000  # pixels; a small file can claim more and take all memory
LONGEST = 2048  # pixels along the longer side that are kept; training looks at 512
KINDS = {  # how the files begin that browsers show, and what they are called
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
}


def preview(painting: Pixels, name: str) -> Style:
    """The style of that name that comes nearest to the painting; `card["mix"]` says what it is mixed of."""
    check_size(painting, name)
    painting = at_side(painting)
    return made_of(nearest(brushwork(painting), mixable()), painting, name)


def check_size(painting: Pixels, name: str | Path) -> None:
    """Refuse what cannot be called a picture of anything."""
    height, width = painting.shape[:2]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"{name} has {width}x{height} pixels, too few to show a brush; "
            f"give a picture of {SMALLEST}x{SMALLEST} or more."
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


def mixable() -> list[tuple[Style, Numbers]]:
    """The styles that a preview is mixed of: those laid out alike whose painting's brushwork is known."""
    known = json.loads((ASSETS / BRUSHES).read_text(encoding="utf-8"))
    found = [style for style in zoo.styles("live") if style.architecture == ARCHITECTURE and style.weights]
    told = [
        (style, np.array(known[sha], np.float32))
        for style in found
        if (sha := style.card.get("sha256")) in known
    ]
    if not told:
        raise UserError("there is no style to make a preview of; put those that come with the package back.")
    return [(style, numbers) for style, numbers in told if style.weights == told[0][0].weights]


def nearest(wanted: Numbers, known: Sequence[tuple[Style, Numbers]]) -> list[tuple[Style, float]]:
    """The styles whose painting's brushwork is nearest, the nearest first, and their shares."""
    table = np.stack([numbers for _, numbers in known])
    unit = table.std(axis=0) + UNIT
    apart = np.sqrt(np.mean(np.square((table - wanted) / unit), axis=1))
    order = np.argsort(apart)[:MIXED]
    shares = np.exp(-(apart[order] - apart[order[0]]) / NEAR)
    return [
        (known[place][0], float(share)) for place, share in zip(order, shares / shares.sum(), strict=True)
    ]


def brushwork(picture: Pixels) -> Numbers:
    """What the strokes of each size are like, (16,): how strong in units of the picture's contrast, how rare, how much
    of the picture has none, how long they keep their direction.  Blind to colour, and to where strokes go.
    """
    plane, found = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32), []
    plane = (plane - plane.mean()) / (plane.std() + 2.0)
    for _ in range(OCTAVES):
        smooth = cv2.GaussianBlur(plane, (0, 0), 1.0)
        fine = plane - smooth
        strength = float(np.sqrt(np.mean(np.square(fine)))) + 1e-3
        across, down = (cv2.Sobel(smooth, cv2.CV_32F, *each, scale=0.25) for each in ((1, 0), (0, 1)))
        flat = float(np.mean(np.hypot(across, down) < FLAT))
        along, aside, both = (
            cv2.GaussianBlur(each, (0, 0), 3.0) for each in (across**2, down**2, across * down)
        )
        long = float(np.hypot(along - aside, 2 * both).sum() / ((along + aside).sum() + 1e-6))
        found += [np.log(strength), float(np.abs(fine).mean()) / strength, flat, long]
        plane = np.asarray(cv2.resize(smooth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.float32)
    return np.array(found, np.float32)


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
    sheet = cv2.imdecode(np.frombuffer((ASSETS / SHEET).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
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


def read_painting(path: Path) -> Pixels:
    """The painting in a file, or a UserError that says why there is none."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; name one picture in it.")
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise UserError(f"{path} has more than {LARGEST_FILE >> 20} MiB; save it as a smaller JPEG.")
    head = read_head(path)
    if head and head.width * head.height > LARGEST:
        raise UserError(
            f"{path} has {head.width}x{head.height} pixels; at most {LARGEST // 10**6} million are read, "
            "make it smaller."
        )
    with open_source(path) as source:
        first = next(iter(source), None)
    if first is None:
        raise UserError(f"{path} shows nothing; name a picture.")
    check_size(first.pixels, path)
    return at_side(first.pixels, LONGEST) if max(first.pixels.shape) > LONGEST else first.pixels


def read_sent(content: bytes, name: str) -> Pixels:
    """The painting in what a page sent, of the few kinds that browsers show."""
    kind = next((suffix for mark, suffix in KINDS.items() if content.startswith(mark)), None)
    if kind is None:
        raise UserError(f"{name} is no PNG, JPEG, WebP, GIF or BMP; drop one of these.")
    with tempfile.TemporaryDirectory(prefix="vst-") as folder:
        path = Path(folder) / f"dropped{kind}"
        path.write_bytes(content)
        try:
            return read_painting(path)
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from None


def style_name(path: str | Path) -> str:
    """What a painting's style is called: the file's name, of letters, digits, `-`, `_` and `.`."""
    return re.sub(r"[^\w-]+", "-", Path(path).stem).strip("-_")[:60] or "painting"
