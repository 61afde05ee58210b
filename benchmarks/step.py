"""Does making the data slow the training?  The same steps with the pipeline and with one batch over and over.

    python -m benchmarks.pipeline --style PICTURE [--photos DIR] [--clips DIR] [--vgg16 FILE] [--set KEY=VALUE]

Takes turns, a block of steps of one kind after a block of the other, so that whatever else the machine does
hits both; prints one JSON row with the median step times and their ratios, which should stay below 1.05.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
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
from training.objective import style_references
from training.trainer import build_trainer

WARM_UP = 6  # steps: tracing, threads, decoding of what is drawn first
AHEAD = 6  # batches that are made ahead, at most


def compare(step: Callable[[Any], Any], batches: Iterator[Any], block: int, rounds: int) -> dict[str, float]:
    """Milliseconds a step, by the clock and of processors: fed by `batches`, and with one of them kept."""
    kept = next(batches)
    for one in islice(batches, WARM_UP):
        step(one)
    piped, cached = [], []
    for _ in range(rounds):
        cached.append(_timed(step, repeat(kept), block))
        # What was made ahead while the other kind ran is used up first, or it would count for free.
        for one in islice(batches, AHEAD):
            step(one)
        piped.append(_timed(step, batches, block))
    ratios = np.divide(piped, cached)
    return {
        "pipeline_ms": round(1e3 * float(np.median(piped, axis=0)[0]), 1),
        "cached_ms": round(1e3 * float(np.median(cached, axis=0)[0]), 1),
        "ratio": round(float(np.median(ratios, axis=0)[0]), 3),
        # On a machine that does other things as well, this is the ratio to trust.
        "processor_ratio": round(float(np.sum(piped, axis=0)[1] / np.sum(cached, axis=0)[1]), 3),
    }


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


def _trainer(options: argparse.Namespace, config: RunConfig) -> Any:
    keras.utils.set_random_seed(config.seed)
    features = load_vgg16(options.vgg16)
    style = to_float(load_picture(options.style, config.data.style_side, longer=True))[None]
    return build_trainer(config, features, style_references(features, [[style]]))


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
    step = tf.function(_trainer(options, config).train_step)
    found = compare(step, iter(dataset(sources, config)), options.block, options.rounds)
    about = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    about |= {"batch": config.data.batch, "clips": bool(options.clips), "photos": bool(options.photos)}
    print(json.dumps({**found, "making_a_batch_ms": making, **about}))


if __name__ == "__main__":
    main()
