"""One export while it runs: makes every artifact of an order in a folder, puts it through the gate, times it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from export import film, runtimes
from export.artifact import Artifact, digest, plan
from export.build import CannotMake, Maker
from export.footage import Size
from export.gate import cost
from export.gate.quality import Eyes
from export.judge import QUESTIONS, Subject, ask
from export.order import Order
from export.reference import Network, Reference, paint
from export.report import Judged
from export.stepper import open_steps

# What things are worth on the progress bar.
QUESTION, SPEED = 1000, 12000
_BAR = "{desc:34.34} {percentage:3.0f}% |{bar}| {elapsed}"


class Session:
    """What the steps of one export share."""

    def __init__(self, order: Order, network: Network, eyes: Eyes, maker: Maker, folder: Path):
        self.order, self.network, self.eyes, self.maker, self.folder = order, network, eyes, maker, folder
        self.runtimes, self.missing = runtimes.tflite_runtimes(order.runtimes)
        self.film = film.is_film(network.exported)
        self.groups = plan(order.formats, order.precisions, order.sizes)
        self._references: dict[Size, Reference] = {}
        self.first = self.reference(next(iter(self.groups)))

    def run(self) -> list[Judged]:
        """Judge the network itself and, if there is anything to export, all that is made of it, size by size."""
        judged = [Judged(None, self.network.checks(self.first))]
        if not judged[0].passed:
            return judged
        sizes = len(self.groups)
        total = (
            sum(self._worth(artifact) for group in self.groups.values() for artifact in group) + sizes * SPEED
        )
        with tqdm(total=total, bar_format=_BAR) as bar:
            for size, artifacts in self.groups.items():
                bar.set_description("painting the clip in Keras")
                judged += self.group(artifacts, self.reference(size), bar)
        return judged

    def reference(self, size: Size | None) -> Reference:
        """The clip at this size, or at that at which files of any size are judged."""
        content = size or self.order.effort.open_size
        if content not in self._references:
            self._references[content] = paint(self.network, self.order.footage(content), self.eyes)
        return self._references[content]

    def group(self, artifacts: list[Artifact], reference: Reference, bar: Any) -> list[Judged]:
        """All artifacts of one size."""
        effort, resized = self.order.effort, None
        if artifacts[0].size is None:
            footage = self.order.footage(effort.resized, effort.resized_frames)
            resized = paint(self.network, footage, self.eyes, measured=False)
        pairs = [self.judge(artifact, reference, resized, bar) for artifact in artifacts]
        self.time([(subject, judged) for subject, judged in pairs if subject], reference, bar)
        return [judged for _, judged in pairs]

    def judge(
        self, artifact: Artifact, reference: Reference, resized: Reference | None, bar: Any
    ) -> tuple[Subject | None, Judged]:
        """Make one artifact and ask everything but its speed; no subject where it cannot be run again."""
        judged = Judged(artifact)

        def tell(told: str) -> None:
            bar.update(QUESTION)
            bar.set_description(f"{artifact.key}: {told}")

        tell("making it")
        try:
            made = self.maker.make(artifact, self.folder, reference.footage.size)
        except CannotMake as error:
            judged.checks.append(error.check)
            return None, judged
        judged.bytes, judged.sha256 = digest(made.path)
        judged.file, judged.kept_float = made.path.relative_to(self.folder).as_posix(), made.kept_float
        subject = Subject(
            artifact, made.path, reference, resized, runtimes=self.runtimes, missing=self.missing
        )
        subject.kept = self.maker.parameters(made.kept_float)
        subject.kept_float = made.kept_float
        if not ask(subject, judged, tell):
            return None, judged
        subject.show(judged)
        subject.forget()
        return subject, judged

    def time(self, ready: list[tuple[Subject, Judged]], reference: Reference, bar: Any) -> None:
        """The speed of all files of one size in one run, beside fp32."""
        bar.set_description("speed")
        openers = {name: opener for subject, _ in ready for name, opener in subject.openers().items()}
        if not openers:
            return
        size = ready[0][0].artifact.fixed
        baseline = next((name for name in openers if name.startswith("fp32")), None)
        if self.film:  # nothing is asked of its speed, which is told beside the first
            baseline = next(iter(openers))
        if baseline is None:
            baseline, content = "fp32", self.maker.tflite("fp32", size)
            openers[baseline] = lambda threads: open_steps(
                "litert", content, "stylize", reference.footage.size, threads
            )
        count = self.order.effort.timed
        tick = SPEED // (len(cost.THREADS) * (count + cost.WARM_UP))
        styles = reference.styles.shape[1]
        timings = cost.measure(openers, reference.footage.frames, styles, count, lambda: bar.update(tick))
        for subject, judged in ready:
            asked = subject.artifact.format == "tflite" and not self.film
            precision = subject.artifact.precision if asked else None
            judged.checks += [cost.speed(name, timings, baseline, precision) for name in subject.openers()]

    def _worth(self, artifact: Artifact) -> int:
        """On the progress bar: making it, and each question."""
        name = "film" if self.film and artifact.format == "tflite" else artifact.format
        return QUESTION * (1 + QUESTIONS[name])
