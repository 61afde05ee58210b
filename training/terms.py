"""Every term of the objective, in one table: what it is a function of, its weight, and what it needs.

A new term is a pure function in keras_vst/losses.py and a row here; `--set loss.NAME=WEIGHT` then sets its weight.
Terms are added up and logged in the order of the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from keras import ops

from keras_vst import losses
from keras_vst.config import LossConfig, RunConfig
from keras_vst.errors import UserError
from keras_vst.ops import Tensor, across_replicas, crop
from training.temporal import Batch, flatness_inside, flicker, variance

VGG16, DISCRIMINATOR, REVERSE = "vgg16", "discriminator", "reverse"  # what a term may need
PAINTERS = ("perceptual", "adversarial", "film")  # kinds that learn how a painting is painted
SHOWN = ("keyframes", "distil")  # kinds that are shown frames as they should be painted
Pictures = dict[
    str, Tensor
]  # a discriminator's inputs: `frames` in [0, 1], and `condition` where it is shown one


@dataclass
class Painted:
    """A batch and what was made of it, of which every term is a function; pictures are in [0, 1]."""

    trainer: Any
    batch: Batch
    stylized: list[Tensor]  # each frame of the clips, (B, H, W, 3), with the margin that losses do not see
    shown: Tensor  # the squares that VGG16 looks at, as they were painted
    original: Tensor  # the same as they were
    target: Tensor | None = None  # the same as an artist painted them
    taught: list[Tensor] = field(default_factory=list)  # each frame of the clips as the teacher paints it
    photo: Tensor | None = None  # what the reverse generator made of the painting
    fakes: dict[str, Pictures] = field(default_factory=dict)  # what the discriminator of each term is shown

    @property
    def config(self) -> RunConfig:
        return self.trainer.config

    @cached_property
    def looks(self) -> list[Tensor]:
        """The features of what was painted, one for each of objective.LOOKS."""
        return self.trainer.perceptual.look(self.shown, self.trainer.memory)

    @cached_property
    def target_looks(self) -> list[Tensor]:
        """The same of the target."""
        return self.trainer.perceptual.look(self.target, self.trainer.memory)


@dataclass(frozen=True)
class Term:
    """One row: `weight` is that of every recipe that does not name another."""

    function: Callable[[Painted], Tensor]
    weight: float = 0.0
    kinds: tuple[str, ...] = PAINTERS  # those that know it
    needs: tuple[str, ...] = ()
    enters: str = ""  # `temporal` or `adversarial`: by which ramp of trainers/perceptual.py it comes in


def _grid(it: Painted) -> Tensor:
    margin = it.config.data.margin
    inner, flat = crop(it.stylized[0], margin), flatness_inside(it.batch["clip"][:, 0], margin)
    return losses.grid(inner, flat, variance(inner), seen=across_replicas(ops.sum(flat)))


def _given_back(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Painted], Tensor]:
    """The mean over the frames of a clip, against the clip itself or what a look makes of it."""

    def term(it: Painted) -> Tensor:
        wanted = it.batch["target" if it.config.kind == "look" else "clip"]
        found = [loss(frame, wanted[:, time]) for time, frame in enumerate(it.stylized)]
        return sum(found) / len(found)

    return term


def _taught(it: Painted) -> Tensor:
    """Pixel by pixel, and as means of 4x4 pixels, which say where colours lie whatever the strokes do."""
    found = [
        (crop(a, it.config.data.margin), crop(b, it.config.data.margin))
        for a, b in zip(it.stylized, it.taught, strict=True)
    ]
    apart = [
        losses.apart(*pair) + losses.apart(*(ops.average_pool(each, 4, 4) for each in pair)) for pair in found
    ]
    return sum(apart) / len(apart)


def _steadier(it: Painted) -> Tensor:
    """How much more it changes from frame to frame than the teacher does; 0 where it is as steady."""
    ours, theirs = (flicker(it.batch, frames, it.config) for frames in (it.stylized, it.taught))
    return ops.relu(across_replicas(ours - theirs))


def _passes_for_real(name: str) -> Callable[[Painted], Tensor]:
    return lambda it: it.trainer.fool(name, it.fakes[name])


TERMS = {
    "content": Term(lambda it: it.trainer.perceptual.content(it), 1.1, (*PAINTERS, *SHOWN), needs=(VGG16,)),
    "style": Term(lambda it: it.trainer.perceptual.style(it), 12.0, (*PAINTERS, *SHOWN), needs=(VGG16,)),
    "palette": Term(lambda it: it.trainer.perceptual.palette(it), 4.0, (*PAINTERS, *SHOWN), needs=(VGG16,)),
    "field": Term(lambda it: it.trainer.perceptual.field(it), 1.0, needs=(VGG16,)),
    "temporal": Term(
        lambda it: flicker(it.batch, it.stylized, it.config),
        16.0,
        (*PAINTERS, "keyframes", "look"),
        enters="temporal",
    ),
    "border": Term(
        lambda it: it.trainer.border(it.batch, it.stylized),
        200.0,
        ("base", "perceptual", "adversarial", "distil", "look"),
    ),
    "grid": Term(_grid, 80.0, (*PAINTERS, "look")),
    "reconstruction": Term(_given_back(losses.apart), kinds=("base", "look")),
    "edges": Term(_given_back(losses.edges), kinds=("base", "look")),
    "supervised": Term(lambda it: losses.apart(it.shown, it.target), kinds=("keyframes",)),
    "taught": Term(_taught, 10.0, ("distil",)),
    "steadier": Term(_steadier, 16.0, ("distil",)),
    "adversarial": Term(
        _passes_for_real("adversarial"),
        kinds=("adversarial", "keyframes"),
        needs=(DISCRIMINATOR,),
        enters="adversarial",
    ),
    "adversarial_motion": Term(
        _passes_for_real("adversarial_motion"),
        kinds=("adversarial",),
        needs=(DISCRIMINATOR,),
        enters="adversarial",
    ),
    "adversarial_reverse": Term(
        _passes_for_real("adversarial_reverse"),
        kinds=("adversarial",),
        needs=(DISCRIMINATOR, REVERSE),
        enters="adversarial",
    ),
    "cycle": Term(lambda it: it.trainer.cycle(it), kinds=("adversarial",), needs=(REVERSE,)),
    "identity": Term(lambda it: it.trainer.identity(it), kinds=("adversarial",)),
    "diversity": Term(lambda it: it.trainer.diversity(it), kinds=("film",)),
}


def weight_of(name: str, config: RunConfig) -> float:
    """What a term weighs in a run; 0 where its kind does not know it."""
    term = TERMS[name]
    return config.loss.weights.get(name, term.weight if config.kind in term.kinds else 0.0)


def active(config: RunConfig, need: str = "") -> tuple[str, ...]:
    """The terms that weigh something, in the order in which they are logged; only those with that need."""
    return tuple(
        name
        for name, term in TERMS.items()
        if weight_of(name, config) > 0 and (not need or need in term.needs)
    )


def completed(config: RunConfig) -> RunConfig:
    """The configuration with the weight of every term that its kind knows; refused where they make no sense."""
    _check(config)
    known = [name for name, term in TERMS.items() if config.kind in term.kinds]
    weights = {name: weight_of(name, config) for name in known}
    return dataclasses.replace(config, loss=dataclasses.replace(config.loss, weights=weights))


def _check(config: RunConfig) -> None:
    kind, loss = config.kind, config.loss
    for name, weight in loss.weights.items():
        if name not in TERMS:
            settings = [each.name for each in dataclasses.fields(LossConfig) if each.name != "weights"]
            known = ", ".join([*TERMS, *settings])
            raise UserError(f"There is no setting `loss.{name}`. Known in LossConfig: {known}.")
        if weight > 0 and kind not in TERMS[name].kinds:
            known = ", ".join(name for name, term in TERMS.items() if kind in term.kinds)
            raise UserError(
                f"loss.{name} means nothing to kind={kind}, which knows {known}. Received: {weight}. "
                "Set it to 0 or choose another recipe."
            )
    found = set(active(config))
    if not found:
        raise UserError(f"Nothing to learn: every term of kind={kind} weighs 0. Give one a weight.")
    if "diversity" in found and not config.teacher.noise_channels:
        raise UserError("loss.diversity needs noise to answer to. Set teacher.noise_channels=2 as well.")
    if kind in SHOWN and loss.memory > 0:
        raise UserError(
            f"loss.memory remembers what was compared with a style picture; {kind} compares each frame with "
            f"its painting. Received: {loss.memory}. Set it to 0."
        )
    if "adversarial_motion" in found and config.data.frames < 3:
        raise UserError(
            "loss.adversarial_motion judges three frames in a row. "
            f"Received: data.frames={config.data.frames}. Use data.frames=3."
        )
