"""Everything that decides the outcome of a run, and which trainer runs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from keras_vst.config.checks import one_of
from keras_vst.config.networks import DiscriminatorConfig, StudentConfig, TeacherConfig
from keras_vst.config.settings import DataConfig, LossConfig, ScheduleConfig
from keras_vst.errors import UserError

_PICTURE = ("content", "style", "palette", "field", "temporal", "border", "grid")
TERMS = {
    "base": ("reconstruction", "border"),
    "perceptual": _PICTURE,
    "adversarial": (
        *_PICTURE,
        "adversarial",
        "adversarial_motion",
        "adversarial_reverse",
        "cycle",
        "identity",
    ),
    "film": (*(name for name in _PICTURE if name != "border"), "diversity"),
    "keyframes": ("content", "style", "palette", "temporal", "supervised", "adversarial"),
}
KINDS = tuple(TERMS)
_ALL_TERMS = tuple(dict.fromkeys(name for names in TERMS.values() for name in names))


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides the outcome of a training run."""

    kind: str = "perceptual"  # what is learned from: a picture, a collection, keyframes; film is the teacher
    student: StudentConfig = field(default_factory=StudentConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)  # trained instead of the student by `film`
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        one_of(KINDS, kind=self.kind)
        _check_terms(self)
        _check_memory(self)
        _check_sizes(self)
        _check_discriminator(self)

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms that weigh something, in the order in which they are logged."""
        return tuple(name for name in TERMS[self.kind] if getattr(self.loss, name) > 0)

    @property
    def painting_frames(self) -> int:
        """How many frames of a painting a discriminator is shown: 3 where it judges motion."""
        return 3 if self.loss.adversarial_motion > 0 else 1


def _check_terms(config: RunConfig) -> None:
    foreign = [
        name for name in _ALL_TERMS if name not in TERMS[config.kind] and getattr(config.loss, name) > 0
    ]
    if foreign:
        raise UserError(
            f"loss.{foreign[0]} means nothing to kind={config.kind}, which knows {', '.join(TERMS[config.kind])}. "
            f"Received: {getattr(config.loss, foreign[0])}. Set it to 0 or choose another recipe."
        )
    if not config.terms:
        raise UserError(f"Nothing to learn: every term of kind={config.kind} weighs 0. Give one a weight.")
    if config.loss.diversity > 0 and not config.teacher.noise_channels:
        raise UserError("loss.diversity needs noise to answer to. Set teacher.noise_channels=2 as well.")


def _check_memory(config: RunConfig) -> None:
    if config.kind == "keyframes" and config.loss.memory > 0:
        raise UserError(
            "loss.memory remembers what was compared with a style picture; keyframes compares each frame with "
            f"its painting. Received: {config.loss.memory}. Set it to 0."
        )


def _check_sizes(config: RunConfig) -> None:
    crop = max(config.schedule.judged_sizes) + 2 * config.data.margin
    if crop > config.data.photo_side:
        raise UserError(
            "The largest of schedule.judged_sizes and twice data.margin must fit into data.photo_side. Received: "
            f"judged_sizes={config.schedule.judged_sizes}, margin={config.data.margin}, "
            f"photo_side={config.data.photo_side}. Use photo_side={crop}, or less of the others."
        )


def _check_discriminator(config: RunConfig) -> None:
    discriminator, loss = config.discriminator, config.loss
    if discriminator.num_frames != 1:
        raise UserError(
            "discriminator.num_frames is 1 in a run: the one that judges motion is made of the same settings "
            f"where loss.adversarial_motion is above 0. Received: {discriminator.num_frames}. Leave it at 1."
        )
    if loss.adversarial_motion > 0 and config.data.frames < 3:
        raise UserError(
            "loss.adversarial_motion judges three frames in a row. "
            f"Received: data.frames={config.data.frames}. Use data.frames=3."
        )
    if discriminator.condition_channels not in (0, 3):
        raise UserError(
            "discriminator.condition_channels is 0, or 3 for the frame that was painted. "
            f"Received: {discriminator.condition_channels}."
        )
    if config.kind == "adversarial" and discriminator.condition_channels and not loss.cycle:
        raise UserError(
            "A painting has no photo of its own to be shown beside: discriminator.condition_channels=3 takes the "
            "reverse generator's, which loss.cycle trains. Set loss.cycle above 0 (5 is usual)."
        )
