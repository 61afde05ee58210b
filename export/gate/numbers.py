"""Is every weight a number, and does a picture come out?  Clips are (T, H, W, 3), float32 in [0, 1] or uint8."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from export.anatomy import Anatomy
from export.gate.check import Check, rounded
from keras_vst.frames import to_float

CONSTANT = 0.5 / 255  # deviation over a frame below which there is nothing to see
DARK, BRIGHT = 1 / 255, 254 / 255
_WEIGHTS_LIMIT = "every weight a finite number"
_PICTURE_LIMIT = "finite, within [0, 1], neither flat nor black nor white, and different for different frames"


def stored_weights(anatomy: Anatomy) -> Check:
    """The weights of a .tflite file."""
    bad = [one.layer for one in anatomy.floats if not np.isfinite(np.asarray(one.values)).all()]
    return _weights("weights of the file", bad)


def network_weights(network: keras.Model) -> Check:
    """The weights of the Keras network."""
    bad = [each.path for each in network.weights if not np.isfinite(keras.ops.convert_to_numpy(each)).all()]
    return _weights("weights of the network", bad)


def picture(played: npt.NDArray[Any], network: keras.Model | None, first: npt.NDArray[Any] | None) -> Check:
    """Whether what comes out, inside the margin, can be a picture.

    With the network and the first frame that it was given, the layer to blame is found.
    """
    values = played.astype(np.float32) / np.float32(255 if played.dtype == np.uint8 else 1)
    reason = _not_a_picture(values)
    measured = {"darkest": rounded(float(values.min()), 4), "brightest": rounded(float(values.max()), 4)}
    if not reason:
        measured["deviation"] = rounded(float(values[-1].std()), 4)
        return Check("numbers", "what comes out", True, _PICTURE_LIMIT, measured)
    blamed = _first_bad_layer(network, first) if network is not None and first is not None else None
    layer = f"; the first layer that gives it is `{blamed}`: look at its weights" if blamed else ""
    measured = {name: value for name, value in measured.items() if np.isfinite(value)}
    return Check("numbers", "what comes out", False, _PICTURE_LIMIT, measured, f"{reason}{layer}.")


def _weights(name: str, bad: list[str]) -> Check:
    message = ""
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        message = (
            f"NaN or infinity in `{bad[0]}`{more}: the training diverged. Look where the losses of metrics.jsonl "
            "become nan, and train from a checkpoint before it with a smaller schedule.learning_rate."
        )
    return Check("numbers", name, not bad, _WEIGHTS_LIMIT, {"bad": float(len(bad))}, message)


def _not_a_picture(values: npt.NDArray[Any]) -> str:
    if not np.isfinite(values).all():
        frame = int(np.argmax(~np.isfinite(values).all(axis=(1, 2, 3)))) + 1
        return f"frame {frame} holds NaN or infinity"
    low, high = float(values.min()), float(values.max())
    if low < -0.01 or high > 1.01:
        return f"values from {low:.2f} to {high:.2f}, outside [0, 1]"
    if values.mean() < DARK:
        return "every frame is black"
    if values.mean() > BRIGHT:
        return "every frame is white"
    if values.reshape(len(values), -1, 3).std(axis=1).max() < CONSTANT:
        return "the output is constant: one flat colour"
    if len(values) > 1 and np.abs(values - values[0]).max() < CONSTANT:
        return "the output is constant: every frame is the same picture"
    return ""


def _first_bad_layer(network: keras.Model, frame: npt.NDArray[Any]) -> str | None:
    """The first layer, in the order of the network, whose features are flat over the picture or not numbers."""
    seen = [
        layer
        for layer in network.layers
        if not isinstance(layer, keras.layers.InputLayer) and len(layer.output.shape) == 4
    ]
    probe = keras.Model(network.input, [layer.output for layer in seen])
    size = frame.shape[:2]
    inputs = {
        name: np.zeros((1, *size, tensor.shape[-1]), np.float32) for name, tensor in network.input.items()
    }
    inputs["frame"] = to_float(frame)[None]
    for layer, output in zip(seen, probe(inputs, training=False), strict=True):
        features = keras.ops.convert_to_numpy(output)
        inside = features[0, 2:-2, 2:-2]  # zeros at the border make even a flat picture vary there
        if not np.isfinite(features).all() or np.ptp(inside, axis=(0, 1)).max() < 1e-6:
            return layer.name
    return None
