"""Which questions are put to an artifact: to a .tflite file, to an ONNX model, to a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.artifact import Artifact, digest
from export.formats.flatbuffer import BYTES_SIGNATURE, SIGNATURE
from export.gate import Check, contents, not_judged, operations, runtimes, same
from export.gate.contents import Contents
from export.gate.speed import Step
from export.judged_clips import Array, Clip, play
from keras_vst.errors import UserError
from keras_vst.frames import Pixels, to_uint8
from keras_vst.networks import open_network
from keras_vst.networks.film import Film
from keras_vst.networks.keras import KerasNetwork

AGREEMENT_FRAMES = 2  # in other runtimes, whose kernels differ from the first frame on
THREADS = 2


@dataclass(frozen=True)
class Reference:
    """A clip as the Keras network paints it: what every file is held against."""

    network: keras.Model
    clip: Clip
    stylized: Array  # (T, H, W, 3) float32, margin and all
    flicker: float

    @classmethod
    def paint(cls, network: keras.Model, clip: Clip) -> Reference:
        """Play the clip through the network."""
        # Traced for another size, a teacher cannot enlarge at this one.
        network.make_predict_function(force=True)
        stylized = play(KerasNetwork(network), clip)
        return cls(network, clip, stylized, same.flicker(clip, clip.inside(stylized)))

    @property
    def film(self) -> bool:
        """Whether the network is handed its last painting."""
        return "warped" in self.network.input

    def checks(self) -> list[Check]:
        """Whether there is anything to export: weights that are numbers, a picture that comes out."""
        values = {each.path: keras.ops.convert_to_numpy(each) for each in self.network.weights}
        bad = [path for path, value in values.items() if not np.isfinite(value).all()]
        return [contents.finite("weights of the network", bad), self.picture(self.stylized)]

    def picture(self, played: Array) -> Check:
        """Whether what was played can be a picture."""
        return same.picture(self.clip.inside(played), self.network, self.clip.frames[0])

    def shown(self, played: Array) -> Pixels:
        """The frame in the middle of a clip, uint8 without the margin, for the report."""
        middle = played[[len(played) // 2]].astype(np.float32)
        return to_uint8(np.nan_to_num(self.clip.inside(middle)[0]))


@dataclass
class Candidate:
    """An artifact that lies at `path`, beside its reference; `resized` is a second size, for files that take any."""

    artifact: Artifact
    path: Path
    reference: Reference
    resized: Reference | None = None

    def __post_init__(self) -> None:
        self.bytes, self.sha256 = digest(self.path)
        self.contents: Contents | None = None  # a .tflite taken apart, once it was tried

    @cached_property
    def played(self) -> Array:
        """The clip as the artifact paints it."""
        return self.play(self.reference.clip)

    @cached_property
    def played_bytes(self) -> Array:
        """The same through `stylize_u8`, uint8."""
        return runtimes.play("litert", self.path.read_bytes(), BYTES_SIGNATURE, self.reference.clip.frames)

    def play(self, clip: Clip) -> Array:
        """Any clip as the artifact paints it, (T, H, W, 3) float32."""
        if self.artifact.format == "savedmodel":
            from export.gate.served import play_served  # of SavedModels only

            return play_served(self.path, clip)
        return play(open_network(self.path, threads=THREADS, sha256=self.sha256), clip)

    def step(self, threads: int) -> Step:
        """Ready to be timed: live with bytes in and out, of film quality with the maps of a moving clip."""
        network = open_network(self.path, threads=threads, sha256=self.sha256)
        if not self.reference.film:
            return network.paint
        clip = self.reference.clip
        film = Film(network, clip.fitting, clip.flow)
        film.paint_over(clip.frames[0], {})
        maps = film.look(clip.frames[1])
        return lambda frame: network.paint_film(frame, maps)

    def checks(
        self, wanted: tuple[str, ...], architecture: str, tell: Callable[[str], Any]
    ) -> Iterator[Check]:
        """Every answer; none after the first where the file does not even open.  `tell` is told what is asked.

        Film files run on processors, offline: what delegates and other runtimes take of them is not asked.
        """
        artifact, reference = self.artifact, self.reference
        if artifact.format == "tflite":
            tell("opening")
            trial = self.trial()
            yield trial
            if trial.failed:
                return
            self.contents = Contents(self.path.read_bytes())
            yield contents.weights(self.contents)
        tell("parity")
        yield from self._parities()
        yield reference.picture(self.played)
        tell("flicker")
        inside = reference.clip.inside(self.played)
        yield same.steadiness(same.flicker(reference.clip, inside), reference.flicker)
        yield from self._sizes()
        if self.contents and not reference.film:
            tell("operations")
            yield from operations.checks(self.contents, reference.clip.size)
            tell("other runtimes")
            yield from self._agreement(wanted)
            if artifact.key == "fp32":
                yield contents.mixable(self.contents.file, architecture)
        if artifact.format == "savedmodel":
            from export.gate import served

            tell("signatures")
            yield from served.checks(self.path, reference.clip, reference.network)

    def trial(self) -> Check:
        """Whether a file opens and paints at all, which is tried where it can do no harm."""
        limit = "LiteRT opens and runs it in a process of its own"
        try:
            open_network(self.path, threads=THREADS)  # no checksum is known to it: it asks a child first
        except UserError as error:
            return Check("opening", "trial", False, limit, message=str(error))
        return Check("opening", "trial", True, limit)

    def forget(self) -> None:
        """Drop the played clips, 140 MB each at 640x360."""
        for name in ("played", "played_bytes"):
            self.__dict__.pop(name, None)

    def _parities(self) -> Iterator[Check]:
        precision, expected, resized = self.artifact.precision, self.reference.stylized, self.resized
        yield same.parity(SIGNATURE, expected, self.played, precision, self.contents)
        if self.contents and not self.reference.film:
            yield same.parity(BYTES_SIGNATURE, expected, self.played_bytes, precision, self.contents)
        if resized:
            height, width = resized.clip.size
            told, played = f"{SIGNATURE}, at {width}x{height}", self.play(resized.clip)
            yield same.parity(told, resized.stylized, played, precision, self.contents)

    def _sizes(self) -> Iterator[Check]:
        artifact, parameters = self.artifact, self.reference.network.count_params()
        yield contents.size(self.bytes, artifact.format, artifact.precision, parameters, self.contents)
        if self.contents:
            yield contents.stored(self.contents, artifact.precision)

    def _agreement(self, wanted: tuple[str, ...]) -> Iterator[Check]:
        frames, precision = self.reference.clip.frames[:AGREEMENT_FRAMES], self.artifact.precision
        played = {SIGNATURE: self.played}
        if precision == "int8":  # whose bytes in and out are what it is made for
            played[BYTES_SIGNATURE] = self.played_bytes
        found, missing = runtimes.find_runtimes(wanted)
        for runtime in found:
            for signature, clip in played.items():
                theirs = partial(runtimes.play_in_child, runtime, self.path, signature, frames)
                label = f"{runtime.label}, {signature}"
                yield same.agreement(label, precision, clip[:AGREEMENT_FRAMES], theirs)
        for name, reason in missing.items():
            yield not_judged("agreement", name, "the same pixels", reason)
