"""What a finished run leaves besides its weights: a score-card, and the exported network."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import keras
import numpy as np

from keras_vst.errors import UserError
from keras_vst.features import load_vgg16
from keras_vst.frames import to_uint8
from keras_vst.networks.keras import KerasNetwork
from keras_vst.runs import RunDirectory
from training.evaluation.quick import quick_score

if TYPE_CHECKING:
    from training.loop import Sitting

REFUSED = 1  # what export leaves with where the gate refused a file
SCORED, SIDE = 4, 768  # photos that the score-card looks at, and their shorter side


def score(sitting: Sitting, vgg16: str | None) -> dict[str, float]:
    """The numbers of a score-card, on photos of the run: what it has seen, so better than on others."""
    photos, rng = sitting.opened.sources.photos, np.random.default_rng(0)
    keras.config.set_dtype_policy("float32")
    return quick_score(
        KerasNetwork(sitting.trainer.averaged).paint,
        to_uint8(sitting.opened.references[0][0]),
        [photos.draw(rng, SIDE) for _ in range(SCORED)],
        load_vgg16(vgg16),
    )


def export(run: RunDirectory, install: bool) -> int:
    """Through the gate, in a process of its own: training and export know each other by the run alone.

    0 where the network itself is out, even if one of its smaller files was refused, which export has told.
    """
    folder = str(run.path)
    command = [sys.executable, "-m", "export", "--run", folder, "--out", folder, "--quick"]
    command += ["--install"] if install else []
    try:
        status = subprocess.run(command, check=False).returncode
    except OSError as error:
        raise UserError(f"python -m export could not be started: {error}. Start it yourself.") from error
    network = run.path / f"{run.path.resolve().name}.tflite"
    if status == REFUSED and network.is_file():
        print(f"{network} is there all the same.")
        return 0
    return status
