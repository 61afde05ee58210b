"""The trainer that a configuration names."""

from __future__ import annotations

from importlib import import_module

import keras

from keras_vst.config import RunConfig
from training.objective import NearnessLoss, PerceptualLoss, References
from training.trainers.perceptual import PerceptualTrainer

COMPARED = ("keyframes", "distil")  # kinds that are shown a painted picture of each frame
TRAINERS = {
    "base": ("perceptual", "PerceptualTrainer"),
    "perceptual": ("perceptual", "PerceptualTrainer"),
    "adversarial": ("adversarial", "AdversarialTrainer"),
    "film": ("film", "FilmTrainer"),
    "keyframes": ("adversarial", "KeyframeTrainer"),
    "distil": ("perceptual", "DistilTrainer"),
    "look": ("perceptual", "PerceptualTrainer"),
}


def build_trainer(
    config: RunConfig, features: keras.Model | None = None, references: References | None = None
) -> PerceptualTrainer:
    """The trainer of that kind.

    `features` is the frozen VGG16 and `references` what it makes of the style pictures (`style_references`);
    a run without terms that need VGG16 needs neither.
    """
    module, name = TRAINERS[config.kind]
    compare = NearnessLoss if config.kind in COMPARED else PerceptualLoss
    trainer = getattr(import_module(f"training.trainers.{module}"), name)
    return trainer(config, compare(features, references) if features is not None else None)
