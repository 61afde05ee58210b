"""Where first weights come from: the bundled base, a run, or a file of the zoo; which is also written, to be looked at.

Files of one architecture differ in their weights alone, whose places the cards tell.  So a network in training is a
file that paints, and mixes with the others, without a converter: its norms are folded, the bytes put where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vst import zoo
from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.files import ASSETS
from keras_vst.frames import to_float
from keras_vst.models import folded_weights
from keras_vst.motion import Frame
from keras_vst.networks.opening import read_network
from keras_vst.runs import RunDirectory, read_weights
from keras_vst.zoo import Style
from training.data.pipeline import Pictures

BUNDLED, NOTHING = "bundled", "none"  # what --init takes besides paths: the base; random weights
BASES = ASSETS / "bases"
BEGINS_WITH_BASE = ("perceptual", "adversarial", "keyframes", "distil", "look")  # kinds that teach a student
FILE = ".tflite"  # what --init takes besides runs
SETTLED, SETTLED_SIDE = 16, 256  # photos over which the norms of a network from a file are found
FLOAT = np.dtype("<f4")
KERNEL = "kernel"
FIXED = "_blur"  # how the names of layers end that are not trained


def take(network: keras.Model, origin: str, config: RunConfig, photos: Pictures) -> None:
    """Give the network the weights that `--init` names; `photos` are those of the run."""
    if origin.endswith(FILE):
        rng = np.random.default_rng(0)
        drawn = [photos.draw(rng, SETTLED_SIDE)[:SETTLED_SIDE, :SETTLED_SIDE] for _ in range(SETTLED)]
        take_file(network, Path(origin), pattern(config), drawn)
    else:
        take_weights(network, origin, config)


def pattern(config: RunConfig) -> Style | None:
    """A style of the zoo that is laid out as the student of this run; None where there is none."""
    wanted = config.student.architecture if config.kind != "film" else ""
    found = (style for style in zoo.styles("live") if style.architecture == wanted and style.weights)
    return next(found, None)


def written(network: keras.Model, style: Style) -> bytes:
    """The file of a student that is laid out as this style's."""
    content = bytearray(read_network(style.path, style.sha256))
    for name, part, place in _places(style):
        layer, norm = network.get_layer(name), _norm(network, name)
        kernel, bias = folded_weights(layer, norm) if norm else layer.get_weights()
        values = np.transpose(kernel, (3, 0, 1, 2)) if part == KERNEL else bias
        content[place["offset"] : place["offset"] + place["length"]] = values.astype(FLOAT).tobytes()
    return bytes(content)


def take_file(network: keras.Model, path: Path, style: Style | None, photos: list[Frame]) -> None:
    """Give a student the weights of a file laid out as `style`, and norms as they are over the photos.

    It paints what the file paints, to rounding, and goes on so when it is trained with the norms of each batch.
    """
    content = read_network(path)
    if style is None or len(content) != style.card["files"][zoo.PRECISION]["bytes"]:
        raise UserError(
            f"--init {path} is not laid out as the styles of the zoo are; name a run, or a file of this student."
        )
    for name, part, place in _places(style):
        values = np.frombuffer(content, FLOAT, place["length"] // FLOAT.itemsize, place["offset"])
        if not np.isfinite(values).all():
            raise UserError(
                f"--init {path} is damaged: {place['name']} is no number everywhere. Make it anew."
            )
        _give(network, name, part, values.reshape(place["shape"]))
    _settle(network, photos)


def _places(style: Style) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Layer, kernel or bias, and where that stands; of what is trained."""
    for place in style.weights:
        name, _, part = place["name"].rpartition("/")
        if not name.endswith(FIXED):
            yield name, part, place


def _give(network: keras.Model, name: str, part: str, values: np.ndarray) -> None:
    layer, norm = network.get_layer(name), _norm(network, name)
    if part == KERNEL:
        layer.kernel.assign(np.transpose(values, (1, 2, 3, 0)))
    elif norm is None:
        layer.bias.assign(values)
    else:  # a norm that leaves everything alone, but for the bias
        ones = np.ones_like(values)
        norm.set_weights([ones, values, 0 * ones, ones - norm.epsilon])


def _settle(network: keras.Model, photos: list[Frame]) -> None:
    """Tell each norm what it will see, and let it undo that: the network paints as before."""
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    look = keras.Model(network.input, [norm.input for norm in norms])
    frames = {"frame": to_float(np.stack(photos))}
    for norm, seen in zip(norms, look(frames, training=False), strict=True):
        flat = np.asarray(keras.ops.convert_to_numpy(seen), np.float64).reshape(-1, seen.shape[-1])
        mean, variance = flat.mean(axis=0), flat.var(axis=0)
        _, shift, _, _ = norm.get_weights()
        norm.set_weights([np.sqrt(variance + norm.epsilon), shift + mean, mean, variance])


def _norm(network: keras.Model, name: str) -> Any:
    """The norm behind a convolution, if there is one."""
    found = (layer for layer in network.layers if layer.name == f"{name}_norm")
    return next(found, None)


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
