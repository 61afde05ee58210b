"""What a run would be, without writing anything: its settings, its networks, and how long it would take here."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vst.config import RunConfig
from keras_vst.config import overrides as configuration
from keras_vst.frames import to_float
from keras_vst.models import count_macs
from keras_vst.runs import RunDirectory
from training.data.shards import Shard
from training.devices import Devices
from training.inputs import Inputs
from training.loop import COMPILED, Session
from training.sources import Opened, open_sources
from training.temporal import crop_side

SIZE = (368, 640)  # 640x360, brought to multiples of 8
FEWEST = 40  # steps that are worth a run
TIMED = 2  # steps, after the one that compiles


def describe(config: RunConfig, inputs: Inputs, vgg16: str | None) -> str:
    """One JSON document; its `config` can be given back with --config."""
    session = Session(RunDirectory("."), config, _opened(inputs, config), Devices(), vgg16, quiet=True)
    networks = session.trainer.networks
    told = {
        "config": configuration.to_dict(config),
        "parameters": {name: network.count_params() for name, network in networks.items()},
        "gmacs_640x360": round(count_macs(networks["generator"], _shapes(networks["generator"])) / 1e9, 3),
        "estimate": _estimate(session),
    }
    return json.dumps(told, indent=2)


def within(minutes: float, config: RunConfig, inputs: Inputs, vgg16: str | None) -> RunConfig:
    """The same run with as many steps as fit into the minutes, what it takes to find that out included."""
    started = time.monotonic()
    session = Session(RunDirectory("."), config, _opened(inputs, config), Devices(), vgg16, quiet=True)
    seconds = _estimate(session)["minutes"] * 60 / config.schedule.steps
    left = minutes * 60 - 2 * (time.monotonic() - started)  # the run itself opens and compiles once more
    steps = max(FEWEST, int(left / max(seconds, 1e-3)))
    return replace(config, schedule=replace(config.schedule, steps=steps))


def _opened(inputs: Inputs, config: RunConfig) -> Opened:
    """The sources as they are, but for clips and a teacher's pictures, which would have to be made first."""
    is_folder = Path(inputs.collection).is_dir()
    collection = inputs.collection if is_folder else ""
    opened = open_sources(replace(inputs, clips=(), teacher="", collection=collection), config)
    if inputs.teacher:
        side = crop_side(config)
        noise = np.random.default_rng(0).integers(0, 256, (1, config.data.frames, side, side, 3), np.uint8)
        sources = replace(opened.sources, taught=noise)
        return replace(opened, sources=sources, references=[to_float(noise[0, :1])])
    if not inputs.collection or is_folder:
        return opened
    from training.data.clips import Clips
    from training.data.paintings import NUM_FRAMES, TO_OUTER, PaintedClip

    side, rng = max(256, 2 * config.schedule.judged_size), np.random.default_rng(0)
    frames = rng.integers(0, 256, (NUM_FRAMES, side, side, 3), np.uint8)
    still = np.zeros((len(TO_OUTER), side, side, 2), np.float16)
    clip = PaintedClip(Clips([Shard(frames, still, np.ones_like(still[..., :1], np.uint8))]))
    sources = replace(opened.sources, painting=clip)
    return replace(opened, sources=sources, references=[to_float(frames[:1])])


def _shapes(network: keras.Model) -> dict[str, tuple[int, ...]]:
    """The shapes of a generator's inputs at `SIZE`."""
    return {name: (1, *SIZE, int(tensor.shape[-1])) for name, tensor in network.input.items()}


def _estimate(session: Session) -> dict[str, Any]:
    """Time of a few real steps, and of all."""
    batches = iter(session.batches())
    for _ in range(COMPILED):
        session.step(next(batches))
    started = time.perf_counter()
    for _ in range(TIMED):
        session.step(next(batches))
    seconds = (time.perf_counter() - started) / TIMED
    return {
        "seconds_a_step": round(seconds, 3),
        "minutes": round(seconds * session.config.schedule.steps / 60, 3),
        "devices": session.devices.replicas,
    }
