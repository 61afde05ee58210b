"""Whether a file is a network of ours, by what it takes and gives: tensors by name, -1 for a side that is open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from keras_vst.networks.base import MULTIPLE, Size, not_ours

SIGNATURE = "stylize"
OUTPUT = "stylized"
MAP_CHANNELS = {
    "warped": 3,
    "visible": 1,
}  # of film quality: the last painting moved into this frame, and where
NOISE = "noise"  # to trust it; some take a map that varies the strokes as well
Shape = list[int]


def check_tensors(inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], path: Path) -> None:
    """Refuse names and shapes of float32 tensors that no network of ours has."""
    film = {"frame", *MAP_CHANNELS}
    if set(inputs) not in ({"frame"}, film, film | {NOISE}) or set(outputs) != {OUTPUT}:
        raise not_ours(path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
    for name, shape in (*inputs.items(), *outputs.items()):
        if len(shape) != 4:
            raise not_ours(path, f"`{name}` has {len(shape)} dimensions, expected 4")
    batch, height, width, channels = inputs["frame"]
    if batch != 1 or channels != 3 or (height > 0) != (width > 0):
        raise not_ours(path, f"`frame` is {tuple(inputs['frame'])}, expected (1, H, W, 3)")
    if height > 0 and (height % MULTIPLE or width % MULTIPLE):
        raise not_ours(path, f"it is fixed to {width}x{height}, which are no multiples of {MULTIPLE}")
    for name, channels in map_channels(inputs).items():
        wanted = [batch, height, width, MAP_CHANNELS.get(name, max(1, channels))]
        if inputs[name] != wanted:
            raise not_ours(path, f"`{name}` is {tuple(inputs[name])}, expected {tuple(wanted)}")


def map_channels(inputs: Mapping[str, Shape]) -> dict[str, int]:
    """What a network of film quality is given beside the frame, and in how many channels; {} for others."""
    return {name: shape[3] for name, shape in inputs.items() if name != "frame"}


def fixed_size(inputs: Mapping[str, Shape]) -> Size | None:
    """(height, width) where the file fixes it."""
    _, height, width, _ = inputs["frame"]
    return (height, width) if height > 0 else None
