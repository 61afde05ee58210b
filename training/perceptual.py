"""The training step from pictures: a student walks through a clip, state in hand, and is told how far off it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import keras
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.student import build_student, state_shape
from keras_vst.ops import Tensor, crop, repeat_edge
from keras_vst.zoo import DEFAULT_MARGIN
from training import noise
from training.minimize import minimize
from training.objective import Judge
from training.temporal import Batch, check_batch, feature_flicker, flicker
from training.trainer import Terms, Trainer, tensors

FEATURES = "smooth_4_relu"  # at a quarter of the frame: what strokes are made of
BORDER_FRAMES = 2  # the first, and one that remembers it
SENSOR_NOISE = 2 / 255  # a webcam in a room at night


@dataclass
class Walk:
    """What a network made of a batch: of the first frames of all clips, and of those clips that it followed."""

    batch: Batch  # of the clips that were followed
    begun: Tensor  # (B', H, W, 3); first frames of the others
    stylized: list[Tensor] = field(default_factory=list)  # (B, H, W, 3) for each frame
    features: list[Tensor] = field(default_factory=list)  # (B, H / 4, W / 4, C) each
    given: list[dict[str, Tensor]] = field(default_factory=list)  # the network's inputs


class PerceptualTrainer(Trainer):
    """`painting` and `palette`: content, style and palette by VGG16, and everything that holds still."""

    def __init__(self, config: RunConfig, judge: Judge | None):
        super().__init__(config, lambda: build_student(config.student), judge)
        self._paint = watch(self.generator, FEATURES)
        self.generator_optimizer = self.new_optimizer(config.schedule.learning_rate, self.generator)

    def train_step(self, batch: Batch) -> Terms:
        batch = tensors(batch)
        check_batch(batch, self.config)

        def objective() -> tuple[Tensor, Terms]:
            return self.weigh(self.terms(batch, self.walk(batch)), batch["style"])

        _, logs = minimize(objective, self.generator.trainable_variables, self.generator_optimizer)
        self.update_average()
        return logs

    def walk(self, batch: Batch, training: bool = True) -> Walk:
        """Stylize frame by frame, carrying the state; it starts at zeros.

        Half the clips are only begun: their first frame is what VGG16 looks at, and to follow them as well took a
        third more of a step's time.
        """
        given = self._start(batch["clip"][:, 0], batch["style"])
        outputs, half = self._paint(given, training), batch["clip"].shape[0] // 2
        walk = Walk(_from(half, batch), outputs["stylized"][:half])
        given, outputs = _from(half, given), _from(half, outputs)
        for time in range(batch["clip"].shape[1]):
            if time:
                given = self._next(walk.batch, time, given, outputs)
                outputs = self._paint(given, training)
            walk.stylized.append(outputs["stylized"])
            walk.features.append(outputs["features"])
            walk.given.append(given)
        return walk

    def terms(self, batch: Batch, walk: Walk) -> Terms:
        """Every term that weighs something, unweighted."""
        wanted, margin = self.config.terms, self.config.data.margin
        shown, original = judged(batch["clip"], walk, margin)
        terms = {}
        if self._judge:
            terms = self._judge.terms(shown, original, batch["style"], wanted, self._memory)
        if {"temporal", "long_term"} & set(wanted):
            terms |= flicker(walk.batch, walk.stylized, self.config)
        if "temporal_features" in wanted:
            terms["temporal_features"] = feature_flicker(walk.batch, walk.features, margin)
        if "smoothness" in wanted:
            terms["smoothness"] = losses.smoothness(shown)
        if "stability" in wanted:
            terms["stability"] = self.stability(walk)
        if "border" in wanted:
            terms["border"] = self.border(walk)
        return terms

    def stability(self, walk: Walk) -> Tensor:
        """The last frame once more, with other sensor noise but the same past."""
        given = walk.given[-1]
        grain = noise.normal(
            tuple(given["frame"].shape), self.config.seed, self.generator_optimizer.iterations
        )
        again = self._paint({**given, "frame": given["frame"] + SENSOR_NOISE * grain})["stylized"]
        margin = self.config.data.margin
        return losses.stability(crop(walk.stylized[-1], margin), crop(again, margin))

    def border(self, walk: Walk) -> Tensor:
        """What is made of the inner square when it is all that there is, beside what was made of it in the whole.

        Only the former learns.  It is walked as training walks, with norms over the batch: under their running means
        white everywhere was found to be a solution, since nothing else looks at the network in that state.
        """
        margin, part, terms = self.config.data.margin, None, []
        for time, whole in enumerate(walk.stylized[:BORDER_FRAMES]):
            alone = repeat_edge(crop(walk.batch["clip"][:, time], margin), DEFAULT_MARGIN)
            part = self._paint(self._after(part, alone, walk.batch["style"]))
            inside = ops.stop_gradient(crop(whole, margin))
            terms.append(losses.border(crop(part["stylized"], DEFAULT_MARGIN), inside))
        return ops.mean(ops.stack(terms))

    def _after(self, outputs: dict[str, Tensor] | None, frame: Tensor, style: Tensor) -> dict[str, Tensor]:
        """The inputs for a frame, after what was made of the one before if there was one."""
        given = self._start(frame, style)
        return given if outputs is None else {**given, "state": outputs["state"]}

    def _start(self, frame: Tensor, style: Tensor) -> dict[str, Tensor]:
        """What the network is given when nothing came before."""
        return {
            "frame": frame,
            "style": style,
            "state": ops.zeros(state_shape(tuple(frame.shape), self.config.student)),
        }

    def _next(self, batch: Batch, time: int, given: dict[str, Tensor], outputs: dict[str, Tensor]) -> dict:
        """What it is given with frame `time`, after it made `outputs` of the one before."""
        return {**given, "frame": batch["clip"][:, time], "state": outputs["state"]}


def watch(network: keras.Model, layer: str) -> Callable[..., dict[str, Tensor]]:
    """The network as a function, answering with the features of one of its layers as well.

    Not a model, so that Keras does not take it for one more network to save.
    """
    watched = keras.Model(network.input, {**network.output, "features": network.get_layer(layer).output})

    def paint(given: dict[str, Tensor], training: bool = True) -> dict[str, Tensor]:
        outputs = watched(given, training=training)
        return {
            name: ops.cast(tensor, "float32") if name != "state" else tensor
            for name, tensor in outputs.items()
        }

    return paint


def judged(clip: Tensor, walk: Walk, margin: int) -> tuple[Tensor, Tensor]:
    """What VGG16 looks at: the first frame of the clips that were begun (no past), the last of the others."""
    half = clip.shape[0] // 2
    shown = ops.concatenate([walk.begun, walk.stylized[-1]])
    original = ops.concatenate([clip[:half, 0], clip[half:, -1]])
    return crop(shown, margin), crop(original, margin)


def _from(half: int, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: array[half:] for name, array in arrays.items()}
