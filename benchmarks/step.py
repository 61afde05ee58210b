"""What a training step costs: beside the bare VGG16 passes it cannot do without, and with its data made or kept.

    python -m benchmarks.step --style PICTURE [--photos DIR] [--clips DIR] [--vgg16 FILE] [--set KEY=VALUE]

Takes turns, a block of one kind after a block of the other, so that whatever else the machine does hits all of
them alike; prints one JSON row with median times and their ratios: the step with the pipeline against the same
step with one batch over and over (should stay below 1.05), and against VGG16 (below 1.35 for `painting`), which
looks at what is judged, forth and back, and at the frames that it was painted over.  Memory is the peak of the
whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice, repeat
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vst.config import RECIPES, RunConfig, with_overrides
from keras_vst.features import load_vgg16
from keras_vst.frames import to_float
from training.data import (
    ClipCache,
    Photos,
    ProceduralPhotos,
    Sources,
    batch,
    dataset,
    load_picture,
    real_clips,
)
from training.objective import Judge, References, style_references
from training.trainer import build_trainer

WARM_UP = 6  # steps: tracing, threads, decoding of what is drawn first
AHEAD = 6  # batches that are made ahead, at most


def compare(
    step: Callable[[Any], Any], passes: Callable[[Any], Any], batches: Iterator[Any], block: int, rounds: int
) -> dict[str, float]:
    """Milliseconds by the clock and of processors: a step fed by `batches`, one with a kept batch, VGG16 alone."""
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
    ratios = np.divide(piped, cached)
    return {
        "pipeline_ms": _median_ms(piped),
        "cached_ms": _median_ms(cached),
        "vgg16_ms": _median_ms(looks),
        "steps_per_second": round(1e3 / _median_ms(piped), 2),
        "ratio": round(float(np.median(ratios, axis=0)[0]), 3),
        # On a machine that does other things as well, this is the ratio to trust.
        "processor_ratio": round(float(np.sum(piped, axis=0)[1] / np.sum(cached, axis=0)[1]), 3),
        "vgg16_ratio": round(float(np.median(np.divide(cached, looks), axis=0)[0]), 3),
    }


def _median_ms(times: list[tuple[float, float]]) -> float:
    return round(1e3 * float(np.median(times, axis=0)[0]), 1)


def _timed(step: Callable[[Any], Any], batches: Iterator[Any], block: int) -> tuple[float, float]:
    start = time.perf_counter(), time.process_time()
    for one in islice(batches, block):
        logs = step(one)
        float(logs["objective"])  # as the loop does: wait for the outcome
    return (time.perf_counter() - start[0]) / block, (time.process_time() - start[1]) / block


def _sources(options: argparse.Namespace, config: RunConfig) -> Sources:
    side = config.data.photo_side
    photos = Photos(options.photos, side) if options.photos else ProceduralPhotos(config.seed, side)
    cache = ClipCache(options.cache, config.data.cache_gb * 1e9)
    return Sources(photos, real_clips(cache, options.clips, config) if options.clips else None)


def _trainer(config: RunConfig, features: keras.Model, references: References) -> Any:
    keras.utils.set_random_seed(config.seed)
    return build_trainer(config, features, references)


def _references(options: argparse.Namespace, config: RunConfig, features: keras.Model) -> References:
    style = to_float(load_picture(options.style, config.data.style_side, longer=True))[None]
    return style_references(features, [[style]])


def _vgg16_passes(config: RunConfig, features: keras.Model, references: References) -> Callable[[Any], Any]:
    """Content and style of as many squares as a step judges, and their gradient to the pixels."""
    judge, side = Judge(features, references), config.schedule.judged_sizes[0]

    @tf.function
    def passes(batch: Any) -> dict[str, Any]:
        painted, original = batch["clip"][:, -1, :side, :side], batch["clip"][:, 0, :side, :side]
        with tf.GradientTape() as tape:
            tape.watch(painted)
            terms = judge.terms(painted, original, batch["style"], ("content", "style"))
            objective = terms["content"] + terms["style"]
        return {"objective": tf.reduce_sum(tape.gradient(objective, painted))}

    return passes


def _making(sources: Sources, config: RunConfig, count: int = 12) -> float:
    """Milliseconds of one processor that a batch takes, without the network."""
    start = time.process_time()
    for step in range(count):
        batch(sources, config, step)
    return round(1e3 * (time.process_time() - start) / count, 1)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--style", required=True, help="a painting")
    parser.add_argument("--photos", help="a folder of pictures; default: made here")
    parser.add_argument("--clips", help="a folder of clips; measured as mixed in from the first step")
    parser.add_argument("--cache", help="where decoded clips are kept")
    parser.add_argument("--vgg16", help="ImageNet VGG16 weights; default: Keras's own")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--block", type=int, default=12, help="steps in a row of one kind")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each kind")
    options = parser.parse_args()

    extra = ["schedule.clips_from=0"] if options.clips else []
    config = with_overrides(RECIPES["painting"], [*extra, *options.set])
    sources = _sources(options, config)
    making = _making(sources, config)
    features = load_vgg16(options.vgg16)
    references = _references(options, config, features)
    step = tf.function(_trainer(config, features, references).train_step)
    passes = _vgg16_passes(config, features, references)
    found = compare(step, passes, iter(dataset(sources, config)), options.block, options.rounds)
    found["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    about = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    about |= {"batch": config.data.batch, "clips": bool(options.clips), "photos": bool(options.photos)}
    print(json.dumps({**found, "making_a_batch_ms": making, **about}))


if __name__ == "__main__":
    main()
