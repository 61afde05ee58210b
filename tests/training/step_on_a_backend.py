"""Take two steps under whichever backend KERAS_BACKEND names: python -m tests.training.step_on_a_backend RECIPE FOLDER

The folder holds batch_000000.npz ...; start.npz is read where it is there and written where it is not: the
weights to start from, those of the feature network among them.  Prints one JSON line of terms a step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from tests.training.trainers import features, tiny
from training import packed
from training.objective import style_references
from training.trainer import build_trainer

EVERYTHING = (
    "loss.palette=1",
    "loss.temporal_features=1",
    "loss.smoothness=1",
    "loss.stability=10",
    "loss.temporal_flat=2",
)
OVERRIDES = {
    "painting": (*EVERYTHING, "data.frames=3", "loss.temporal_by_contrast=true"),
    "collection": (
        *EVERYTHING,
        "loss.adversarial_form=wasserstein",
        "loss.adversarial_from=0",
        "loss.adversarial_full=0.1",
    ),
    "film": ("teacher.noise_channels=2", "loss.diversity=1", "loss.stability=10"),
    "keyframes": ("loss.adversarial_from=0", "loss.adversarial_full=0.1"),
}


def main(recipe: str, folder: Path) -> None:
    config = tiny(recipe, *OVERRIDES[recipe])
    keras.utils.set_random_seed(0)
    judge, start = features(), folder / "start.npz"
    stored = np.load(start) if start.exists() else None
    _assign(judge, stored, "features")
    pictures = [[np.random.default_rng(0).random((1, 48, 48, 3), np.float32)]]
    trainer = build_trainer(config, judge, style_references(judge, pictures))
    _assign(trainer, stored, "trainer")
    if stored is None:
        networks = {"features": judge, "trainer": trainer}
        arrays = {
            f"{name}_{index}": keras.ops.convert_to_numpy(variable)
            for name, network in networks.items()
            for index, variable in enumerate(network.variables)
        }
        np.savez(start, **arrays)
    packed.train(trainer, packed.unpack(folder), lambda step, terms: print(json.dumps(terms), flush=True))


def _assign(network: keras.Model, stored, name: str) -> None:
    for index, variable in enumerate(network.variables if stored is not None else []):
        variable.assign(stored[f"{name}_{index}"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
