"""Weights that PyTorch stored, read without PyTorch: the content of a file -> arrays by name.

Files as PyTorch wrote them before 1.6: five pickles (a magic number, a version, the machine, the tensors, the order
of the storages), then the numbers of each storage with their count before them.  A pickle can name any function of
any library and have it called; here it may name what a dictionary of tensors is made of, and nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "LongStorage": "<i8"}

Arrays = dict[str, npt.NDArray[Any]]


def read_arrays(content: bytes) -> Arrays:
    """Every tensor of a stored state dict; raises whatever a damaged or foreign file makes its readers raise."""
    stream = io.BytesIO(content)
    if _Reader(stream).load() != MAGIC:
        raise ValueError("it does not begin as files of PyTorch before 1.6 do")
    for _ in ("version", "machine"):
        _Reader(stream).load()
    reader = _Reader(stream)
    tensors = reader.load()
    storages = {key: _numbers(stream, reader.kinds[key]) for key in _Reader(stream).load()}
    return {name: _array(tensor, storages) for name, tensor in tensors.items()}


class _Tensor(NamedTuple):
    """How a file describes a tensor: a window into a storage."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    needs_gradient: bool = False
    hooks: Any = None


class _Reader(pickle.Unpickler):
    """Knows tensors, storages and ordered dictionaries."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.kinds: dict[str, str] = {}  # of the numbers in each storage

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the file stands for."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in KINDS:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no dictionary of tensors is made of")

    def persistent_load(self, pid: Any) -> str:
        """The key of a storage; its numbers come later in the file."""
        _, kind, key, *_ = pid
        self.kinds[key] = KINDS[kind]
        return key


def _numbers(stream: io.BytesIO, kind: str) -> npt.NDArray[Any]:
    (count,) = struct.unpack("<q", stream.read(8))
    size = count * np.dtype(kind).itemsize
    content = stream.read(max(size, 0))
    if len(content) != size:
        raise EOFError(f"it ends within {count} numbers")
    return np.frombuffer(content, kind)


def _array(tensor: Any, storages: Arrays) -> npt.NDArray[Any]:
    if not isinstance(tensor, _Tensor):
        raise ValueError(f"a {type(tensor).__name__} is where a tensor should be")
    numbers = storages[tensor.storage]
    last = sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides, strict=True))
    steps = (*tensor.strides, *(length - 1 for length in tensor.shape), tensor.offset)
    if min(steps) < 0 or tensor.offset + last >= len(numbers) or math.prod(tensor.shape) > len(numbers):
        raise ValueError(f"a tensor of shape {tensor.shape} reaches beyond what is stored")
    bytes_apart = [stride * numbers.itemsize for stride in tensor.strides]
    window = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, bytes_apart)
    return np.ascontiguousarray(window).reshape(tensor.shape)
