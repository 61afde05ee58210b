"""Does the run still make sense?  Looks at the terms of every step and at the strips of every few minutes.

Terms are floats by name.  Pictures are uint8 RGB, (N, H, W, 3).  What cannot heal stops the run with `Trouble`,
which names the likely cause and the knob; what is only ugly is a sentence to be shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError

Pictures = npt.NDArray[np.uint8]

PATIENCE = 500  # steps in a row; discriminators are one-sided for tens of them in healthy runs
PARTED = 0.01  # a discriminator's loss when nothing is left to be learned from it
SILENT = 1e-5  # between the scores of real and made pictures: it says the same of everything
GRACE = 100  # steps; until then a picture may still be flat
FLAT = 2.0  # levels of deviation that the eye does not see
DOTS = (
    2000.0  # black dots a million pixels; great paintings have up to 3000 of their own, and are asked first
)
FRAME = 12.0  # levels between the picture's edge and its inside
PERIOD = 8  # pixels, after which a grid repeats
GRID = 1.5  # levels of a pattern that is locked to the pixels
ENOUGH = 100  # flat pixels at each place of the pattern; means of fewer are noise


class Trouble(UserError):
    """The run goes nowhere: the message says why, and what to set."""


@dataclass
class Watch:
    """Told of every step's terms; remembers for how long they have been strange."""

    style_dots: float = 0.0  # black dots a million pixels in the style pictures themselves
    _parted: int = field(default=0, init=False)
    _silent: int = field(default=0, init=False)

    def terms(self, step: int, terms: Mapping[str, float]) -> None:
        """Raise `Trouble` where a term is not a number, or the discriminator has long stopped to teach."""
        broken = [name for name, value in terms.items() if not math.isfinite(value)]
        if broken:
            raise not_a_number(step, broken)
        if "discriminator" in terms and any(
            value for name, value in terms.items() if name.startswith("weighted_adversarial")
        ):
            self._discriminator(step, terms)  # not before the generator feels it: until then it learns alone

    def pictures(self, step: int, frames: Pictures, stylized: Pictures) -> list[str]:
        """What is wrong with the pictures, as sentences; raises `Trouble` where it cannot heal."""
        if step < GRACE:
            return []
        if is_constant(frames, stylized):
            level = float(stylized.mean())
            shade = "black" if level < 16 else "white" if level > 239 else "one flat colour"
            raise Trouble(
                f"At step {step} the network paints everything {shade}. The content weight is too small, or the "
                "steps too large: start again with --set schedule.learning_rate=5e-4, or with more loss.content."
            )
        dots = black_dots(stylized) - black_dots(frames)
        if dots > DOTS + 3 * self.style_dots:
            raise Trouble(
                f"At step {step} the pictures have {dots:.0f} black dots a million pixels. Some activations ran away: "
                "start again with --set schedule.clip_norm=1."
            )
        return _blemishes(frames, stylized)

    def _discriminator(self, step: int, terms: Mapping[str, float]) -> None:
        gap = abs(terms.get("score_real", 1.0) - terms.get("score_fake", 0.0))
        self._parted = self._parted + 1 if 0 <= terms["discriminator"] < PARTED else 0
        self._silent = self._silent + 1 if gap < SILENT else 0
        if self._parted >= PATIENCE:
            raise Trouble(
                f"For {PATIENCE} steps up to {step} the discriminator told every picture apart: it no longer teaches. "
                "Slow it down: --set schedule.discriminator_learning_rate=1e-4, or give it less of a lead: a "
                "smaller loss.adversarial_from."
            )
        if self._silent >= PATIENCE:
            raise Trouble(
                f"For {PATIENCE} steps up to {step} the discriminator scored every picture the same: it has collapsed. "
                "Start again with a smaller schedule.discriminator_learning_rate."
            )


def not_a_number(step: int, names: list[str]) -> Trouble:
    """What to say when numbers broke, and where."""
    return Trouble(
        f"At step {step} {', '.join(names)} became nan or infinite. The steps are too large: start again with "
        "--set schedule.learning_rate=5e-4, or --set schedule.clip_norm=1."
    )


def is_constant(frames: Pictures, stylized: Pictures) -> bool:
    """True when not one picture shows anything, although the frames do."""
    shows = frames.std(axis=(1, 2)).mean(axis=-1) > 4 * FLAT
    seen = stylized.std(axis=(1, 2)).mean(axis=-1) > FLAT
    return bool(shows.any() and not seen[shows].any())


def black_dots(pictures: Pictures) -> float:
    """Specks of at most 3x3 pixels, nearly black amid something bright, a million pixels."""
    found = 0
    for picture in pictures:
        brightness = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        around = cv2.medianBlur(brightness, 7)
        dark = (brightness < 40).astype(np.uint8)
        _, _, boxes, centres = cv2.connectedComponentsWithStats(dark)
        small = boxes[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0) <= 3
        columns, rows = np.rint(centres[1:][small]).astype(int).T
        found += int((around[rows, columns] > 90).sum())
    return 1e6 * found / math.prod(pictures.shape[:3])


def painted_frame(frames: Pictures, stylized: Pictures) -> float:
    """By how many levels all four edges of the pictures differ from what lies inside, beyond what the frames do."""
    return float(np.abs(_edge_steps(stylized) - _edge_steps(frames)).min())


def pixel_grid(frames: Pictures, stylized: Pictures) -> float:
    """The deviation, in levels, of a pattern that repeats every PERIOD pixels where the frames are flat.

    Two halves of the pictures must agree on it: strokes alone would leave a pattern by chance.
    """
    brightness = stylized.astype(np.float32).mean(axis=-1)
    flat = np.stack([_is_flat(frame) for frame in frames])
    residual = brightness - np.stack([cv2.blur(one, (2 * PERIOD + 1,) * 2) for one in brightness])
    height, width = (side - side % (2 * PERIOD) for side in brightness.shape[1:])
    split = (len(frames), height // PERIOD, PERIOD, width // PERIOD, PERIOD)
    weights = flat[:, :height, :width].reshape(split)
    values = (residual * flat)[:, :height, :width].reshape(split)
    patterns = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        count = weights[:, half].sum(axis=(0, 1, 3))
        if count.min() < ENOUGH:
            return 0.0
        pattern = values[:, half].sum(axis=(0, 1, 3)) / count
        patterns.append(pattern - pattern.mean())
    return math.sqrt(max(float((patterns[0] * patterns[1]).mean()), 0.0))


def _blemishes(frames: Pictures, stylized: Pictures) -> list[str]:
    found = []
    edge = painted_frame(frames, stylized)
    if edge > FRAME:
        found.append(
            f"A frame is being painted around the picture ({edge:.0f} levels): losses see its border. "
            "Use a larger data.margin."
        )
    grid = pixel_grid(frames, stylized)
    if grid > GRID:
        found.append(
            f"A grid shows on flat areas ({grid:.1f} levels). Use a larger data.batch, or --set loss.temporal_flat=1."
        )
    return found


def _edge_steps(pictures: Pictures) -> npt.NDArray[np.float64]:
    """Mean brightness of the outer 3 pixels less that of 8 to 16 pixels inside, one value a side."""
    brightness = pictures.astype(np.float64).mean(axis=(0, 3))
    sides = [brightness, brightness[::-1], brightness.T, brightness.T[::-1]]
    return np.array([side[:3].mean() - side[8:16].mean() for side in sides])


def _is_flat(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    brightness = frame.astype(np.float32).mean(axis=-1)
    mean = cv2.blur(brightness, (17, 17))
    deviation = np.sqrt(np.maximum(cv2.blur(brightness**2, (17, 17)) - mean**2, 0))
    return deviation < 3 * FLAT
