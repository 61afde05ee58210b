"""The trainer that a configuration names, and where its first weights come from."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import keras

import keras_vst
from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.runs import RunDirectory, read_weights
from training.objective import NearnessLoss, PerceptualLoss, References
from training.trainers.base import Trainer

BUNDLED, NOTHING = "bundled", "none"  # what --init takes besides paths: the base; random weights
BASES = Path(keras_vst.__file__).parent / "assets" / "bases"
BEGINS_WITH_BASE = ("perceptual", "adversarial", "keyframes", "distil", "look")  # kinds that teach a student
COMPARED = ("keyframes", "distil")  # kinds that are shown a painted picture of each frame
TRAINERS = {
    "base": ("perceptual", "PerceptualTrainer"),
    "perceptual": ("perceptual", "PerceptualTrainer"),
    "adversarial": ("adversarial", "AdversarialTrainer"),
    "film": ("film", "FilmTrainer"),
    "keyframes": ("keyframes", "KeyframeTrainer"),
    "distil": ("distilling", "DistilTrainer"),
    "look": ("perceptual", "PerceptualTrainer"),
}


def build_trainer(
    config: RunConfig, features: keras.Model | None = None, references: References | None = None
) -> Trainer:
    """The trainer of that kind.

    `features` is the frozen VGG16 and `references` what it makes of the style pictures (`style_references`);
    a run without terms that need VGG16 needs neither.
    """
    module, name = TRAINERS[config.kind]
    compare = NearnessLoss if config.kind in COMPARED else PerceptualLoss
    trainer = getattr(import_module(f"training.trainers.{module}"), name)
    return trainer(config, compare(features, references) if features is not None else None)


def default_origin(config: RunConfig) -> str:
    """BUNDLED where there is a base of this student, from which all its styles begin, so that they can be mixed."""
    return BUNDLED if config.kind in BEGINS_WITH_BASE and _base(config).is_file() else NOTHING


def take_weights(network: keras.Model, origin: str, config: RunConfig) -> None:
    """Give the network the weights of the bundled base, a run, or a file, NAME.weights.h5."""
    if origin == NOTHING:
        return
    path = _base(config) if origin == BUNDLED else Path(origin)
    try:
        read_weights(network, RunDirectory(path).network_file(network.name) if path.is_dir() else path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"--init {origin} does not fit: {str(error).splitlines()[0]} "
            f"It must be a run with the same {network.name}.* settings, or its {network.name}.weights.h5; "
            f"{NOTHING} begins with random weights."
        ) from error


def _base(config: RunConfig) -> Path:
    return BASES / f"{config.student.architecture}.weights.h5"
