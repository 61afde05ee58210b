"""Keras student -> .tflite in fp32, fp16 weights or int8, with two signatures.

`stylize` takes and gives float32 in [0, 1]; `stylize_u8` the same with bytes for frame and stylized (export/
flatbuffer.py).  Tensors are addressed by name: in `frame`, `style`, `state`; out `stylized`, `state`.  Batch 1;
any H, W that are multiples of 8, or one size.  The weights are there once: the second signature adds 1 % to the file
and, until it is used, nothing to memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from export.calibration import Calibration
from export.flatbuffer import BYTES_SIGNATURE, SIGNATURE, add_bytes_signature
from export.folding import fold, foldable, of_style, parts
from export.quantization import Network, calibrate, quantize
from export.sensitivity import Quality, Report, choose
from keras_vst.models.student import input_shapes

__all__ = ["BYTES_SIGNATURE", "PRECISIONS", "SIGNATURE", "convert", "sensitive_layers"]

PRECISIONS = ("fp32", "fp16", "int8")
# What int8 keeps, at the first frame and at the last of a clip.  The gate asks for 35 dB; but the steadier a network,
# the more its rounding shows: on a real clip ten styles flickered 1.22 times as much at 38 dB, Van Gogh 1.09 at 45.
FLOOR = 46.0


def convert(
    student: keras.Model,
    precision: str = "fp32",
    size: tuple[int, int] | None = None,
    calibration: Calibration | None = None,
    keep_float: Sequence[str] = (),
) -> bytes:
    """The flatbuffer.  `size` (height, width) makes it static; the student needs `batch_size=1`.

    int8 takes its ranges from `calibration`, by default a rollout over the clips drawn there; the layers named in
    `keep_float` (see `sensitive_layers`) stay float32.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"`precision` is one of {', '.join(PRECISIONS)}. Received: {precision!r}.")
    if keep_float and precision != "int8":
        raise ValueError(f"`keep_float` goes with int8. Received: {list(keep_float)} with {precision}.")
    unknown = set(keep_float) - parts(student).keys()
    if unknown:
        raise ValueError(
            f"`keep_float` names layers of the student. Received: {sorted(unknown)}. "
            f"Known: {', '.join(parts(student))}."
        )
    if precision == "int8":
        network = _Calibrated(student, size, calibration or Calibration.rollout(student))
        return add_bytes_signature(network.quantized(keep_float))
    with _converter(_folded(student), size) as converter:
        if precision == "fp16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return add_bytes_signature(converter.convert())


def sensitive_layers(
    student: keras.Model,
    calibration: Calibration,
    floor_db: float = FLOOR,
    report: Report | None = None,
) -> tuple[str, ...]:
    """The layers to keep float so that int8 reaches `floor_db` over looped clips, costliest first; () if it does.

    When even all of them would not reach the floor, all are returned, for the gate to judge.  `report` hears for
    each layer how many dB it brings.
    """
    quality = Quality(calibration.loops)
    network = _Calibrated(student, None, calibration)
    return choose(network.quantized, network.candidates(), quality, floor_db, report)


class _Calibrated:
    """A student's float flatbuffer with its ranges, to be quantized in more than one way."""

    def __init__(self, student: keras.Model, size: tuple[int, int] | None, calibration: Calibration) -> None:
        self._check(student, calibration)
        network = _folded(student)
        with _converter(network, size) as converter:
            self._flatbuffer = calibrate(converter, calibration)
        outputs = {name: tensor._keras_history.operation.name for name, tensor in network.output.items()}
        self._network = Network(self._flatbuffer, [layer.name for layer in network.layers], outputs)
        self._parts = parts(student)
        self._always = of_style(student)

    def quantized(self, keep_float: Sequence[str] = ()) -> bytes:
        """int8, one signature, with these layers float."""
        kept = {part for name in keep_float for part in self._parts[name]}
        return quantize(self._flatbuffer, self._network.computed_by(kept | self._always))

    def candidates(self) -> list[str]:
        """The layers that compute something, each tensor's first: the convolution, not the ReLU6 merged into it."""
        found: dict[str, set[str]] = {}
        for name in self._parts:
            tensors = self._network.computed_by(self._parts[name])
            if name not in self._always and not tensors <= set().union(*found.values()):
                found[name] = tensors
        return list(found)

    @staticmethod
    def _check(student: keras.Model, calibration: Calibration) -> None:
        wanted = {name: tensor.shape[-1] for name, tensor in student.input.items()}
        for sample in calibration.samples[:1]:
            received = {name: array.shape[-1] for name, array in sample.items()}
            if received != wanted:
                raise ValueError(
                    f"The calibration is of another network: it has channels {received}, {wanted} expected. "
                    "Make it with Calibration.rollout(student)."
                )


def _folded(student: keras.Model) -> keras.Model:
    """Folded where there is something to fold; other networks go through as they are, for the gate to judge."""
    return fold(student) if foldable(student) else student


@contextmanager
def _converter(student: keras.Model, size: tuple[int, int] | None):
    """A converter of the signature `stylize`.

    Goes through ExportArchive: `tf.function` over a Keras model would leave the weights uninitialised.
    """
    archive = keras.export.ExportArchive()
    archive.track(student)
    archive.add_endpoint(SIGNATURE, _endpoint(student), input_signature=_specs(student, size))
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        yield tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])


def _endpoint(student: keras.Model) -> Callable[..., Any]:
    def stylize(frame: Any, style: Any, state: Any) -> Any:
        return student({"frame": frame, "style": style, "state": state}, training=False)

    return stylize


def _specs(student: keras.Model, size: tuple[int, int] | None) -> list[tf.TensorSpec]:
    """One spec an input, in the order of `_endpoint`'s arguments, static where the size is known."""
    shapes = {name: tensor.shape for name, tensor in student.input.items()}
    if size:
        shapes = input_shapes(student, size)
    return [tf.TensorSpec(shapes[name], tf.float32, name) for name in ("frame", "style", "state")]
