"""Makes, judges and times everything that was ordered, one size of frame after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tensorflow.lite.python.convert_phase import ConverterError
from tqdm import tqdm

from export import calibration, film, savedmodel, tflite
from export.artifact import Artifact, plan
from export.footage import Size
from export.gate import cost, layout, operations
from export.gate.check import Check
from export.judge import Judge, Reference
from export.order import Order
from export.report import Judged
from export.source import Source
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.networks.film_maps import moved

_BAR = "{desc:34.34} {percentage:3.0f}% |{bar}| {elapsed}"
_STEPS = 9  # on the progress bar: an artifact's questions, at most

References = dict[Size | None, Reference]


def make_and_judge(order: Order, origin: Source, folder: Path, painted: References) -> list[Judged]:
    """Every artifact with its answers, written into `folder`; `painted` is what Keras painted already."""
    groups = plan(order.formats, order.precisions, order.sizes)
    total, judged = _STEPS * (sum(map(len, groups.values())) + len(groups)), []
    with tqdm(total=total, bar_format=_BAR, disable=None) as bar:  # silent where stderr is no terminal
        for size, artifacts in groups.items():
            bar.set_description("painting the clip in Keras")
            if size not in painted:
                footage = order.footage(size or order.effort.open_size)
                painted[size] = Reference.paint(origin.network, footage)
            judged += Group(order, origin, folder, size, painted.pop(size)).run(artifacts, bar)
    return judged


class Group:
    """What the artifacts of one size share."""

    def __init__(self, order: Order, origin: Source, folder: Path, size: Size | None, reference: Reference):
        self.order, self.origin, self.folder, self.reference = order, origin, folder, reference
        self.resized = None  # a second size, for files that take any
        if size is None:
            footage = order.footage(order.effort.resized, order.effort.resized_frames)
            self.resized = Reference.paint(origin.network, footage)
        self.film = film.is_film(origin.network)

    def run(self, artifacts: list[Artifact], bar: Any) -> list[Judged]:
        """Each made and asked, then all of them timed in one run."""
        judged, judges = [], []
        for artifact in artifacts:
            before = bar.n

            def tell(told: str, artifact: Artifact = artifact) -> None:
                bar.update()
                bar.set_description(f"{artifact.key}: {told}")

            judged.append(Judged(artifact))
            tell("making it")
            path = self.make(judged[-1])
            if path:
                judged[-1].file = path.relative_to(self.folder).as_posix()
                judge = Judge(artifact, path, self.reference, self.resized)
                if judge.ask(judged[-1], self.order.runtimes, tell):
                    judges.append((judge, judged[-1]))
                    if judged[-1].key == zoo.PRECISION and not self.film:
                        judged[-1].checks.append(
                            layout.mixable(judge.content, self.origin.config.architecture)
                        )
            bar.update(max(0, before + _STEPS - bar.n))
        bar.set_description("speed")
        self.time(judges)
        bar.update(_STEPS)
        return judged

    def make(self, judged: Judged) -> Path | None:
        """Write one; None where the network cannot be converted, which its check then tells."""
        artifact, network = judged.artifact, self.origin.network
        assert artifact is not None
        path = artifact.path(self.folder, self.order.name)
        try:
            if artifact.format == "savedmodel":
                size, record = self.order.effort.resized, self.origin.record
                return savedmodel.write(network, self.folder, self.order.name, size, record)
            if artifact.format == "onnx":
                from export import onnx  # optional: only who exports ONNX needs it

                path.write_bytes(onnx.convert(network, name=self.order.name))
            else:
                frames = calibration.frames(self.order.calibrate) if artifact.precision == "int8" else ()
                path.write_bytes(tflite.convert(network, artifact.precision, artifact.fixed, frames))
        except ConverterError as error:
            judged.checks.append(operations.refused_by_converter(str(error)))
            return None
        except UserError as error:
            limit = "layers that the format can express"
            judged.checks.append(Check("operations", "conversion", False, limit, message=str(error)))
            return None
        except OSError as error:
            reason = f"{self.folder} cannot be written: {error.strerror}"
            raise UserError(f"{reason}. Make room, or name another.") from error
        return path

    def time(self, judges: list[tuple[Judge, Judged]]) -> None:
        """The speed of all files of this size in one run, beside fp32; a SavedModel runs on servers, not here."""
        timed = [(judge, judged) for judge, judged in judges if judge.artifact.format != "savedmodel"]
        if not timed:
            return
        openers: dict[str, Callable[[int], cost.Step]] = {
            judged.key: partial(ready, judge) for judge, judged in timed
        }
        baseline = next((name for name in openers if name.startswith("fp32")), None)
        count = self.order.effort.timed
        timings = cost.measure(openers, self.reference.footage.frames, count)
        for judge, judged in timed:
            asked = judge.artifact.format == "tflite" and not self.film
            judged.checks.append(
                cost.speed(judged.key, timings, baseline, judge.artifact.precision if asked else None)
            )


def ready(judge: Judge, threads: int) -> cost.Step:
    """A file ready to be timed: live with bytes in and out, of film quality with the maps of a moving clip."""
    painter, footage = judge.open(threads), judge.reference.footage
    if not judge.film:
        return painter.paint
    maps = moved(judge.reference.stylized[:1], *footage.flow(1), footage.fitting)
    return lambda frame: painter.paint_film(frame, maps)
