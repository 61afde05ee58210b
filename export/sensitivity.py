"""Which layers int8 costs most: each alone is made int8, and the looped clips are painted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

from export.calibration import Loop
from export.flatbuffer import SIGNATURE
from export.parity import psnr
from keras_vst.frames import to_float

MOST_LOOPS = 2  # on which layers are ranked: ten styles would take ten times as long as one
Quantize = Callable[[Sequence[str]], bytes]
Report = Callable[[str, float], None]


class Quality:
    """How close a flatbuffer's loops come to what the Keras network painted."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        if not loops:
            raise ValueError(
                "The calibration has no loops to judge int8 on. Received only samples. "
                "Make it with Calibration.rollout(student)."
            )
        self._loops = loops

    def narrow(self, flatbuffer: bytes) -> Quality:
        """Judged on the few loops that this file does worst."""
        return Quality(sorted(self._loops, key=lambda loop: _decibels(flatbuffer, loop))[:MOST_LOOPS])

    def __call__(self, flatbuffer: bytes) -> float:
        """The worst frame, among the first and the last of each loop, in dB of PSNR."""
        return min(_decibels(flatbuffer, loop) for loop in self._loops)


def choose(
    quantize: Quantize,
    candidates: Sequence[str],
    quality: Quality,
    floor_db: float,
    report: Report | None = None,
) -> tuple[str, ...]:
    """Few layers that, kept float, bring the quality to the floor: costliest first, as many as it takes.

    A layer's cost is what is left of the quality when it alone is int8.  Keeping it alone float would tell little:
    its neighbours round the same values again.
    """
    everything = quantize(())
    before = quality(everything)
    if before >= floor_db:
        return ()
    narrowed = quality.narrow(everything)
    tried = tqdm(candidates, desc="looking for the layers that int8 costs most", unit="layer", leave=False)
    alone = {name: narrowed(quantize([other for other in candidates if other != name])) for name in tried}
    kept: list[str] = []
    for name in sorted(alone, key=lambda name: alone[name]):
        kept.append(name)
        if quality(quantize(kept)) >= floor_db:
            kept = _without_idle(kept, lambda names: quality(quantize(names)) >= floor_db)
            break
    if report:
        for name in kept:
            rest = [other for other in kept if other != name]
            report(name, quality(quantize(kept)) - quality(quantize(rest)))
    return tuple(kept)


def _without_idle(kept: list[str], suffices: Callable[[Sequence[str]], bool]) -> list[str]:
    """Drop, from the least, what the others do not need."""
    for name in reversed(kept):
        rest = [one for one in kept if one != name]
        if rest and suffices(rest):
            kept = rest
    return kept


def _decibels(flatbuffer: bytes, loop: Loop) -> float:
    interpreter = Interpreter(model_content=flatbuffer)
    runner = interpreter.get_signature_runner(SIGNATURE)
    height, width = loop.frames.shape[1:3]
    channels = int(runner.get_input_details()["state"]["shape"][-1])
    state, painted = np.zeros((1, height // 4, width // 4, channels), np.float32), []
    for pixels in loop.frames:
        outputs = runner(frame=to_float(pixels)[None], style=loop.style, state=state)
        state = outputs["state"]
        painted.append(outputs["stylized"])
    ends = psnr(painted[0], loop.first), psnr(painted[-1], loop.last)
    return float("-inf") if np.isnan(ends).any() else min(ends)  # a nan is the worst there is
