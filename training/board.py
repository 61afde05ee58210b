"""What TensorBoard shows of a run: terms raw and weighted, strips, histograms of the discriminators' scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


class Board:
    """Writes one sitting into a folder of its own, so that steps repeated after a kill do not draw zigzags."""

    def __init__(self, folder: Path, first: int):
        self._writer = tf.summary.create_file_writer(str(folder / f"from_step_{first:06d}"))

    def row(self, row: Mapping[str, float]) -> None:
        """The terms of a row of metrics.jsonl; raw and weighted ones in groups of their own."""
        with self._writer.as_default(step=int(row["step"])):
            for name, value in row.items():
                if name.startswith("weighted_"):
                    tf.summary.scalar(f"weighted/{name.removeprefix('weighted_')}", value)
                elif name != "step":
                    tf.summary.scalar(f"raw/{name}", value)

    def strip(self, step: int, name: str, picture: npt.NDArray[np.uint8]) -> None:
        """A strip, uint8 RGB (H, W, 3)."""
        with self._writer.as_default(step=step):
            tf.summary.image(f"strips/{name}", picture[None])
        self._writer.flush()

    def scores(self, step: int, scores: Mapping[str, Any]) -> None:
        """How a discriminator's logits are spread: real and made apart is its task, too far apart is its end."""
        with self._writer.as_default(step=step):
            for name, values in scores.items():
                tf.summary.histogram(f"scores/{name}", values)

    def close(self) -> None:
        self._writer.close()
