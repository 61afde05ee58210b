"""Puts one artifact through the gate: what is asked of a .tflite, of an ONNX model, of a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export import film, runtimes
from export.anatomy import Anatomy
from export.artifact import Artifact, digest
from export.footage import Footage
from export.gate import agreement, cost, numbers, operations, parity, quality, served
from export.gate.check import Check, not_judged
from export.players import OnnxSteps, SavedModelSteps
from export.reference import Reference
from export.report import Judged
from export.stepper import Steps, open_steps, play
from keras_vst.errors import UserError
from keras_vst.runners.verify import open_runner

OPENING = "opening"
QUESTIONS = {"tflite": 8, "onnx": 4, "savedmodel": 6, "film": 6}  # for the progress bar
DIFFERENCE_GAIN = 8
AGREEMENT_FRAMES = 8  # in other runtimes; the first shows a difference in kernels, these one in the state
Clip = npt.NDArray[Any]
Question = tuple[str, Callable[[], list[Check]]]


@dataclass
class Subject:
    """An artifact that was made, on disk, and what the gate needs to judge it."""

    artifact: Artifact
    path: Path
    reference: Reference
    resized: Reference | None = None  # a second size, for files that take any
    kept: int = 0  # parameters that stay float in an int8 file
    kept_float: tuple[str, ...] = ()
    runtimes: list[runtimes.Runtime] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # runtimes that are not here, and why

    @property
    def film(self) -> bool:
        """Whether it is of film quality."""
        return film.is_film(self.reference.student)

    @cached_property
    def content(self) -> bytes:
        """The bytes of a file."""
        return self.path.read_bytes()

    @cached_property
    def anatomy(self) -> Anatomy:
        """A .tflite taken apart."""
        return Anatomy(self.content)

    @cached_property
    def played(self) -> Clip:
        """The clip as the artifact paints it, float32."""
        return self.play(self.reference)

    @cached_property
    def played_bytes(self) -> Clip:
        """The same through `stylize_u8`, uint8."""
        return self.play(self.reference, "stylize_u8")

    def play(self, reference: Reference, signature: str = "stylize") -> Clip:
        """Any clip, in the runtime that the format is made for."""
        steps = self.steps(signature, reference.footage)
        return play(steps, reference.footage.frames, reference.styles)

    def steps(self, signature: str, footage: Footage, threads: int = 2) -> Steps:
        """The artifact ready to play this footage."""
        if self.film:
            return film.open_steps(self.path, footage, threads)
        if self.artifact.format == "savedmodel":
            return SavedModelSteps(self.path)
        if self.artifact.format == "onnx":
            return OnnxSteps(self.content, threads)
        return open_steps("litert", self.content, signature, footage.size, threads)

    def forget(self) -> None:
        """Drop the clips that were played, 140 MB each at 640x360."""
        for name in ("played", "played_bytes"):
            self.__dict__.pop(name, None)

    def openers(self) -> dict[str, cost.Opener]:
        """What is timed of it, by name; a SavedModel runs on servers, whose speed is not measured here."""
        footage, key = self.reference.footage, self.artifact.key
        if self.artifact.format == "savedmodel":
            return {}
        signatures = {key: "stylize"}
        if self.artifact.precision == "int8":
            signatures[f"{key}, bytes in and out"] = "stylize_u8"
        return {
            name: lambda threads, signature=signature: self.steps(signature, footage, threads)
            for name, signature in signatures.items()
        }

    def show(self, judged: Judged) -> None:
        """Put a picture from the middle of the clip into the report."""
        middle = len(self.played) // 2
        judged.picture = self.reference.shown(self.played, middle)
        expected = self.reference.shown(self.reference.stylized, middle).astype(np.int16)
        apart = np.abs(judged.picture.astype(np.int16) - expected)
        judged.difference = np.minimum(apart * DIFFERENCE_GAIN, 255).astype(np.uint8)


def ask(subject: Subject, judged: Judged, tell: Callable[[str], None]) -> bool:
    """Put every question, add the answers; False where the file did not even open, so that nothing else was asked."""
    for told, question in questions(subject):
        tell(told)
        judged.checks += question()
        if told == OPENING and not judged.passed:
            return False
    return True


def questions(subject: Subject) -> list[Question]:
    """What the gate asks of this artifact, in order; the first may end it."""
    if subject.film and subject.artifact.format == "tflite":
        return _of_film(subject)
    return {"tflite": _of_tflite, "onnx": _of_onnx, "savedmodel": _of_savedmodel}[subject.artifact.format](
        subject
    )


def _of_tflite(subject: Subject) -> list[Question]:
    def asked_operations() -> list[Check]:
        size, anatomy = subject.reference.footage.size, subject.anatomy
        taken = [operations.xnnpack(anatomy, signature, size) for signature in anatomy.signatures]
        return [operations.white_list(anatomy), *taken, operations.gpu(anatomy, subject.content)]

    return [
        (OPENING, lambda: [_opens(subject)]),
        ("weights", lambda: [numbers.stored_weights(subject.anatomy)]),
        ("parity", lambda: list(_parities(subject))),
        ("picture", lambda: [_picture(subject)]),
        ("quality", lambda: _quality(subject)),
        ("operations", asked_operations),
        ("size", lambda: _size(subject)),
        ("other runtimes", lambda: list(_agreement(subject))),
    ]


def _of_film(subject: Subject) -> list[Question]:
    """It runs on processors, offline: what delegates and other runtimes take of it is not asked."""
    weights = ("weights", lambda: [numbers.stored_weights(subject.anatomy)])
    return [(OPENING, lambda: [_opens(subject)]), weights, *_of_onnx(subject)]


def _of_onnx(subject: Subject) -> list[Question]:
    return [
        ("parity", lambda: list(_parities(subject))),
        ("picture", lambda: [_picture(subject)]),
        ("quality", lambda: _quality(subject)),
        ("size", lambda: _size(subject)),
    ]


def _of_savedmodel(subject: Subject) -> list[Question]:
    reference = subject.reference
    return [
        ("parity", lambda: list(_parities(subject))),
        ("picture", lambda: [_picture(subject)]),
        ("quality", lambda: _quality(subject)),
        (
            "signatures",
            lambda: served.signatures(subject.path, reference.footage, reference.styles, reference.student),
        ),
        ("warm-up", lambda: [served.warm_up(subject.path)]),
        ("size", lambda: _size(subject)),
    ]


def _opens(subject: Subject) -> Check:
    reference = subject.reference
    limit = "LiteRT opens and runs it in a process of its own"
    try:
        if subject.film:
            open_runner(subject.path)
        else:
            signatures, size = ("stylize", "stylize_u8"), reference.footage.size
            runtimes.try_out(subject.path, signatures, size, reference.styles.shape[1])
    except (runtimes.CannotPlay, UserError) as error:
        return Check(
            "opening", "trial", False, limit, message=f"{error}; the file is damaged or no network of ours."
        )
    return Check("opening", "trial", True, limit)


def _parities(subject: Subject) -> Iterator[Check]:
    precision, reference = subject.artifact.precision, subject.reference
    tflite = subject.artifact.format == "tflite"
    anatomy = subject.anatomy if tflite else None
    told = f"stylize, {len(reference.stylized)} frames"
    yield parity.parity(told, reference.stylized, subject.played, precision, anatomy, subject.kept_float)
    if tflite and not subject.film:
        told = f"stylize_u8, {len(reference.stylized)} frames"
        yield parity.parity(
            told, reference.stylized, subject.played_bytes, precision, anatomy, subject.kept_float
        )
    if subject.resized:
        height, width = subject.resized.footage.size
        told = f"stylize, at {width}x{height}"
        played = subject.play(subject.resized)
        yield parity.parity(told, subject.resized.stylized, played, precision, anatomy, subject.kept_float)


def _picture(subject: Subject) -> Check:
    footage = subject.reference.footage
    return numbers.picture(footage.inside(subject.played), subject.reference.student, footage.frames[0])


def _quality(subject: Subject) -> list[Check]:
    reference = subject.reference
    own = quality.measure(reference.footage, subject.played, reference.styles, reference.eyes)
    return quality.compare(own, reference.quality, reference.eyes)


def _size(subject: Subject) -> list[Check]:
    artifact, parameters = subject.artifact, subject.reference.student.count_params()
    anatomy = subject.anatomy if artifact.format == "tflite" else None
    most = cost.most_bytes(artifact.format, artifact.precision, parameters, subject.kept)
    weighed = cost.size(digest(subject.path)[0], most, parameters, artifact.precision, anatomy)
    return [weighed, cost.stored(anatomy, artifact.precision)] if anatomy else [weighed]


def _agreement(subject: Subject) -> Iterator[Check]:
    frames = subject.reference.footage.frames[:AGREEMENT_FRAMES]
    styles = subject.reference.styles[:AGREEMENT_FRAMES]
    played = {"stylize": subject.played}
    if subject.artifact.precision == "int8":  # whose bytes in and out are what it is made for
        played["stylize_u8"] = subject.played_bytes
    for runtime in subject.runtimes:
        for signature, clip in played.items():

            def play_there(runtime=runtime, signature=signature) -> Clip:
                return runtimes.play_in_child(runtime, subject.path, signature, frames, styles)

            label = f"{runtime.label}, {signature}"
            yield agreement.agrees(label, subject.artifact.precision, clip[:AGREEMENT_FRAMES], play_there)
    for name, reason in subject.missing.items():
        yield not_judged("agreement", name, "the same pixels", reason)
