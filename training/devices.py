"""What a run computes on: one device or several GPUs, one machine or those that TF_CONFIG names, 32 bits or 16.

The batch of a step is split evenly; gradients are averaged over the replicas, every replica then takes the same
step.  `Devices` hides which strategy does that; with one device it costs nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.machine import BFLOAT16_FLAGS

Batch = dict[str, tf.Tensor]
AMPERE = (8, 0)  # the first generation of GPUs whose matrix units take bfloat16
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)


class Devices:
    """All devices that this run was given: those of this machine, or of all workers in TF_CONFIG."""

    def __init__(self) -> None:
        self.worker, self.num_workers = worker_of(os.environ.get("TF_CONFIG"))
        self.strategy = _strategy(self.num_workers)
        self.replicas = int(self.strategy.num_replicas_in_sync)

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes the run directory."""
        return self.worker == 0

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is built here lives on every device; variables may be assigned from within a replica's step."""
        with self.strategy.scope(), tf.variable_creator_scope(_aggregated):
            yield

    def replica_config(self, config: RunConfig) -> RunConfig:
        """The configuration of one replica's share of the batch."""
        if config.data.batch % self.replicas:
            raise UserError(
                f"data.batch must be a multiple of the {self.replicas} devices that share it. Received: "
                f"{config.data.batch}. Use --set data.batch={-(-config.data.batch // self.replicas) * self.replicas}."
            )
        return replace(config, data=replace(config.data, batch=config.data.batch // self.replicas))

    def prepare(self, trainer: keras.Model) -> None:
        """Keras adds up the replicas' gradients, which `minimize` has averaged: each counts 1 / replicas.

        The length at which they are clipped shrinks alike.
        """
        if self.replicas == 1:
            return
        for optimizer in optimizers(trainer):
            optimizer.loss_scale_factor = float(self.replicas)
            if optimizer.global_clipnorm:
                optimizer.global_clipnorm /= self.replicas

    def batches(self, config: RunConfig, make: Callable[[int, int], tf.data.Dataset]) -> Iterable[Any]:
        """Batches for `step`.  `make(worker, workers)` gives a worker's part: every `workers`-th sample.

        Within a worker the replicas take turns in the same way, so that a batch is shared out alike wherever
        its replicas are.
        """
        if self.replicas == 1:
            return make(0, 1)
        local = self.replicas // self.num_workers
        share = config.data.batch // self.replicas

        def take_turns(batch: Batch) -> Batch:
            return {
                name: tf.concat([samples[replica::local] for replica in range(local)], axis=0)
                for name, samples in batch.items()
            }

        def worker_batches(_: Any) -> tf.data.Dataset:
            return make(self.worker, self.num_workers).map(take_turns).rebatch(share, drop_remainder=True)

        return self.strategy.distribute_datasets_from_function(worker_batches)

    def step(self, trainer: keras.Model) -> Callable[[Batch], dict[str, tf.Tensor]]:
        """The compiled step of all replicas; each term is the mean over them."""

        @tf.function(autograph=False)  # nothing to convert, and looking took two thirds of the start
        def step(batch: Batch) -> dict[str, tf.Tensor]:
            logs = self.strategy.run(trainer.train_step, args=(batch,))
            reduce = tf.distribute.ReduceOp.MEAN
            return {name: self.strategy.reduce(reduce, value, axis=None) for name, value in logs.items()}

        return step

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """What is made within, on the disk that all workers see, the chief makes; the others then find it there."""
        if not self.is_chief:
            self._begin_together()
        yield
        if self.is_chief:
            self._begin_together()

    def leave_together(self) -> None:
        """Wait until every worker is here: one that left early would look like one that died."""
        if self.num_workers > 1:
            self._meet()

    def _begin_together(self) -> None:
        try:
            if self.num_workers > 1:
                self._meet()
        except LOST as error:
            raise UserError(
                f"Another worker ended before all of them had what they learn from ({type(error).__name__}). "
                "See what it said, mend that, then start every worker again."
            ) from error

    @tf.function(autograph=False)
    def _meet(self) -> tf.Tensor:
        here = self.strategy.run(lambda: tf.ones(()))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, here, axis=None)


@contextmanager
def lost_worker_told(run: str) -> Iterator[None]:
    """A worker that died, or cannot be reached, is one line that says how to go on."""
    try:
        yield
    except LOST as error:
        raise UserError(
            f"Another worker is gone or cannot be reached ({type(error).__name__}). "
            f"Start every worker again: python -m training.fit --run {run} --resume"
        ) from error


def worker_of(text: str | None) -> tuple[int, int]:
    """(number of this worker, number of workers) as TF_CONFIG says; (0, 1) where there is none."""
    if not text:
        return 0, 1
    try:
        told = json.loads(text)
        cluster, task = told["cluster"], told["task"]
        workers = [*cluster.get("chief", []), *cluster["worker"]]
        index = int(task["index"]) + (len(cluster.get("chief", [])) if task["type"] == "worker" else 0)
        if index >= len(workers) or set(cluster) - {"chief", "worker"}:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            'TF_CONFIG must look like {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", '
            f'"index": 0}}}}. Received: {text}'
        ) from None
    return index, len(workers)


def optimizers(trainer: keras.Model) -> list[keras.optimizers.Optimizer]:
    """Every optimizer that the trainer holds."""
    return [value for value in vars(trainer).values() if isinstance(value, keras.optimizers.Optimizer)]


def _strategy(num_workers: int) -> tf.distribute.Strategy:
    if num_workers > 1:
        # No timeout_seconds: each message would leave a thread asleep for so long, 136 of them a step.
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=tf.distribute.experimental.CommunicationImplementation.RING
            if not tf.config.list_physical_devices("GPU")
            else tf.distribute.experimental.CommunicationImplementation.AUTO
        )
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _aggregated(next_creator: Callable[..., tf.Variable], **settings: Any) -> tf.Variable:
    """What replicas assign within a step: statistics are averaged, the running mean is the same on each of them."""
    if settings.get("aggregation") in (None, tf.VariableAggregation.NONE):
        weight = settings.get("trainable")
        kind = tf.VariableAggregation
        settings["aggregation"] = kind.ONLY_FIRST_REPLICA if weight else kind.MEAN
    return next_creator(**settings)


@contextmanager
def precision(setting: bool | str) -> Iterator[None]:
    """Networks that are built within are trained in that; what is exported later is built in what was set before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if features_dtype(setting) == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def features_dtype(setting: bool | str) -> str:
    """What convolutions compute in, those of the frozen VGG16 too: 16 bits where the hardware has them."""
    wanted = _gpu_has_bfloat16() or _cpu_has_bfloat16() if setting == "auto" else bool(setting)
    return "bfloat16" if wanted else "float32"


def _gpu_has_bfloat16() -> bool:
    found = [tf.config.experimental.get_device_details(one) for one in tf.config.list_physical_devices("GPU")]
    return bool(found) and all(details.get("compute_capability", (0, 0)) >= AMPERE for details in found)


def _cpu_has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """As Linux tells; elsewhere we cannot know, and emulated it would be slower than float32."""
    if not cpuinfo.is_file() or tf.config.list_physical_devices("GPU"):
        return False
    lines = (line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if line.startswith("flags"))
    return bool(BFLOAT16_FLAGS & set(next(lines, "").split()))
