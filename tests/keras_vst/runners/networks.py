"""Tiny .tflite networks whose answer is known: a mix of the frame and its negative."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TensorFlowFunction = Callable[..., dict[str, Any]]


def negative_network(path: Path, *, num_styles: int = 2, state_step: int = 4) -> Path:
    """Write a recurrent network: stylized = (1 - s) frame + s (1 - frame), state = 0.5 state + block mean.

    `s` is the sum of the style vector; the state has one channel, the mean of each block of
    `state_step` pixels. Height and width are dynamic, the batch is 1.
    """
    import tensorflow as tf

    def step(frame: Any, style: Any, state: Any) -> dict[str, Any]:
        amount = tf.reshape(tf.reduce_sum(style), (1, 1, 1, 1))
        means = tf.reduce_mean(tf.nn.avg_pool2d(frame, state_step, state_step, "VALID"), -1, keepdims=True)
        return {"stylized": frame + amount * (1.0 - 2.0 * frame), "state": 0.5 * state + means}

    specs = [
        tf.TensorSpec((1, None, None, 3), tf.float32, "frame"),
        tf.TensorSpec((1, num_styles), tf.float32, "style"),
        tf.TensorSpec((1, None, None, 1), tf.float32, "state"),
    ]
    return write_network(path, step, specs)


def stateless_network(path: Path, *, size: tuple[int | None, int | None] = (None, None)) -> Path:
    """Write a network without a state and with one style: stylized = frame + s (1 - 2 frame)."""
    import tensorflow as tf

    def step(frame: Any, style: Any) -> dict[str, Any]:
        amount = tf.reshape(tf.reduce_sum(style), (1, 1, 1, 1))
        return {"stylized": frame + amount * (1.0 - 2.0 * frame)}

    specs = [
        tf.TensorSpec((1, *size, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
    ]
    return write_network(path, step, specs)


def film_network(path: Path, *, noise_channels: int = 0) -> Path:
    """Write a network of film quality: what is `warped` where it is visible, elsewhere half the frame (and noise).

    Its one style's weight decides how much of that is seen over the frame.  Height and width are dynamic.
    """
    import tensorflow as tf

    def step(frame: Any, style: Any, warped: Any, visible: Any, noise: Any = None) -> dict[str, Any]:
        fresh = 0.5 * frame
        if noise is not None:
            fresh += 0.05 * tf.reduce_mean(noise, -1, keepdims=True)
        painted = visible * warped + (1.0 - visible) * fresh
        return {"stylized": frame + tf.reshape(style, (1, 1, 1, 1)) * (painted - frame)}

    channels = {"warped": 3, "visible": 1, **({"noise": noise_channels} if noise_channels else {})}
    specs = [
        tf.TensorSpec((1, None, None, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
        *(tf.TensorSpec((1, None, None, count), tf.float32, name) for name, count in channels.items()),
    ]
    return write_network(path, step, specs)


def foreign_network(path: Path) -> Path:
    """Write a valid .tflite of somebody else: one input called `image`, another signature."""
    import tensorflow as tf

    def classify(image: Any) -> dict[str, Any]:
        return {"scores": tf.reduce_mean(image, (1, 2))}

    return write_network(
        path, classify, [tf.TensorSpec((1, 8, 8, 3), tf.float32, "image")], signature="classify"
    )


def write_network(
    path: Path,
    step: TensorFlowFunction,
    specs: list[Any],
    signature: str = "stylize",
    more: dict[str, tuple[TensorFlowFunction, list[Any]]] | None = None,
) -> Path:
    """Convert a function of named tensors, and `more` signatures, into a .tflite; returns its path."""
    import keras
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    signatures = {signature: (step, specs), **(more or {})}
    for name, (function, its_specs) in signatures.items():
        archive.add_endpoint(name, function, input_signature=its_specs)
    folder = path.with_suffix("")
    archive.write_out(str(folder), verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(signatures))
    path.write_bytes(converter.convert())
    return path


def ghost_network(path: Path) -> Path:
    """Write a network that shows its memory: stylized = frame / 2 + state / 2, state = 0.7 state + 0.3 frame.

    The state holds the mean of each block of 4 pixels; after a cut an old scene would shine through for long.
    """
    import tensorflow as tf

    def step(frame: Any, style: Any, state: Any) -> dict[str, Any]:
        means = tf.reduce_mean(tf.nn.avg_pool2d(frame, 4, 4, "VALID"), -1, keepdims=True)
        held = tf.image.resize(state, tf.shape(frame)[1:3])
        return {
            "stylized": 0.5 * frame + 0.5 * held + 0.0 * tf.reduce_sum(style),
            "state": 0.7 * state + 0.3 * means,
        }

    specs = [
        tf.TensorSpec((1, None, None, 3), tf.float32, "frame"),
        tf.TensorSpec((1, 1), tf.float32, "style"),
        tf.TensorSpec((1, None, None, 1), tf.float32, "state"),
    ]
    return write_network(path, step, specs)
