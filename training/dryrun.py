"""What a run would be, without writing anything: its settings, its networks, and how long it would take here."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_vst.config import RunConfig
from keras_vst.config import overrides as configuration
from keras_vst.errors import UserError
from keras_vst.frames import to_float
from keras_vst.models import count_macs
from keras_vst.runs import RunDirectory
from training.data.shards import Shard
from training.devices import Devices, worker_of
from training.inputs import Inputs
from training.loop import COMPILED, Session
from training.sources import Opened, open_sources
from training.temporal import crop_side, pairs_of

if TYPE_CHECKING:
    from training.data.clips import Clips

SIZE = (368, 640)  # 640x360, brought to multiples of 8
FEWEST = 40  # steps that are worth a run
TIMED = 2  # steps, after those that compile, at least


def describe(config: RunConfig, inputs: Inputs, vgg16: str | None) -> str:
    """One JSON document; its `config` can be given back with --config."""
    session = Session(RunDirectory("."), config, _opened(inputs, config), Devices(), vgg16, quiet=True)
    networks = session.trainer.networks
    generator = networks["generator"]
    shapes = {name: (1, *SIZE, int(tensor.shape[-1])) for name, tensor in generator.input.items()}
    told = {
        "config": configuration.to_dict(config),
        "parameters": {name: network.count_params() for name, network in networks.items()},
        "gmacs_640x360": round(count_macs(generator, shapes) / 1e9, 3),
        "estimate": _estimate(session),
    }
    return json.dumps(told, indent=2)


def within(minutes: float, config: RunConfig, inputs: Inputs, vgg16: str | None) -> RunConfig:
    """The same run with as many steps as fit into the minutes, what it takes to find that out included."""
    if worker_of(os.environ.get("TF_CONFIG"))[1] > 1:
        raise UserError(
            "--minutes is for one machine: of several each would find another number of steps. "
            "Use --set schedule.steps=N; --dry-run tells how long a step takes."
        )
    started = time.monotonic()
    session = Session(RunDirectory("."), config, _opened(inputs, config), Devices(), vgg16, quiet=True)
    seconds = _estimate(session)["seconds_a_step"]
    left = minutes * 60 - 2 * (time.monotonic() - started)  # the run itself opens and compiles once more
    steps = max(FEWEST, int(left / max(seconds, 1e-3)))
    return replace(config, schedule=replace(config.schedule, steps=steps))


def _opened(inputs: Inputs, config: RunConfig) -> Opened:
    """The sources as they are, but for clips and a teacher's pictures, which would have to be made first."""
    is_folder, side = Path(inputs.collection).is_dir(), crop_side(config)
    collection = inputs.collection if is_folder else ""
    opened = open_sources(replace(inputs, clips=(), teacher="", collection=collection), config)
    sources, references = opened.sources, opened.references
    if inputs.clips:
        sources = replace(sources, clips=_noise(config.data.frames, 2 * side, pairs_of(config)))
    if inputs.teacher:
        taught = _noise(config.data.frames, side).shards[0].frames[None]
        sources, references = replace(sources, taught=taught), [to_float(taught[0, :1])]
    if inputs.collection and not is_folder:
        from training.data.paintings import NUM_FRAMES, TO_OUTER, PaintedClip

        clip = _noise(NUM_FRAMES, 2 * side, TO_OUTER)
        sources = replace(sources, painting=PaintedClip(clip))
        references = [to_float(clip.shards[0].frames[:1])]
    return replace(opened, sources=sources, references=references)


def _noise(frames: int, side: int, pairs: Sequence[tuple[int, int]] = ()) -> Clips:
    """A clip that need not be decoded, in which nothing moves."""
    from training.data.clips import Clips

    noise = np.random.default_rng(0).integers(0, 256, (frames, side, side, 3), np.uint8)
    still = np.zeros((len(pairs), side, side, 2), np.float16)
    return Clips([Shard(noise, still, np.ones_like(still[..., :1], np.uint8))])


def _estimate(session: Session) -> dict[str, Any]:
    """Time of a few real steps, and of all; as many as there are from one look through VGG16 to the next."""
    batches = iter(session.batches())
    for _ in range(COMPILED):
        session.step(next(batches))
    timed = min(max(TIMED, session.config.schedule.look_every), FEWEST)
    started = time.perf_counter()
    for _ in range(timed):
        session.step(next(batches))
    seconds = (time.perf_counter() - started) / timed
    return {
        "seconds_a_step": round(seconds, 3),
        "minutes": round(seconds * session.config.schedule.steps / 60, 3),
        "devices": session.devices.replicas,
    }
