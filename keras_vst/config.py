"""What a run is made of: frozen dataclasses, named recipes, `a.b=c` overrides, to and from JSON and TOML.

Plain Python without Keras, so that a configuration can be read anywhere.  Comments say what a knob does to
the picture; a wrong value is refused when the object is made.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_vst.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, kw_only=True)
class StudentConfig:
    """The live network: its cost grows with the square of `channels`, linearly with `num_blocks`."""

    num_styles: int = 1
    channels: tuple[int, int, int] = (16, 32, 64)  # filters at 1/2, 1/4 and 1/8 of the frame
    num_blocks: int = 4  # residual blocks at 1/8; each widens what a pixel can see by 16 pixels a side
    state_channels: int = 8  # what it remembers of the previous frame, at 1/4 size

    def __post_init__(self) -> None:
        _at_least(1, num_styles=self.num_styles, state_channels=self.state_channels)
        _at_least(0, num_blocks=self.num_blocks)
        if len(self.channels) != 3 or min(self.channels) < 1:
            raise UserError(
                f"student.channels needs three positive numbers, at 1/2, 1/4 and 1/8 size. "
                f"Received: {self.channels}. Use for example 16,32,64."
            )


@dataclass(frozen=True, kw_only=True)
class MotionConfig:
    """How clips are made from one photo: a camera that drifts, an object that crosses, light that changes."""

    shift: float = 6.0  # pixels a frame, at most
    zoom: float = 0.02  # relative change a frame, at most
    rotation: float = 1.0  # degrees a frame, at most
    objects: int = 1  # pieces of another photo that move by themselves
    light: float = 0.06  # brightness change a frame, at most
    noise: float = 2.0  # sensor noise, standard deviation in 1/255; what the network learns not to amplify

    def __post_init__(self) -> None:
        _at_least(0, **dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a step looks at."""

    batch: int = 4
    frames: int = 3  # length of a synthetic clip; the state is carried through it
    crop: int = 256  # what the network sees of a photo, in pixels
    judged: int = 128  # the inner square that losses see; far enough from the border not to feel its zeros
    photo_side: int = 480  # shorter side to which photos are brought, so that their scale is alike
    style_side: int = 512  # longer side of the style pictures; larger makes larger strokes
    motion: MotionConfig = field(default_factory=MotionConfig)

    def __post_init__(self) -> None:
        _at_least(1, batch=self.batch)
        _at_least(2, frames=self.frames)
        if self.crop % 8 or self.judged % 8 or not 16 <= self.judged <= self.crop <= self.photo_side:
            raise UserError(
                "data.crop and data.judged must be multiples of 8 with 16 <= judged <= crop <= photo_side. "
                f"Received: judged={self.judged}, crop={self.crop}, photo_side={self.photo_side}. "
                "Use for example judged 128, crop 256, photo_side 480."
            )


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """The weight of each term of the objective; 0 leaves a term out of the sum but still logs it."""

    content: float = 1.0  # more keeps the scene readable
    style: float = 8.0  # more paints more boldly
    temporal: float = 120.0  # more holds strokes still, and weakens them
    long_term: float = 40.0  # the same over the whole synthetic clip
    smoothness: float = 0.0  # more irons out fine grain
    temporal_from: float = 0.0  # share of the run after which the temporal terms enter
    temporal_full: float = 0.25  # share of the run at which they have their full weight

    def __post_init__(self) -> None:
        _at_least(0, **dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, how fast."""

    steps: int = 2000
    learning_rate: float = 2e-3  # falls to a hundredth of it along a cosine
    average: float = 0.998  # decay of the running mean of the weights; the mean is what is exported
    clip_norm: float = 10.0  # gradients longer than this are shortened

    def __post_init__(self) -> None:
        _at_least(1, steps=self.steps)
        _at_least(0, learning_rate=self.learning_rate, average=self.average, clip_norm=self.clip_norm)
        if self.average >= 1:
            raise UserError(f"`average` must be below 1, or nothing is learned. Received: {self.average}.")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides the outcome of a training run."""

    student: StudentConfig = field(default_factory=StudentConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    seed: int = 0


def with_overrides(config: RunConfig, overrides: Iterable[str]) -> RunConfig:
    """Apply `section.key=value` strings: with_overrides(config, ["loss.style=8", "student.channels=8,16,32"]).

    What is refused is the outcome of all of them, so their order matters only where a key is named twice.
    """
    values = to_dict(config)
    for override in overrides:
        path, separator, text = override.partition("=")
        if not separator:
            raise UserError(f"An override is written key=value. Received: {override!r}. Try loss.style=8.")
        *sections, key = path.strip().split(".")
        section = values
        for name in sections:
            if not isinstance(section.get(name), dict):
                section[name] = {}  # no such section: left for `from_dict` to refuse
            section = section[name]
        section[key] = _parse(text.strip())
    return from_dict(values)


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Nested plain values, ready for JSON."""
    return dataclasses.asdict(config)


def from_dict(values: Mapping[str, Any]) -> RunConfig:
    """The inverse of `to_dict`; keys left out keep their defaults, unknown keys are refused."""
    return _build(RunConfig, values, "")


def load(path: str | Path) -> RunConfig:
    """Read a .json or .toml file; a run's own config.json is taken as well."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        values: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a configuration: {error}") from error
    return from_dict(values.get("config", values) if isinstance(values, dict) else values)


def _build(kind: Any, values: Mapping[str, Any], path: str) -> Any:
    if not isinstance(values, Mapping):
        raise UserError(f"`{path or 'configuration'}` is a section of keys. Received: {values!r}.")
    types_of = typing.get_type_hints(kind)
    for key in values:
        if key not in types_of:
            raise _unknown_key(f"{path}.{key}".lstrip("."), kind)
    return kind(
        **{
            key: _build(types_of[key], value, f"{path}.{key}".lstrip("."))
            if dataclasses.is_dataclass(types_of[key])
            else _typed(types_of[key], value, f"{path}.{key}".lstrip("."))
            for key, value in values.items()
        }
    )


def _parse(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _typed(hint: Any, value: Any, path: str) -> Any:
    """The value as the annotated type: int, float or a tuple of ints."""
    if isinstance(hint, types.GenericAlias) and isinstance(value, tuple | list):
        return tuple(_typed(int, item, path) for item in value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    expected = (
        getattr(hint, "__name__", str(hint)) if not isinstance(hint, types.GenericAlias) else "whole numbers"
    )
    raise UserError(f"`{path}` takes {expected}. Received: {value!r}.")


def _unknown_key(path: str, kind: Any) -> UserError:
    known = ", ".join(field.name for field in dataclasses.fields(kind))
    return UserError(f"There is no setting `{path}`. Known in {kind.__name__}: {known}.")


def _at_least(least: int, **values: float) -> None:
    for name, value in values.items():
        if not least <= value < math.inf:  # written so that a nan is refused too
            raise UserError(f"`{name}` must be a number, at least {least}. Received: {value}.")


RECIPES: dict[str, RunConfig] = {
    "painting": RunConfig(),
    "smoke": RunConfig(
        student=StudentConfig(channels=(8, 8, 16), num_blocks=1, state_channels=4),
        data=DataConfig(batch=2, frames=2, crop=64, judged=32, photo_side=96, style_side=64),
        schedule=ScheduleConfig(steps=4),
    ),
}
