"""Frames of high dynamic range, PQ or HLG in BT.2020, to (H, W, 3) uint8 RGB as a usual screen shows them.

What a display of 1000 nits would show is compressed along the curve of ITU-R BT.2390 to 203 nits, the white of
ITU-R BT.2408, its primaries brought to BT.709.  It is computed once for a cube of 64 levels a side, which FFmpeg's
`haldclut` interpolates; FFmpeg's own tone mapping needs a library that PyAV does not have.
"""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from keras_vst.frames import Pixels

Values = npt.NDArray[np.float64]

LEVEL = 8  # of the cube: LEVEL squared levels a side
PEAK, WHITE, BRIGHTEST = 1000.0, 203.0, 10_000.0  # nits: of the source, of our white, of PQ
# SMPTE ST 2084
M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
# ITU-R BT.2100, HLG
A, B, C = 0.17883277, 0.28466892, 0.55991073
LUMA = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020
TO_709 = np.array(  # ITU-R BT.2087, backwards
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
GAMMA = 2.4  # of a screen, ITU-R BT.1886


class ToneMap:
    """Frames of one size."""

    def __init__(self, kind: str, width: int, height: int) -> None:
        """`kind` is one of those in `KINDS`."""
        self._graph, self._reformatter, self._count = Graph(), VideoReformatter(), 0
        self._size = width, height
        tick, deep, side = Fraction(1, 25), av.VideoFormat("rgb48le"), LEVEL**3
        self._source = self._graph.add_buffer(width=width, height=height, format=deep, time_base=tick)
        cube = self._graph.add_buffer(width=side, height=side, format=deep, time_base=tick, name="cube")
        look_up = self._graph.add("haldclut", "clut=first")
        self._source.link_to(look_up, 0, 0)
        cube.link_to(look_up, 0, 1)
        last = self._graph.add("format", "rgb24")
        look_up.link_to(last)
        last.link_to(self._graph.add("buffersink"))
        self._graph.configure()
        levels = np.rint(shown(_cube(), kind).reshape(side, side, 3) * 65535).astype(np.uint16)
        table = av.VideoFrame.from_ndarray(levels, format="rgb48le")
        table.pts, table.time_base = 0, tick
        cube.push(table)
        cube.push(None)

    def pixels(self, frame: av.VideoFrame, interpolation: Interpolation) -> Pixels:
        """One frame as it is stored."""
        width, height = self._size
        deep = self._reformatter.reformat(
            frame, width=width, height=height, format="rgb48le", interpolation=interpolation
        )
        deep.pts, deep.time_base, self._count = self._count, Fraction(1, 25), self._count + 1
        self._source.push(deep)
        return np.asarray(cast(av.VideoFrame, self._graph.pull()).to_ndarray(), np.uint8)


def shown(signal: Values, kind: str) -> Values:
    """R'G'B' of the signal, (..., 3) in [0, 1], as R'G'B' of a usual screen."""
    light = np.maximum(_light(signal, kind) @ TO_709.T, 0.0)
    brightest = light.max(axis=-1, keepdims=True)
    light = light * (_compressed(brightest) / np.maximum(brightest, 1e-6))
    result: Values = np.clip(light / WHITE, 0.0, 1.0) ** (1 / GAMMA)
    return result


def _light(signal: Values, kind: str) -> Values:
    """Nits of a display of 1000 nits."""
    if kind == "PQ":
        return _from_pq(signal)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - C) / A) + B) / 12)
    return PEAK * (scene @ LUMA)[..., None] ** 0.2 * scene


def _compressed(nits: Values) -> Values:
    """BT.2390's curve from `PEAK` to `WHITE`: below its knee nothing changes."""
    top, most = _to_pq(np.array(PEAK)), _to_pq(np.array(WHITE)) / _to_pq(np.array(PEAK))
    level, knee = np.minimum(_to_pq(nits) / top, 1.0), 1.5 * most - 0.5
    t = np.maximum(level - knee, 0.0) / (1 - knee)
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    )
    return _from_pq(np.where(level < knee, level, curve) * top)


def _from_pq(signal: Values) -> Values:
    root = signal ** (1 / M2)
    nits: Values = BRIGHTEST * (np.maximum(root - C1, 0.0) / (C2 - C3 * root)) ** (1 / M1)
    return nits


def _to_pq(nits: Values) -> Values:
    power = (nits / BRIGHTEST) ** M1
    signal: Values = ((C1 + C2 * power) / (1 + C3 * power)) ** M2
    return signal


def _cube() -> Values:
    """Every level with every other, red the fastest, as `haldclut` has them."""
    steps = np.linspace(0.0, 1.0, LEVEL**2)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)
