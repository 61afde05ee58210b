"""Inference requests of the Open Inference Protocol v2 as HTTP carries them: JSON, perhaps with raw tensors behind it.

Nothing of what comes is believed: whatever has another form is a Refusal.
"""

from __future__ import annotations

import json
from typing import Any

from edge.serve.limits import Refusal
from edge.serve.tensors import Tensor, as_values
from edge.web.viewers import read_object

HEADER_LENGTH = "Inference-Header-Content-Length"
LARGEST_HEADER = 64 << 10  # bytes of JSON before raw tensors
MOST_DIMENSIONS = 8


def json_length(given: str | None, body: bytes, largest: int) -> int:
    """How many bytes of a body are JSON: all of it, or what the header says."""
    length = len(body) if given is None else int(given) if given.isdecimal() and len(given) < 10 else -1
    most = largest if given is None else LARGEST_HEADER
    if length > most:
        raise Refusal("large", f"at most {most} bytes of JSON are taken; send raw tensors after it.")
    if not 0 <= length <= len(body):
        raise Refusal("invalid", f"{HEADER_LENGTH} is how many bytes of the body are JSON.")
    return length


def read_message(text: bytes) -> dict[str, Any]:
    """The JSON of a request."""
    if (message := read_object(text)) is None:
        raise Refusal("invalid", "expected a JSON object.")
    return message


def read_tensors(message: dict[str, Any], raw: bytes) -> list[Tensor]:
    """Its inputs; those whose parameters tell a `binary_data_size` stand in `raw`, one after another."""
    inputs, tensors, place = message.get("inputs"), [], 0
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise Refusal("invalid", "`inputs` is a list of tensors.")
    for each in inputs[:2]:  # one is needed; a second is there to be refused
        size = read_field(each, "parameters", dict, {}).get("binary_data_size")
        if size is None:
            content: bytes | list[Any] = read_field(each, "data", list)
        else:
            if type(size) is not int or not 0 <= size <= len(raw) - place:
                raise Refusal("invalid", "`binary_data_size` is not what follows the JSON.")
            content = raw[place : place + size]
            place += size
        shape = _shape(read_field(each, "shape", list))
        tensors.append(
            Tensor(read_field(each, "name", str), read_field(each, "datatype", str), shape, content)
        )
    if place != len(raw):
        raise Refusal("invalid", "more bytes follow the JSON than its tensors have.")
    return tensors


def written(message: dict[str, Any], style: str, answer: Tensor) -> tuple[bytes, int | None]:
    """The body of an answer, and how many bytes of it are JSON where a raw tensor follows."""
    raw = _wants_raw(message, answer.name)
    told: dict[str, Any] = {"name": answer.name, "datatype": answer.datatype, "shape": list(answer.shape)}
    assert isinstance(answer.content, bytes)
    told |= {"parameters": {"binary_data_size": len(answer.content)}} if raw else {"data": as_values(answer)}
    whole = {"model_name": style, "outputs": [told]}
    if isinstance(message.get("id"), str):
        whole["id"] = message["id"]
    head = json.dumps(whole).encode()
    return (head + answer.content, len(head)) if raw else (head, None)


def read_field(message: dict[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """One field of a message, of its type."""
    value = message.get(name, default)
    if not isinstance(value, kind):
        raise Refusal("invalid", f"`{name}` is missing, or is no {kind.__name__}.")
    return value


def _wants_raw(message: dict[str, Any], name: str) -> bool:
    """Whether an output is to come as bytes: it says so itself, or the request does for all."""
    for output in read_field(message, "outputs", list, []):
        if isinstance(output, dict) and output.get("name") == name:
            asked = read_field(output, "parameters", dict, {}).get("binary_data")
            if asked is not None:
                return asked is True
    return read_field(message, "parameters", dict, {}).get("binary_data_output") is True


def _shape(sides: list[Any]) -> tuple[int, ...]:
    if len(sides) > MOST_DIMENSIONS or not all(type(side) is int and 0 <= side < 1 << 31 for side in sides):
        raise Refusal("invalid", "`shape` is a list of whole numbers.")
    return tuple(sides)
