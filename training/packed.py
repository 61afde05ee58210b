"""Batches as one .npz file each, for a machine without TensorFlow: made here, trained there.

    KERAS_BACKEND=torch python -c "from training import packed; ..."

A batch is the dict of float32 arrays that a trainer's `train_step` takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from keras_vst.errors import UserError
from training.trainer import Trainer

Arrays = dict[str, npt.NDArray[np.float32]]


def pack(batches: Iterable[Mapping[str, Any]], folder: str | Path) -> int:
    """Write batch_000000.npz and so on into the folder; how many there were."""
    folder, count = Path(folder), 0
    folder.mkdir(parents=True, exist_ok=True)
    for count, batch in enumerate(batches, start=1):
        path = folder / f"batch_{count - 1:06d}.npz"
        part = folder / f"part-{os.getpid()}.npz"
        arrays: dict[str, Any] = {name: ops.convert_to_numpy(array) for name, array in batch.items()}
        np.savez_compressed(part, **arrays)
        os.replace(part, path)
    return count


def unpack(folder: str | Path, start: int = 0) -> Iterator[Arrays]:
    """The batches from number `start` on, in the order in which they were packed."""
    paths = sorted(Path(folder).glob("batch_*.npz"))
    if not paths:
        raise UserError(
            f"{folder} holds no packed batches (batch_000000.npz ...). Make them with `pack` first."
        )
    for path in paths[start:]:
        with np.load(path, allow_pickle=False) as stored:
            yield {name: stored[name] for name in stored.files}


def train(
    trainer: Trainer,
    batches: Iterable[Mapping[str, Any]],
    report: Callable[[int, dict[str, float]], None] = lambda step, terms: None,
) -> dict[str, float]:
    """Take a step for each batch, under whichever backend Keras runs on; the terms of the last one."""
    terms: dict[str, float] = {}
    for batch in batches:
        found = trainer.train_step(batch)
        terms = {name: float(ops.convert_to_numpy(term)) for name, term in found.items()}
        report(trainer.step, terms)
    if not terms:
        raise UserError("There were no batches to train on. Received: none. Pack some first.")
    return terms
