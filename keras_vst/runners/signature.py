"""Whether a .tflite file is one of ours, read from its signature: tensors by name, their ranks and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_vst.errors import UserError

SIGNATURE = "stylize"
RANKS = {"frame": 4, "style": 2, "state": 4, "warped": 4, "visible": 4, "noise": 4, "stylized": 4}
MULTIPLE = 8  # sides of a frame are multiples of it
STATE_STRIDE = 4  # pixels of the frame, along a side, that go into one of the state
RECURRENT = {"frame", "style", "state"}, {"stylized", "state"}
FORGETFUL = {"frame", "style"}, {"stylized"}
# Of film quality: `warped` is the last painting moved into this frame, `visible` where it can be trusted.
FILM = {"frame", "style", "warped", "visible"}, {"stylized"}
NOISY_FILM = FILM[0] | {"noise"}, {"stylized"}
MAPS = ("warped", "visible", "noise")  # of the size of the frame, given beside it
MAP_CHANNELS = {"warped": 3, "visible": 1}
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """Tensor numbers of inputs and outputs by name, and the shapes of the inputs with -1 where open."""

    inputs: dict[str, int]
    outputs: dict[str, int]
    shapes: dict[str, list[int]]

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) where the file fixes it."""
        _, height, width, _ = self.shapes["frame"]
        return (height, width) if height > 0 else None

    @property
    def num_styles(self) -> int:
        """Numbers in the style vector."""
        return self.shapes["style"][1]

    @property
    def state_channels(self) -> int:
        """Channels of the state; 0 is without a memory."""
        return self.shapes["state"][3] if "state" in self.shapes else 0

    def shapes_at(self, size: tuple[int, int]) -> dict[str, Shape]:
        """The shape of every input for frames of (height, width)."""
        return {name: shape_at(name, shape, size) for name, shape in self.shapes.items()}


def shape_at(name: str, shape: list[int], size: tuple[int, int]) -> Shape:
    """The shape of one input for frames of (height, width); what the file says of it holds -1 where it is open."""
    if len(shape) == 2:
        return shape[0], shape[1]
    stride = STATE_STRIDE if name == "state" else 1
    return 1, size[0] // stride, size[1] // stride, shape[3]


def film_maps(shapes: dict[str, list[int]]) -> dict[str, int]:
    """What a network of film quality is given beside the frame, and in how many channels; {} for others."""
    return {name: shapes[name][3] for name in MAPS if name in shapes}


def not_ours(path: Path, reason: str) -> UserError:
    """The error for a file that is no network of ours."""
    return UserError(f"not a keras_vst network: {path}: {reason}; export it again with `python -m export`.")


def read_signature(interpreter: Any, path: Path) -> Signature:
    """What an open interpreter says of its file; a UserError where that is not a network of ours."""
    if SIGNATURE not in interpreter.get_signature_list():
        raise not_ours(path, f"it has no signature `{SIGNATURE}`")
    # A signature's runner knows which tensor bears which name; it is dropped here, because it keeps the
    # interpreter from running, and calling it instead is slower on tflite-runtime (103 against 66 ms).
    runner = interpreter.get_signature_runner(SIGNATURE)
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    if (set(inputs), set(outputs)) not in (RECURRENT, FORGETFUL, FILM, NOISY_FILM):
        raise not_ours(path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
    for name, details in (*inputs.items(), *outputs.items()):
        if len(details["shape_signature"]) != RANKS[name] or details["dtype"] != np.float32:
            raise not_ours(path, f"`{name}` is not float32 with {RANKS[name]} dimensions")
    if {each["name"] for each in interpreter.get_input_details()} != {
        each["name"] for each in inputs.values()
    }:
        raise not_ours(path, f"`{SIGNATURE}` must be its first signature")
    shapes = {name: [int(side) for side in details["shape_signature"]] for name, details in inputs.items()}
    check_shapes(shapes, path)
    return Signature(_numbers(inputs), _numbers(outputs), shapes)


def check_shapes(shapes: dict[str, list[int]], path: Path) -> None:
    """Refuse input shapes, with -1 where open, that no network of ours has."""
    batch, height, width, channels = shapes["frame"]
    if batch != 1 or channels != 3 or (height > 0) != (width > 0):
        raise not_ours(path, f"`frame` is {tuple(shapes['frame'])}, expected (1, H, W, 3)")
    if height > 0 and (height % MULTIPLE or width % MULTIPLE):
        raise not_ours(path, f"it is fixed to {width}x{height}, which are no multiples of {MULTIPLE}")
    if min(shapes["style"]) < 1 or shapes.get("state", [1])[-1] < 1:
        raise not_ours(path, "the number of styles or of state channels is open")
    for name, channels in film_maps(shapes).items():
        wanted = [batch, height, width, MAP_CHANNELS.get(name, max(1, channels))]
        if shapes[name] != wanted:
            raise not_ours(path, f"`{name}` is {tuple(shapes[name])}, expected {tuple(wanted)}")


def _numbers(details: dict[str, Any]) -> dict[str, int]:
    return {name: int(each["index"]) for name, each in details.items()}
