"""A new network out of the bytes of others: several files of one architecture summed, colours turned to a
painting's.

The cards say where the weights stand, so nothing of the file format is read.  A mix is the bytes of the first file,
with each listed range of little-endian float32 replaced by the weighted sum of that range in all files.  Colours
are turned by a linear map in the last layer, 3 x 3 and an offset, which gives them the painting's mean and
covariance: the same for every frame, so nothing flickers, at no cost at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_float
from keras_vst.networks.base import Size, count_threads
from keras_vst.networks.opening import TRIAL_SIZE, TfliteNetwork, find_runtime, read_network
from keras_vst.zoo import Style

FLOAT = np.dtype("<f4")
Values = npt.NDArray[np.float64]
LAST = "paint"  # the layer before the sigmoid; its filters are the 2 x 2 pixels under each place, three colours each
DEEPEST = 1e-4  # of a painted level, from 0 and from 1: what the sigmoid is undone for
SHRUNK = 4  # colours are means of so many pixels a side, as the palette is measured
ENOUGH = 6000  # colours that tell mean and covariance
ROUNDS = 12
CAUTION = 1e-3  # added where a round would divide by next to nothing
FAINTEST = 1e-3  # variance of a colour below which it counts as noise


def mix(parts: Sequence[tuple[Style, float]]) -> bytes:
    """The fp32 file of a mix, from styles and their shares, which need not add up to 1; a UserError if none can be."""
    taken = [(style, share) for style, share in parts if share > 0]
    if not taken or any(share < 0 for _, share in parts):
        raise UserError("a mix needs shares of 0 or more, one of them above 0; correct them.")
    check_mixable([style for style, _ in taken])
    contents = [style.content or read_network(style.path, style.sha256) for style, _ in taken]
    if len(taken) == 1:
        return contents[0]
    last, (shortest, *others) = taken[0][0].weights[-1], sorted({len(content) for content in contents})
    if others or last["offset"] + last["length"] > shortest:
        raise _other_layout([style for style, _ in taken])
    total = sum(share for _, share in taken)
    mixed = bytearray(contents[0])
    for tensor in taken[0][0].weights:
        start, count = tensor["offset"], tensor["length"] // FLOAT.itemsize
        # In double precision, so that a mix of equal weights is those weights.
        summed: np.ndarray | None = None
        for content, (_, share) in zip(contents, taken, strict=True):
            term = np.frombuffer(content, FLOAT, count, start).astype(np.float64) * (share / total)
            summed = term if summed is None else summed + term
        assert summed is not None
        mixed[start : start + tensor["length"]] = summed.astype(FLOAT).tobytes()
    return bytes(mixed)


def open_mix(
    parts: Sequence[tuple[Style, float]],
    *,
    runtime: str | None = None,
    threads: int | None = None,
    size: Size | None = None,
) -> TfliteNetwork:
    """The network of a mix, ready for frames of a size; from choosing to here 8 ms at 640x360."""
    content, path = mix(parts), Path(told(parts))
    network = TfliteNetwork(path, content, find_runtime(runtime), count_threads(threads))
    network.prepare(network.size or size or TRIAL_SIZE)
    return network


def told(parts: Sequence[tuple[Style, float]]) -> str:
    """`a`, or `a:0.7,b:0.3`."""
    total = sum(share for _, share in parts)
    taken = [(style.name, share / total) for style, share in parts if share > 0]
    return taken[0][0] if len(taken) == 1 else ",".join(f"{name}:{share:.3g}" for name, share in taken)


def check_mixable(styles: Sequence[Style]) -> None:
    """Refuse styles whose weights do not fit each other."""
    first = styles[0]
    for style in styles[1:]:
        if "film" in (first.quality, style.quality):
            raise UserError(
                f"{first.name} and {style.name} cannot be mixed: film networks are not; choose one."
            )
        if style.architecture != first.architecture:
            raise UserError(
                f"{first.name} and {style.name} cannot be mixed: their architectures are {first.architecture} and "
                f"{style.architecture}; choose styles of one architecture, see `vst styles`."
            )
        if not first.weights or style.weights != first.weights:
            raise _other_layout([first, style])


def _other_layout(styles: Sequence[Style]) -> UserError:
    names = " and ".join(style.name for style in styles)
    return UserError(
        f"{names} cannot be mixed: their files are laid out differently; export them again with one version."
    )


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
        # (places, colours, what each is summed from).
        pixels = old.reshape(-1, 3, old.size // part["shape"][0])
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
    return np.asarray(np.stack(columns, axis=1), np.float64)


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
    return np.asarray(colours.mean(axis=0)), np.asarray(np.cov(colours.T, bias=True), np.float64)


def _root(matrix: Values) -> Values:
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.sqrt(np.maximum(values, 1e-12))) @ axes.T, np.float64)


def _undone(level: Values, deepest: float) -> Values:
    inside = np.clip(level, deepest, 1 - deepest)
    return np.log(inside / (1 - inside))
