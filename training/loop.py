"""One sitting at a run: from the step where it stands to its last, or to Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from keras_vst.features import load_vgg16
from keras_vst.frames import to_float
from keras_vst.runs import RunDirectory
from training import samples
from training.data import Photos, dataset, load_picture
from training.trainer import StyleTrainer

SHOWN = ("content", "style", "temporal")


class Sitting:
    """The trainer, its data and its run directory, ready to go on."""

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        styles: list[dict[str, Any]],
        photos: str,
        vgg16: str | None,
    ):
        self.run = run
        self.config = config
        self.photos = Photos(photos, config.data.photo_side)
        features = load_vgg16(vgg16)
        tf.keras.utils.set_random_seed(config.seed)
        self.trainer = StyleTrainer(config, features, _style_grams(features, styles, config.data.style_side))
        self._step = tf.function(self.trainer.train_step)

    def train(self, save_every: float, log_every: int, quiet: bool = False) -> bool:
        """True when the last step was taken; False after Ctrl-C.  Either way the checkpoint is on disk."""
        pictures = samples.choose(self.photos)
        saved, first = time.monotonic(), self.trainer.step
        batches = dataset(self.photos, self.config, start=first)
        progress = tqdm(
            initial=first, total=self.config.schedule.steps, unit="step", disable=quiet, dynamic_ncols=True
        )
        try:
            for row in self._rows(batches, first, log_every, progress):
                self.run.log(row)
                progress.set_postfix({name: f"{row[name]:.3g}" for name in SHOWN})
                if time.monotonic() - saved > save_every:
                    self.save(pictures)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            return False
        finally:
            progress.close()
            self.save(pictures)
        return True

    def save(self, pictures: list[samples.Frame]) -> None:
        """The checkpoint, the student to export, and a strip to look at."""
        self.run.save(self.trainer)
        self.run.save_student(self.trainer.averaged)
        path = self.run.samples / f"step_{self.trainer.step:06d}.png"
        samples.write_strip(path, self.trainer.averaged, pictures, self.config)

    def _rows(
        self, batches: Iterable[Any], first: int, log_every: int, progress: tqdm
    ) -> Iterable[dict[str, float]]:
        """Take the steps; every few of them hand out the mean of each term."""
        gathered: list[dict[str, float]] = []
        last = self.config.schedule.steps
        for step, batch in zip(range(first + 1, last + 1), batches, strict=False):
            terms = {name: float(term) for name, term in self._step(batch).items()}
            if not np.isfinite(terms["objective"]):
                raise UserError(
                    f"The objective became {terms['objective']} at step {step}: {terms}. "
                    "Lower schedule.learning_rate (--set schedule.learning_rate=5e-4) and start again."
                )
            gathered.append(terms)
            progress.update()
            if step % log_every == 0 or step == last:
                yield {
                    "step": step,
                    **{name: float(np.mean([row[name] for row in gathered])) for name in terms},
                }
                gathered = []


def _style_grams(features: Any, styles: list[dict[str, Any]], side: int) -> dict[str, tf.Tensor]:
    """Each style layer's Gram matrices, stacked over the styles: (S, C, C)."""
    pictures = [load_picture(style["file"], side, longer=True) for style in styles]
    found = [losses.grams(features(to_float(picture)[None])) for picture in pictures]
    return {name: tf.concat([grams[name] for grams in found], axis=0) for name in losses.STYLE_LAYERS}
