"""Styles mixed by mixing their weights: several files of one architecture summed into one.

The cards say where the weights stand, so nothing of the file format is read: the bytes of the first file, with each
listed range of little-endian float32 replaced by the weighted sum of that range in all files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_vst.errors import UserError
from keras_vst.networks.base import Size, count_threads
from keras_vst.networks.opening import TRIAL_SIZE, read_network
from keras_vst.networks.tflite import TfliteNetwork, find_runtime
from keras_vst.zoo import Style

FLOAT = np.dtype("<f4")


def mix(parts: Sequence[tuple[Style, float]]) -> bytes:
    """The fp32 file of a mix, from styles and their shares, which need not add up to 1; a UserError if none can be."""
    taken = [(style, share) for style, share in parts if share > 0]
    if not taken or any(share < 0 for _, share in parts):
        raise UserError("a mix needs shares of 0 or more, one of them above 0; correct them.")
    check_mixable([style for style, _ in taken])
    contents = [style.content or read_network(style.path, style.sha256) for style, _ in taken]
    if len(taken) == 1:
        return contents[0]
    if len({len(content) for content in contents}) > 1:
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
