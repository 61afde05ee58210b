"""The Open Inference Protocol v2: its tensors <-> pictures, the same for HTTP and gRPC, and the messages of HTTP.

    frame        UINT8 (B, H, W, 3), or FP32 in [0, 1]   ->   stylized          of the same type and shape
    image_bytes  BYTES (B,): JPEG or PNG files           ->   stylized_bytes    BYTES (B,): JPEG files

These are the names of the SavedModel's signatures.  Raw BYTES are each preceded by four bytes of length; within JSON,
which holds text only, they are base64.  A message of HTTP is JSON, perhaps with raw tensors behind it.  Nothing of what
comes is believed: whatever has another form is a Refusal.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edge.serve.limits import Limits, Refusal, picture_size
from edge.web.viewers import read_object
from keras_vst.frames import Pixels, to_float, to_uint8
from keras_vst.networks.base import OUTPUT, Size

FRAME, IMAGE = "frame", "image_bytes"
IMAGE_OUTPUT = f"{OUTPUT}_bytes"
TYPES = {"UINT8": np.dtype(np.uint8), "FP32": np.dtype("<f4")}
INPUTS = [
    {"name": FRAME, "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
    {"name": IMAGE, "datatype": "BYTES", "shape": [-1]},
]
OUTPUTS = [
    {"name": OUTPUT, "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
    {"name": IMAGE_OUTPUT, "datatype": "BYTES", "shape": [-1]},
]

Picture = bytes | Pixels
HEADER_LENGTH = "Inference-Header-Content-Length"
LARGEST_HEADER = 64 << 10  # bytes of JSON before raw tensors
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Tensor:
    """One named tensor; `content` is raw bytes, or what stood in a message as single values."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes | list[Any]

    @property
    def output(self) -> str:
        """What the answer to it is called."""
        return IMAGE_OUTPUT if self.name == IMAGE else OUTPUT


def the_input(tensors: Sequence[Tensor]) -> Tensor:
    """The one tensor of a request."""
    if len(tensors) != 1 or tensors[0].name not in (FRAME, IMAGE):
        names = ", ".join(tensor.name[:60] for tensor in tensors) or "none"
        raise Refusal("invalid", f"one input is needed, {FRAME} or {IMAGE}, but {names[:200]} came.")
    return tensors[0]


def read_pictures(tensor: Tensor, limits: Limits) -> list[tuple[Size, Picture]]:
    """The size of each picture and the picture: pixels, or a file's bytes, which are not decoded yet."""
    count = tensor.shape[0] if tensor.shape else 0
    if not 1 <= count <= limits.pictures:
        raise Refusal(
            "invalid", f"1 to {limits.pictures} pictures come in one request, but shape is {_told(tensor)}."
        )
    if tensor.name == IMAGE:
        return [(picture_size(file, limits), file) for file in _files(tensor)]
    if tensor.datatype not in TYPES or len(tensor.shape) != 4 or tensor.shape[3] != 3:
        raise Refusal(
            "invalid",
            f"{FRAME} is UINT8 or FP32 (B, H, W, 3), but {tensor.datatype[:20]} {_told(tensor)} came.",
        )
    size = tensor.shape[1], tensor.shape[2]
    limits.check_picture(size)
    values = _values(tensor, TYPES[tensor.datatype]).reshape(tensor.shape)
    return [(size, to_uint8(frame) if tensor.datatype == "FP32" else frame) for frame in values]


def answer(asked: Tensor, painted: Sequence[Picture]) -> Tensor:
    """What comes back, its content raw."""
    if asked.name == IMAGE:
        raw = b"".join(len(file).to_bytes(4, "little") + bytes(file) for file in painted)
        return Tensor(asked.output, "BYTES", (len(painted),), raw)
    frames = [to_float(frame) if asked.datatype == "FP32" else frame for frame in painted]  # pyright: ignore
    raw = b"".join(np.ascontiguousarray(frame, TYPES[asked.datatype]).tobytes() for frame in frames)
    return Tensor(asked.output, asked.datatype, asked.shape, raw)


def as_values(tensor: Tensor) -> list[Any]:
    """The content of an answer for JSON."""
    assert isinstance(tensor.content, bytes)
    if tensor.datatype == "BYTES":
        return [base64.b64encode(file).decode() for file in split_bytes(tensor.content)]
    return np.frombuffer(tensor.content, TYPES[tensor.datatype]).tolist()


def split_bytes(raw: bytes) -> list[bytes]:
    """The elements of a raw BYTES tensor."""
    parts, place = [], 0
    while place < len(raw):
        length = int.from_bytes(raw[place : place + 4], "little")
        place += 4 + length
        if place > len(raw):
            raise Refusal(
                "invalid", "an element of BYTES ends early: each is 4 bytes of length and the content."
            )
        parts.append(raw[place - length : place])
    return parts


def _files(tensor: Tensor) -> list[bytes]:
    if tensor.datatype != "BYTES":
        raise Refusal("invalid", f"{IMAGE} is BYTES, but {tensor.datatype[:20]} came.")
    if isinstance(tensor.content, bytes):
        files = split_bytes(tensor.content)
    else:
        files = [_from_text(each) for each in tensor.content]
    if prod(tensor.shape) != len(files):
        raise Refusal("invalid", f"{IMAGE} holds {len(files)} files, but its shape is {_told(tensor)}.")
    return files


def _from_text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Refusal("invalid", f"{IMAGE} in JSON is base64; or send it as a binary tensor.") from error


def _values(tensor: Tensor, kind: np.dtype[Any]) -> np.ndarray:
    """(N,) of the kind, as many as the shape says."""
    count = prod(tensor.shape)
    if isinstance(tensor.content, bytes):
        if len(tensor.content) != count * kind.itemsize:
            raise Refusal(
                "invalid", f"{FRAME} holds {len(tensor.content)} bytes, which is not {_told(tensor)}."
            )
        values = np.frombuffer(tensor.content, kind)
    else:
        try:
            values = np.asarray(tensor.content).ravel()
        except (ValueError, OverflowError) as error:
            raise Refusal("invalid", f"data of {FRAME} is a list of numbers, flat or nested.") from error
        if values.size != count or values.dtype.kind not in "iuf"[: 2 if kind == np.uint8 else 3]:
            raise Refusal("invalid", f"data of {FRAME} is not {tensor.datatype} {_told(tensor)}.")
        if kind == np.uint8 and (values.min() < 0 or values.max() > 255):
            raise Refusal("invalid", f"data of {FRAME} leaves 0 to 255.")
        values = values.astype(kind)
    if kind != np.uint8 and not np.isfinite(values).all():
        raise Refusal("invalid", f"{FRAME} holds numbers that are none.")
    return values


def _told(tensor: Tensor) -> str:
    return str(list(tensor.shape[:8]))[:100]


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
