"""A configuration to and from dictionaries, JSON and TOML, and with single values replaced."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keras_vst.config import LossConfig, RunConfig
from keras_vst.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_WORDS = {"true": True, "false": False}
_RETIRED = {  # settings of older runs; each had this value, or one that nobody used
    "data": ("flow", "motion", "real_share"),
    "discriminator": ("condition_channels", "num_frames", "num_scales"),
    "loss": ("adversarial_form", "gradient_penalty", "temporal_from", "temporal_full", "temporal_raised"),
    "schedule": ("average", "judged_sizes", "stage_shares"),
}


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
    return _build(RunConfig, values, "")


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Nested plain values, ready for JSON; the weights of the loss stand among its other settings."""
    values = dataclasses.asdict(config)
    return {**values, "loss": {**values["loss"].pop("weights"), **values["loss"]}}


def from_dict(values: Mapping[str, Any]) -> RunConfig:
    """The inverse of `to_dict`; keys left out keep their defaults, unknown keys are refused."""
    if isinstance(values, Mapping):
        values = {name: _without_retired(name, value) for name, value in values.items()}
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


def _build(kind: Any, values: Any, path: str) -> Any:
    if not isinstance(values, Mapping):
        raise UserError(f"`{path or 'configuration'}` is a section of keys. Received: {values!r}.")
    types_of, weights = typing.get_type_hints(kind), {}
    made: dict[str, Any] = {}
    types_of.pop("weights", None)
    for key, value in values.items():
        place = f"{path}.{key}".lstrip(".")
        if key in types_of and dataclasses.is_dataclass(types_of[key]):
            made[key] = _build(types_of[key], value, place)
        elif key in types_of:
            made[key] = _typed(types_of[key], value, place)
        elif kind is LossConfig:  # whether there is such a term, training knows
            weights[key] = _typed(float, value, place)
        else:
            known = ", ".join(types_of)
            raise UserError(f"There is no setting `{place}`. Known in {kind.__name__}: {known}.")
    if weights:
        made["weights"] = weights
    return kind(**made)


def _without_retired(section: str, values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    kept = {key: value for key, value in values.items() if key not in _RETIRED.get(section, ())}
    return {"judged_size": values["judged_sizes"][-1], **kept} if values.get("judged_sizes") else kept


def _parse(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _typed(hint: Any, value: Any, path: str) -> Any:
    """The value as the annotated type: a word, a number, yes or no, or several numbers."""
    if isinstance(hint, types.GenericAlias):
        if isinstance(value, int | float):
            value = (value,)  # `channels=32` is one of them
        if isinstance(value, tuple | list):
            return tuple(_typed(typing.get_args(hint)[0], item, path) for item in value)
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif type(value) in (typing.get_args(hint) or (hint,)):
        return value
    raise UserError(f"`{path}` takes {_expected(hint)}. Received: {value!r}.")


def _expected(hint: Any) -> str:
    if isinstance(hint, types.GenericAlias):
        return "whole numbers" if typing.get_args(hint)[0] is int else "numbers"
    return getattr(hint, "__name__", str(hint))
