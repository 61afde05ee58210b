"""What a training step costs: beside the VGG16 passes that it cannot do without, and with its data made or kept.

    python -m benchmarks.step --style PICTURE [--photos DIR] [--vgg16 FILE] [--set KEY=VALUE] ...

takes the options of training.fit.  Takes turns, a block of one kind after a block of the other, so that whatever else
the machine does hits all of them alike; prints one JSON row of medians.  `vgg16_share` is the part of a step that
VGG16 takes to look, near and far, at what is judged, forth and back, and at what was painted there; `over_vgg16` is the
step over that (should stay below 1.3); `pipeline` is the step with its data being made over the same with one batch
over and over (below 1.05).
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice, repeat
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vst.features import load_vgg16
from keras_vst.machine import processor
from keras_vst.runs import RunDirectory
from training.arguments import inputs_of, parser
from training.devices import Devices, features_dtype
from training.fit import configured
from training.loop import Session
from training.objective import CONTENT, TwoScales
from training.sources import open_sources

WARM_UP = 6  # steps: tracing, threads, decoding of what is drawn first
AHEAD = 6  # batches that are made ahead, at most
Step = Callable[[Any], Any]  # takes a batch, waits for the outcome


def compare(step: Step, passes: Step, batches: Iterator[Any], block: int, rounds: int) -> dict[str, float]:
    """Seconds of a step fed by `batches`, and its ratios to one with a kept batch and to VGG16 alone."""
    kept = next(batches)
    passes(kept)
    for one in islice(batches, WARM_UP):
        step(one)
    piped, cached, looks = [], [], []
    for _ in range(rounds):
        looks.append(_timed(passes, repeat(kept), block))
        cached.append(_timed(step, repeat(kept), block))
        # What was made ahead while the other kinds ran is used up first, or it would count for free.
        for one in islice(batches, AHEAD):
            step(one)
        piped.append(_timed(step, batches, block))
    seconds, over = float(np.median(piped)), float(np.median(np.divide(cached, looks)))
    return {
        "seconds_a_step": round(seconds, 4),
        "steps_per_second": round(1 / seconds, 3),
        "vgg16_seconds": round(float(np.median(looks)), 4),
        "vgg16_share": round(1 / over, 3),
        "over_vgg16": round(over, 3),
        "pipeline": round(float(np.median(np.divide(piped, cached))), 3),
    }


def _timed(step: Step, batches: Iterator[Any], block: int) -> float:
    start = time.perf_counter()
    for one in islice(batches, block):
        step(one)
    return (time.perf_counter() - start) / block


def vgg16_passes(session: Session, vgg16: str | None) -> Step:
    """Near and far looks at the squares of a step, their gradient to the pixels, and forms of the original."""
    dtype = features_dtype(session.config.schedule.mixed_precision)
    features = load_vgg16(vgg16, dtype=dtype)
    side, look = session.config.schedule.judged_size, TwoScales(features)
    forms = keras.Model(features.input, features.output[CONTENT])

    @tf.function(autograph=False)
    def passes(clip: Any) -> Any:
        painted, original = clip[:, -1, :side, :side], clip[:, 0, :side, :side]
        with tf.GradientTape() as tape:
            tape.watch(painted)
            looks = look(painted[:, : side // 2, : side // 2], painted)
            objective = tf.add_n([tf.reduce_mean(tf.square(each)) for each in looks])
        gradient = tape.gradient(objective, painted)
        return tf.reduce_sum(gradient) + tf.reduce_mean(forms(keras.ops.average_pool(original, 2, 2)))

    return lambda batch: float(passes(batch["clip"]))


def main() -> None:
    """Parse the command line, measure, print."""
    given = parser()
    given.prog, given.description, given.epilog = "python -m benchmarks.step", __doc__, None
    given.add_argument("--block", type=int, default=12, help="steps in a row of one kind")
    given.add_argument("--rounds", type=int, default=5, help="blocks of each kind")
    options = given.parse_args()

    inputs = inputs_of(options)
    config = configured(options, inputs)
    with tempfile.TemporaryDirectory() as folder:
        opened = open_sources(inputs, config, quiet=True)
        session = Session(RunDirectory(folder), config, opened, Devices(), options.vgg16, quiet=True)
        passes = vgg16_passes(session, options.vgg16)
        found = compare(session.step, passes, iter(session.batches()), options.block, options.rounds)
    pixels = config.data.batch * config.schedule.judged_size**2
    about = {
        "judged_pixels_per_second": round(pixels * found["steps_per_second"]),
        "batch": config.data.batch,
        "judged": config.schedule.judged_size,
        "vgg16_in": features_dtype(config.schedule.mixed_precision),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "processor": processor(),
    }
    print(json.dumps({**found, **about}))


if __name__ == "__main__":
    main()
