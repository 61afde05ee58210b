"""Makes artifacts from a student, into a folder; int8 is calibrated once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
from tensorflow.lite.python.convert_phase import ConverterError

from export import film, savedmodel, tflite
from export.artifact import Artifact
from export.calibration import Calibration
from export.footage import Size
from export.gate import operations
from export.gate.check import Check
from keras_vst.errors import UserError
from keras_vst.video import open_source


class CannotMake(Exception):
    """A network that cannot be converted; `check` says which operation or layer is to blame."""

    def __init__(self, check: Check):
        super().__init__(check.message)
        self.check = check


@dataclass(frozen=True)
class Made:
    """Where an artifact lies, and which layers of it stayed float."""

    path: Path
    kept_float: tuple[str, ...] = ()


class Maker:
    """Converts one student, which is called `name` and paints `styles`."""

    def __init__(
        self,
        student: keras.Model,
        name: str,
        styles: Sequence[str],
        record: dict[str, Any],
        clips: Sequence[Path],
        int8_floor: float | None = None,
    ):
        self.student, self.name, self.styles, self.record, self.clips = student, name, styles, record, clips
        self.int8_floor = tflite.FLOOR if int8_floor is None else int8_floor

    @cached_property
    def calibration(self) -> Calibration:
        """What int8 files learn their ranges from: the user's clips, or such as are drawn here."""
        if not self.clips:
            return Calibration.rollout(self.student)
        with ExitStack() as opened:
            return Calibration.rollout(
                self.student, [opened.enter_context(open_source(clip)) for clip in self.clips]
            )

    @cached_property
    def kept_float(self) -> tuple[str, ...]:
        """The layers that int8 would cost too much."""
        return tflite.sensitive_layers(self.student, self.calibration, self.int8_floor)

    def make(self, artifact: Artifact, folder: Path, warm_up_size: Size) -> Made:
        """Write it into `folder`; raises CannotMake."""
        path = artifact.path(folder, self.name)
        try:
            if artifact.format == "savedmodel":
                return Made(
                    savedmodel.write(self.student, folder, self.name, self.styles, warm_up_size, self.record)
                )
            if artifact.format == "onnx":
                from export import onnx  # optional: only who exports ONNX needs it

                path.write_bytes(onnx.convert(self.student, name=self.name, styles=self.styles))
                return Made(path)
            path.write_bytes(self.tflite(artifact.precision, artifact.fixed))
        except ConverterError as error:
            raise CannotMake(operations.refused_by_converter(str(error))) from error
        except UserError as error:
            check = Check(
                "operations", "conversion", False, "layers that the format can express", {}, str(error)
            )
            raise CannotMake(check) from error
        except OSError as error:
            raise UserError(
                f"{path.parent} cannot be written: {error.strerror}. Make room, or name another."
            ) from error
        return Made(path, self.kept_float if artifact.precision == "int8" else ())

    def tflite(self, precision: str, fixed: Size | None) -> bytes:
        """The bytes of a .tflite file."""
        if film.is_film(self.student):
            return film.convert(self.student, precision, fixed)
        if precision != "int8":
            return tflite.convert(self.student, precision, fixed)
        return tflite.convert(self.student, precision, fixed, self.calibration, self.kept_float)

    def parameters(self, layers: Sequence[str]) -> int:
        """How many the named layers have, as far as the student has layers of these names."""
        known = {layer.name: layer.count_params() for layer in self.student.layers}
        return sum(known.get(name, 0) for name in layers)
