"""Trainers and batches of toy size for the tests of training, made without the data pipeline."""

from __future__ import annotations

import functools

import keras
import numpy as np

from keras_vst.config import RunConfig
from keras_vst.config.overrides import with_overrides
from training.loop import build_trainer
from training.objective import References, style_references
from training.recipes import RECIPES, smoke_of
from training.temporal import crop_side, painting_frames, pairs_of
from training.terms import completed
from training.trainers.perceptual import PerceptualTrainer

Batch = dict[str, np.ndarray]
TINY = ["student.channels=4,4,8", "student.num_blocks=0", "data.margin=8"]


def tiny(recipe: str, *overrides: str) -> RunConfig:
    """The recipe at a size at which a step takes tenths of a second."""
    settings = [*TINY, "schedule.judged_size=16", *overrides]
    return completed(with_overrides(smoke_of(RECIPES[recipe]), settings))


def make_trainer(config: RunConfig, seed: int = 0) -> PerceptualTrainer:
    seen = features(), references()  # made once: before the seed, or the first trainer is another
    keras.utils.set_random_seed(seed)
    return build_trainer(config, *seen)


def make_batch(config: RunConfig, seed: int = 0) -> Batch:
    """What the data pipeline hands out, of noise: every array in its range, nothing constant."""
    rng, data = np.random.default_rng(seed), config.data
    crop, judged = crop_side(config), config.schedule.judged_size
    size, frames, pairs = data.batch, data.frames, len(pairs_of(config))

    def random(*shape: int) -> np.ndarray:
        return rng.random((size, *shape), np.float32)

    batch = {
        "clip": random(frames, crop, crop, 3),
        "flow": 6 * random(pairs, crop, crop, 2) - 3,
        "visible": (random(pairs, crop, crop, 1) > 0.2).astype(np.float32),
    }
    if config.kind == "adversarial":
        batch["painting"] = random(painting_frames(config), judged, judged, 3)
        if painting_frames(config) == 3:
            batch["painting_flow"] = 4 * random(2, judged, judged, 2) - 2
    if config.kind == "distil":
        batch["taught"] = random(frames, crop, crop, 3)
    if config.kind == "look":
        batch["target"] = random(frames, crop, crop, 3)
    if config.kind == "keyframes":
        batch["frame"], batch["target"] = random(crop, crop, 3), random(crop, crop, 3)
    return batch


@functools.cache
def features() -> keras.Model:
    """Answers in float32 as VGG16 does, by the same names, in a hundredth of the time: four random convolutions."""
    keras.utils.set_random_seed(0)
    frames = keras.layers.Input((None, None, 3), name="frames")
    found, outputs = frames, {}
    for name, filters in (("relu1_2", 4), ("relu2_2", 6), ("relu3_3", 8), ("relu4_3", 8)):
        found = keras.layers.MaxPooling2D(2, dtype="float32")(found) if outputs else found
        convolution = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=name, dtype="float32"
        )
        outputs[name] = found = convolution(found)
    model = keras.Model(frames, outputs)
    model.trainable = False
    return model


@functools.cache
def references() -> References:
    """Of one picture of noise, on photos of another noise."""
    rng = np.random.default_rng(0)
    photo_colours = 0.2 + 0.5 * rng.random((256, 3), np.float32)
    return style_references(features(), [rng.random((1, 48, 48, 3), np.float32)], photo_colours)


def weights_of(network: keras.Model) -> list[np.ndarray]:
    return [np.array(variable) for variable in network.trainable_variables]


def moved(network: keras.Model, before: list[np.ndarray]) -> list[str]:
    """The paths of the trained variables that are no longer what they were."""
    pairs = zip(network.trainable_variables, before, strict=True)
    return [variable.path for variable, old in pairs if not np.array_equal(np.array(variable), old)]


def floats(logs: dict) -> dict[str, float]:
    return {name: float(term) for name, term in logs.items()}
