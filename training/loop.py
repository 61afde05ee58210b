"""The steps of a run, from where it stands to its last or to Ctrl-C; what is saved, shown and watched meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from keras_vst.config import RunConfig
from keras_vst.features import load_vgg16
from keras_vst.files import write_whole
from keras_vst.runs import RunDirectory
from training import first_weights, samples
from training.data.pipeline import dataset, mistakes_told
from training.devices import Devices, features_dtype, lost_worker_told, precision
from training.objective import NearnessLoss, PerceptualLoss, References, style_references
from training.samples import Board, Row, draw_curves
from training.sources import Opened
from training.terms import VGG16, active
from training.trainers.perceptual import PerceptualTrainer
from training.watch import Watch, not_a_number

NUM_SHOWN = 3  # terms in the progress bar
COMPILED = 2  # steps at the start, of which each may be another that has to be compiled
TIMED = 12  # steps after them that tell how long a run will take
EARLY = (45.0, 100.0)  # seconds after which there is something to look at already
COMPARED = ("keyframes", "distil")  # kinds that are shown a painted picture of each frame
TRAINERS = {  # kind -> the file of training/trainers, and the class in it
    "base": ("perceptual", "PerceptualTrainer"),
    "perceptual": ("perceptual", "PerceptualTrainer"),
    "adversarial": ("adversarial", "AdversarialTrainer"),
    "film": ("film", "FilmTrainer"),
    "keyframes": ("adversarial", "KeyframeTrainer"),
    "distil": ("perceptual", "DistilTrainer"),
    "look": ("perceptual", "PerceptualTrainer"),
}


def build_trainer(
    config: RunConfig, features: keras.Model | None = None, references: References | None = None
) -> PerceptualTrainer:
    """The trainer of that kind.

    `features` is the frozen VGG16 and `references` what it makes of the style pictures (`style_references`);
    a run without terms that need VGG16 needs neither.
    """
    module, name = TRAINERS[config.kind]
    compare = NearnessLoss if config.kind in COMPARED else PerceptualLoss
    trainer = getattr(import_module(f"training.trainers.{module}"), name)
    return trainer(config, compare(features, references) if features is not None else None)


class Session:
    """One start of a run: the trainer, its data and the run directory, ready to go on."""

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        opened: Opened,
        devices: Devices,
        vgg16: str | None = None,
        quiet: bool = False,
    ):
        self.run, self.config, self.opened, self.devices = run, config, opened, devices
        self.quiet = quiet
        self.trainer = self._build(vgg16)
        self.warnings: list[str] = []
        self._steps: dict[tuple[bool, bool], Any] = {}  # compiled; by what `_phase` says
        self._minutes_before = 0.0

    def start_from(self, origin: str) -> None:
        """Take the weights that `--init` names, and forget nothing else."""
        first_weights.take(self.trainer.averaged, origin, self.config, self.opened.sources.photos)
        self.trainer.generator.set_weights(self.trainer.averaged.get_weights())

    def resume(self) -> None:
        """Go on where the last checkpoint stands; from the first step where a kill came before there was one."""
        if self.run.has_checkpoint:
            self.run.restore(self.trainer)
        if self.devices.is_chief:
            self.run.forget_after(self.trainer.step)
        self._minutes_before = max((row.get("minutes", 0.0) for row in self.run.rows()), default=0.0)

    def train(self, save_every: float, log_every: int) -> bool:
        """True when the last step was taken; False after Ctrl-C.  Either way the checkpoint is on disk."""
        recorder = _Recorder(self, save_every) if self.devices.is_chief else None
        with lost_worker_told(str(self.run.path)), mistakes_told():
            try:
                for row in self._rows(log_every, recorder):
                    if recorder:
                        recorder.take(row)
                finished = True
            except KeyboardInterrupt:
                finished = False
            if recorder:
                recorder.save()
                recorder.board.close()
            if finished:
                self.devices.leave_together()
        return finished

    def batches(self) -> Iterable[Any]:
        """What the steps from here on look at."""
        sources, config, first = self.opened.sources, self.config, self.trainer.step
        return self.devices.batches(
            config, lambda worker, workers: dataset(sources, config, first, worker, workers)
        )

    def step(self, batch: Any) -> Row:
        """Take one step; every term as a number."""
        phase = self._phase()
        if phase not in self._steps:
            self.trainer.norms_held, self.trainer.looks = phase
            self._steps[phase] = self.devices.step(self.trainer)
        return {name: float(term) for name, term in self._steps[phase](batch).items()}

    def _phase(self) -> tuple[bool, bool]:
        """Whether norms are held in the step to come, and whether it looks through VGG16."""
        schedule, step = self.config.schedule, self.trainer.step
        looks = step % schedule.look_every == 0 or not active(self.config, VGG16)
        return step >= schedule.norms_held_from * schedule.steps, looks

    def _rows(self, log_every: int, recorder: _Recorder | None) -> Iterator[Row]:
        """Take the steps; every few of them hand out the mean of each term, and the minutes trained so far."""
        first, last, started = self.trainer.step, self.config.schedule.steps, time.monotonic()
        if first >= last:
            return
        watch = Watch()
        gathered: list[Row] = []
        with self._progress(first) as progress:
            for step, batch in zip(range(first + 1, last + 1), self.batches(), strict=False):
                terms = self.step(batch)
                started = time.monotonic() if step <= first + COMPILED else started
                watch.terms(step, terms)
                gathered.append(terms)
                progress.update()
                if step == first + COMPILED + TIMED:
                    self._tell_time(step, started)
                if recorder:
                    recorder.batch = batch
                if step % log_every == 0 or step == last:
                    row = _means(gathered)
                    progress.set_postfix({name: f"{row[name]:.3g}" for name in self._shown(row)})
                    minutes = self._minutes_before + (time.monotonic() - started) / 60
                    yield {"step": step, **row, "minutes": round(minutes, 3)}
                    gathered = []

    def _build(self, vgg16: str | None) -> Any:
        """VGG16 where a term needs it, and the trainer, on all devices."""
        keras.utils.set_random_seed(self.config.seed)
        with self.devices.scope(), precision(self.config.schedule.mixed_precision):
            features = references = None
            if active(self.config, VGG16):
                dtype = features_dtype(self.config.schedule.mixed_precision)
                features = load_vgg16(vgg16, dtype=dtype)
                references = style_references(features, self.opened.references, self.opened.photo_colours())
            trainer = build_trainer(self.devices.replica_config(self.config), features, references)
        self.devices.prepare(trainer)
        return trainer

    def _progress(self, first: int) -> tqdm:
        hidden = self.quiet or not self.devices.is_chief
        steps = self.config.schedule.steps
        return tqdm(initial=first, total=steps, unit="step", disable=hidden, dynamic_ncols=True)

    def _tell_time(self, step: int, started: float) -> None:
        """How long all of it takes, from the steps after the first, which compiles."""
        left = self.config.schedule.steps - step
        seconds = (time.monotonic() - started) / TIMED
        if not self.quiet and self.devices.is_chief and left > 0:
            tqdm.write(
                f"About {max(1, round(seconds * left / 60))} min for {left} more steps, {seconds:.2f} s each."
            )

    def _shown(self, row: Row) -> list[str]:
        return [name for name in active(self.config) if name in row][:NUM_SHOWN]


def _means(rows: list[Row]) -> Row:
    """Each term over the steps that had it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


class _Recorder:
    """Writes rows, checkpoints, strips, curves, TensorBoard; of several workers only the first has one."""

    def __init__(self, session: Session, save_every: float):
        self.batch: Any = None
        self._session, self._run, self._trainer = session, session.run, session.trainer
        self._config, self._save_every = session.config, save_every
        self._shown = samples.choose(session.opened.sources, session.config)
        self._watch = Watch(style_dots=session.opened.style_dots())
        self.board = Board(self._run.tensorboard, self._trainer.step)
        self._begun = self._saved = time.monotonic()
        self._early = list(EARLY)
        self._pattern = first_weights.pattern(self._config)

    def take(self, row: Row) -> None:
        """Log a row; now and then save and look at what is painted."""
        self._run.log(row)
        self.board.row(row)
        if self._pattern is not None:  # for whoever watches: `vst live --learn`
            write_whole(self._run.now, first_weights.written(self._trainer.averaged, self._pattern))
        now = time.monotonic()
        early = bool(self._early) and now - self._begun > self._early[0]
        if early or now - self._saved > self._save_every:
            self._early = [second for second in self._early if now - self._begun <= second]
            self.save()
            self._saved = time.monotonic()

    def save(self) -> None:
        """The checkpoint, the network to export, and what there is to look at."""
        step = self._trainer.step
        if not all(np.isfinite(weight).all() for weight in self._trainer.get_weights()):
            raise not_a_number(step, ["weights"])  # the last checkpoint, which was sound, stays
        self._look(step)
        self._run.save(self._trainer)
        self._run.save_network(self._trainer.averaged)

    def _look(self, step: int) -> None:
        """Strips, curves and scores; raises `Trouble`, before anything is overwritten, when nothing is painted."""
        network, shown = self._trainer.averaged, self._shown
        strip, painted = samples.photo_strip(network, shown, self._config)
        moving = samples.clip_strip(network, shown, self._config)
        path = self._run.samples / f"step_{step:06d}.png"
        write_whole(path, samples.png(strip))
        if self._early and not self._session.quiet:
            tqdm.write(f"What it paints at step {step}: {path}")
        write_whole(self._run.samples / f"clip_{step:06d}.png", samples.png(moving))
        self.board.strip(step, "photos", strip)
        self.board.strip(step, "clip", moving)
        if curves := draw_curves(self._run.rows()):
            write_whole(self._run.curves_file, curves)
        if self.batch is not None and self._session.devices.replicas == 1:
            self.board.scores(step, self._trainer.scores(self.batch))
        for warning in self._watch.pictures(step, shown.photos, painted):
            if warning not in self._session.warnings:
                self._session.warnings.append(warning)
                tqdm.write(f"Warning at step {step}: {warning}")
