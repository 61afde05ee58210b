"""A network's colours turned to a painting's by a linear map in its last layer, 3 x 3 and an offset.

In: the bytes of an fp32 file, where its weights stand, what it paints, the painting.  Out: the bytes of such a file,
whose colours have the painting's mean and covariance over the pictures that were painted.  It is one plain network
still, at no cost at run time, and mixes with the others; the map is the same for every frame, so nothing flickers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float

Values = npt.NDArray[np.float64]
LAST = "paint"  # the layer before the sigmoid; its filters are the 2 x 2 pixels under each place, three colours each
FLOAT = np.dtype("<f4")
DEEPEST = 1e-4  # of a painted level, from 0 and from 1: what the sigmoid is undone for
SHRUNK = 4  # colours are means of so many pixels a side, as the palette is measured
ENOUGH = 6000  # colours that tell mean and covariance
ROUNDS = 12
CAUTION = 1e-3  # added where a round would divide by next to nothing
FAINTEST = 1e-3  # variance of a colour below which it counts as noise


def tint(
    content: bytes,
    weights: Sequence[dict[str, Any]],
    painted: Sequence[npt.NDArray[np.float32]],
    painting: Pixels,
) -> bytes:
    """The file with its last layer turned; `painted` are (H, W, 3) float32 in [0, 1], by the network as it is."""
    turn, shift = colour_map(painted, painting)
    stand = {each["name"]: each for each in weights}
    try:
        kernel, bias = (stand[f"{LAST}/{part}"] for part in ("kernel", "bias"))
    except KeyError as error:
        raise UserError(
            f"the network has no layer {LAST}, whose colours could be turned; choose another."
        ) from error
    turned = bytearray(content)
    for part, moved in ((kernel, 0.0), (bias, shift)):
        old = np.frombuffer(content, FLOAT, part["length"] // FLOAT.itemsize, part["offset"]).astype(
            np.float64
        )
        pixels = old.reshape(
            -1, 3, old.size // part["shape"][0]
        )  # (places, colours, what each is summed from)
        new = np.einsum("ij,pjk->pik", turn, pixels) + np.reshape(moved, (-1, 1))
        turned[part["offset"] : part["offset"] + part["length"]] = new.astype(FLOAT).tobytes()
    return bytes(turned)


def colour_map(painted: Sequence[npt.NDArray[np.float32]], painting: Pixels) -> tuple[Values, Values]:
    """The map (3, 3) and (3,) of what goes into the sigmoid that gives what comes out the painting's moments."""
    colours = np.concatenate([_shrunk(each) for each in painted])
    colours = colours[:: max(1, len(colours) // ENOUGH)]
    goal = _moments(_shrunk(to_float(painting)))
    inputs = _undone(colours, DEEPEST)
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    found = _first(colours, inputs, goal)
    size = np.append(inputs[:, :3].std(axis=0) + 0.3, 1.0)[:, None].repeat(3, axis=1)
    for _ in range(ROUNDS):
        off, slope = _missed(found, inputs, goal), _slopes(found, inputs, goal) / size.ravel()
        # The smallest step of all that would do, in units of what goes in: the map stays near to the one it has.
        step = slope.T @ np.linalg.solve(slope @ slope.T + CAUTION * np.eye(len(off)), -off)
        step *= min(1.0, 1.0 / (np.abs(step).max() + 1e-9))
        tried = [found + share * (step / size.ravel()).reshape(4, 3) for share in (1.0, 0.5, 0.25)]
        best = min([found, *tried], key=lambda each: float(np.square(_missed(each, inputs, goal)).sum()))
        if best is found:
            break
        found = best
    return found[:3].T, found[3]


def _first(colours: Values, inputs: Values, goal: tuple[Values, Values]) -> Values:
    """What comes nearest, before the sigmoid, to the linear map of colours that moves them the least."""
    mean, spread = _moments(colours)
    root = _root(spread + 1e-4 * np.eye(3))
    back = np.linalg.inv(root)
    turned = (colours - mean) @ (back @ _root(root @ goal[1] @ root) @ back).T + goal[0]
    level = np.clip(turned, 0.02, 0.98)
    weight = level * (1 - level)  # where the sigmoid is steep
    wanted = _undone(turned, 0.02)
    columns = [
        np.linalg.lstsq(inputs * weight[:, [each]], wanted[:, each] * weight[:, each], rcond=None)[0]
        for each in range(3)
    ]
    return np.stack(columns, axis=1)


def _missed(found: Values, inputs: Values, goal: tuple[Values, Values]) -> Values:
    """By how much mean and covariance are off, (9,), in units of the painting's own."""
    mean, spread = _moments(1 / (1 + np.exp(-inputs @ found)))
    unit = np.sqrt(goal[1].diagonal() + FAINTEST)
    apart = (spread - goal[1]) / np.outer(unit, unit) / 2
    return np.concatenate([(mean - goal[0]) / unit, apart[np.triu_indices(3)]])


def _slopes(found: Values, inputs: Values, goal: tuple[Values, Values]) -> Values:
    """How what is missed changes with each of the twelve numbers, (9, 12)."""
    start, each = _missed(found, inputs, goal), np.eye(12).reshape(12, 4, 3) * 1e-3
    return np.stack([(_missed(found + step, inputs, goal) - start) / 1e-3 for step in each], axis=1)


def _shrunk(picture: npt.NDArray[np.float32]) -> Values:
    size = max(1, picture.shape[1] // SHRUNK), max(1, picture.shape[0] // SHRUNK)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float64).reshape(-1, 3)


def _moments(colours: Values) -> tuple[Values, Values]:
    return colours.mean(axis=0), np.cov(colours.T, bias=True)


def _root(matrix: Values) -> Values:
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.sqrt(np.maximum(values, 1e-12))) @ axes.T, np.float64)


def _undone(level: Values, deepest: float) -> Values:
    inside = np.clip(level, deepest, 1 - deepest)
    return np.log(inside / (1 - inside))
