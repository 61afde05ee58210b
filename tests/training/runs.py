"""Runs of seconds: tiny networks, a VGG16 of a few filters, through the same command line as everyone's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_vst import features
from keras_vst.config import RunConfig
from keras_vst.config.overrides import to_dict, with_overrides
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from training import fit
from training.recipes import RECIPES, smoke_of

TINY_FILTERS = (4, 4, 4, 4, 8, 8, 8, 8, 8, 8)
KILLED_WHILE_SAVING = """
import os, signal, sys
from importlib import import_module
from training import fit
fit.LOG_EVERY, fit.SAVE_EVERY = 1, 0.0
replace, saved = os.replace, []
def replace_or_die(source, target):
    saved.append(str(target).endswith("trainer.weights.h5"))
    if sum(saved) == 3:  # the part is written, the checkpoint before has just been moved out of the way
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = replace_or_die
import_module(sys.argv[1]).main(sys.argv[2:])
"""
NO_VGG16 = ["loss.style=0", "loss.content=0", "loss.palette=0"]


def tiny_vgg16(path: str | None = None, dtype: str = "float32"):
    """A stand-in for `load_vgg16`: the same layers with few, random filters."""
    before, features.FILTERS = features.FILTERS, TINY_FILTERS
    try:
        model = features.build_vgg16(dtype=dtype)
    finally:
        features.FILTERS = before
    model.trainable = False
    return model


def tiny(recipe: str, *overrides: str) -> RunConfig:
    """The recipe at toy size, with a batch for two devices."""
    small = ["student.channels=4,4,8", "student.num_blocks=0"]
    return with_overrides(smoke_of(RECIPES[recipe]), [*small, *overrides])


def write_config(path: Path, config: RunConfig) -> str:
    path.write_text(json.dumps(to_dict(config)))
    return str(path)


def keyframe_words(folder: Path, photos: Path, *overrides: str) -> list[str]:
    """The words of a run that needs no VGG16: one frame and its painting; 8 steps with a discriminator."""
    config = tiny("keyframes", *NO_VGG16, "schedule.steps=8", *overrides)
    words = ["--config", write_config(folder / "tiny.json", config), "--no-export", "--quiet"]
    return [*words, "--keyframe", f"{photos / 'photo_0.png'}={photos / 'photo_1.png'}"]


def student_weights(path: Path) -> list[np.ndarray]:
    run = RunDirectory(path)
    student = build_student(run.config().student)
    run.load_network(student)
    return student.get_weights()


def assert_equal_weights(ours: Path, theirs: Path, atol: float = 1e-6) -> None:
    """Every weight of two runs, and that they are weights which have moved."""
    pairs = list(zip(student_weights(ours), student_weights(theirs), strict=True))
    assert pairs
    for mine, yours in pairs:
        np.testing.assert_allclose(mine, yours, atol=atol, rtol=0)


def unbroken_run(main, words: list[str], folder: Path) -> Path:
    """A run that nothing interrupted, every step of it logged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "LOG_EVERY", 1)
        assert main([*words, "--run", str(folder)]) == 0
    return folder


def kill(code: str, *words: str) -> None:
    """Run a program that is to end itself without warning."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
