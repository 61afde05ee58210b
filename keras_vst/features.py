"""The frozen ImageNet VGG16 that looks at pictures for the losses and the metrics.

Frames (B, H, W, 3) float32 in [0, 1] -> dict of layer name ("relu1_2" ... "relu4_3") -> (B, h, w, C).
The weights come from a local file (an .npz of `blockB_convC__kernel`/`__bias`, or Keras's own .h5), or
through keras.applications where there is a network.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from keras_vst.errors import UserError

VGG16_VARIABLE = "KERAS_VST_VGG16"
FILTERS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512)
NAMES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3")
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")

# Of the ten convolutions' kernels and biases, as float16, in order; the same for .npz and .h5.
VGG16_SHA256 = "cf520daeecd83fb807f9917b2713128ef1d6255c3b77c470cb92024ef0c0a875"

_BGR_MEAN = (103.939, 116.779, 123.68)
_Weights = list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


def load_vgg16(
    path: str | os.PathLike[str] | None = None, wanted: Sequence[str] = LAYERS, dtype: str = "float32"
) -> keras.Model:
    """The feature model, frozen.  `path` goes before the variable KERAS_VST_VGG16, and that before a download.

    In bfloat16 it is twice as fast on hardware that has it; what it answers is float32 all the same.
    """
    model = build_vgg16(wanted, dtype)
    weights = dict(zip((f"conv{name}" for name in NAMES), _find_weights(path), strict=True))
    for layer in model.layers:
        if layer.name in weights:
            layer.set_weights(weights[layer.name])
    model.trainable = False
    return model


def build_vgg16(wanted: Sequence[str] = LAYERS, dtype: str = "float32") -> keras.Model:
    """The same network with random weights: VGG16 up to relu4_3, cut after the deepest layer wanted."""
    unknown = [name for name in wanted if name.removeprefix("relu") not in NAMES]
    if unknown:
        known = tuple(f"relu{name}" for name in NAMES)
        raise ValueError(f"VGG16 has no such layer. Received: {unknown}. Use some of {known}.")
    frames = layers.Input((None, None, 3), name="frames")
    features = frames * 255.0
    features = ops.flip(features, axis=-1) - ops.reshape(ops.array(_BGR_MEAN, "float32"), (1, 1, 1, 3))
    # Weights stay float32: several machines can only hand those to each other.
    policy = "mixed_bfloat16" if dtype == "bfloat16" else dtype
    outputs = {}
    for name, filters in zip(NAMES, FILTERS, strict=True):
        if name in ("2_1", "3_1", "4_1"):
            features = layers.MaxPooling2D(2, name=f"pool{name[0]}", dtype=policy)(features)
        convolution = layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"conv{name}", dtype=policy
        )
        features = convolution(features)
        if f"relu{name}" in wanted:
            outputs[f"relu{name}"] = ops.cast(features, "float32")
        if len(outputs) == len(wanted):
            break
    return keras.Model(frames, outputs, name="vgg16")


def checksum(weights: _Weights) -> str:
    """sha256 over the weights as float16: one number whatever file they came in."""
    digest = hashlib.sha256()
    for pair in weights:
        for array in pair:
            digest.update(np.ascontiguousarray(array, dtype="<f2").tobytes())
    return digest.hexdigest()


def _find_weights(path: str | os.PathLike[str] | None) -> _Weights:
    chosen = path or os.environ.get(VGG16_VARIABLE)
    if not chosen:
        return _download()
    weights = _read(Path(chosen))
    if checksum(weights) != VGG16_SHA256:
        raise UserError(
            f"{chosen} holds other weights than ImageNet VGG16 (checksum {checksum(weights)[:12]}, expected "
            f"{VGG16_SHA256[:12]}); losses and metrics would not be comparable. Use the weights of "
            "keras.applications.VGG16(include_top=False)."
        )
    return weights


def _read(path: Path) -> _Weights:
    if not path.is_file():
        raise UserError(f"There is no VGG16 weight file at {path}. {_WAYS_OUT}")
    try:
        if path.suffix == ".npz":
            # NumPy leaves a file that it opened itself open when the archive is broken.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return [(_stored(stored, name, "kernel"), _stored(stored, name, "bias")) for name in NAMES]
        model = keras.applications.VGG16(include_top=False, weights=str(path))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{path} cannot be read as VGG16 weights ({type(error).__name__}). Expected an .npz with "
            "block1_conv1__kernel ... block4_conv3__bias, or the .h5 of keras.applications."
        ) from error
    return _of_application(model)


def _stored(stored: np.lib.npyio.NpzFile, name: str, part: str) -> npt.NDArray[np.float32]:
    block, conv = name.split("_")
    return stored[f"block{block}_conv{conv}__{part}"].astype("float32")


def _download() -> _Weights:
    try:
        return _of_application(keras.applications.VGG16(include_top=False))
    except Exception as error:  # Keras raises a bare Exception when the download fails
        raise UserError(f"The ImageNet VGG16 weights could not be downloaded. {_WAYS_OUT}") from error


def _of_application(model: keras.Model) -> _Weights:
    convolutions = [model.get_layer("block{}_conv{}".format(*name.split("_"))) for name in NAMES]
    return [tuple(layer.get_weights()) for layer in convolutions]  # type: ignore[misc]


_WAYS_OUT = (
    f"Give a file with --vgg16 PATH or the variable {VGG16_VARIABLE} (an .npz of the convolutions or Keras's .h5), "
    "or connect to a network once, so that keras.applications can fetch it."
)
