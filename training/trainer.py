"""The training step: a student walks through a synthetic clip, state in hand, and is told how far off it is."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from keras_vst import losses
from keras_vst.config import RunConfig
from keras_vst.models.student import build_student, state_shape
from keras_vst.ops import Tensor, crop, luminance, warp
from training.data import frame_pairs

TERMS = ("content", "style", "temporal", "long_term", "smoothness")
REACH = 24  # pixels; three frames of the fastest synthetic motion


class StyleTrainer(keras.Model):
    """A student, the running mean of its weights, and the objective.

    `features` is the frozen VGG16; `style_grams` maps each style layer to the styles' Gram matrices (S, C, C).
    """

    def __init__(self, config: RunConfig, features: keras.Model, style_grams: dict[str, Tensor]):
        super().__init__(name="style_trainer")
        self.config = config
        self.student = build_student(config.student)
        self.averaged = build_student(config.student)
        self.averaged.set_weights(self.student.get_weights())
        self.averaged.trainable = False
        schedule = config.schedule
        decay = keras.optimizers.schedules.CosineDecay(schedule.learning_rate, schedule.steps, alpha=0.01)
        self.student_optimizer = keras.optimizers.Adam(decay, global_clipnorm=schedule.clip_norm)
        self.student_optimizer.build(self.student.trainable_variables)
        self._judge = _Frozen(features, style_grams)
        self.compile(optimizer=None)
        self.built = True

    @property
    def step(self) -> int:
        """How many steps were taken, over all sittings."""
        return int(ops.convert_to_numpy(self.student_optimizer.iterations))

    def train_step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        with tf.GradientTape() as tape:
            stylized = self.walk(batch["clip"], batch["style"])
            terms = self.terms(batch, stylized)
            weights = self.term_weights()
            objective = tf.add_n([weights[name] * term for name, term in terms.items()])
        gradients = tape.gradient(objective, self.student.trainable_variables)
        self.student_optimizer.apply_gradients(zip(gradients, self.student.trainable_variables, strict=True))
        self._average()
        return {"objective": objective, **terms}

    def walk(self, clip: Tensor, style: Tensor) -> list[Tensor]:
        """Stylize the clip frame by frame, carrying the state; it starts at zeros."""
        state = ops.zeros(state_shape(tuple(ops.shape(clip[:, 0])), self.config.student))
        stylized = []
        for time in range(self.config.data.frames):
            outputs = self.student({"frame": clip[:, time], "style": style, "state": state}, training=True)
            stylized.append(outputs["stylized"])
            state = outputs["state"]
        return stylized

    def terms(self, batch: dict[str, Tensor], stylized: list[Tensor]) -> dict[str, Tensor]:
        """Every term of the objective, unweighted."""
        shown, original = self._judged(batch["clip"], stylized)
        features = self._judge.features(shown)
        grams = {name: ops.mean(gram, axis=0, keepdims=True) for name, gram in losses.grams(features).items()}
        short, long = self._temporal(batch, stylized)
        return {
            "content": losses.content(features, self._judge.content_features(original)),
            "style": losses.style(grams, self._judge.target(batch["style"])),
            "temporal": short,
            "long_term": long,
            "smoothness": losses.smoothness(shown),
        }

    def term_weights(self) -> dict[str, Tensor]:
        """The weights at this step; the temporal ones are ramped up once there is a style to hold still."""
        weights, schedule = self.config.loss, self.config.schedule
        done = ops.cast(self.student_optimizer.iterations, "float32") / schedule.steps
        span = max(weights.temporal_full - weights.temporal_from, 1e-6)
        ramp = ops.clip((done - weights.temporal_from) / span, 0.0, 1.0)
        ramped = {"temporal": ramp, "long_term": ramp}
        return {name: getattr(weights, name) * ramped.get(name, 1.0) for name in TERMS}

    def _judged(self, clip: Tensor, stylized: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What VGG16 looks at: the first frame of half the clips (no state yet), the last of the others."""
        data = self.config.data
        half, margin = data.batch // 2, (data.crop - data.judged) // 2
        shown = ops.concatenate([stylized[0][:half], stylized[-1][half:]])
        original = ops.concatenate([clip[:half, 0], clip[half:, -1]])
        return crop(shown, margin), crop(original, margin)

    def _temporal(self, batch: dict[str, Tensor], stylized: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean flicker over neighbouring frames, and between the last frame and the first."""
        data = self.config.data
        reach = min((data.crop - data.judged) // 2, REACH)  # how far motion may look beyond what is judged
        margin = (data.crop - data.judged) // 2 - reach
        found = []
        for index, (later, earlier) in enumerate(frame_pairs(data.frames)):
            flow = crop(batch["flow"][:, index], margin)
            visible = crop(batch["visible"][:, index], margin)
            held = warp(crop(stylized[earlier], margin), flow)
            seen = warp(crop(batch["clip"][:, earlier], margin), flow)
            brighter = batch["light"][:, later] / batch["light"][:, earlier] - 1.0
            held = held + luminance(seen) * brighter[:, None, None, None]
            fields = (crop(stylized[later], margin), held, visible)
            found.append(losses.temporal(*(crop(field, reach) for field in fields)))
        neighbours = found[: len(stylized) - 1]
        return sum(neighbours) / len(neighbours), found[-1]

    def _average(self) -> None:
        taken = ops.cast(self.student_optimizer.iterations, "float32")
        decay = ops.minimum(self.config.schedule.average, (1.0 + taken) / (10.0 + taken))
        for mean, weight in zip(self.averaged.weights, self.student.weights, strict=True):
            mean.assign(mean * decay + weight * (1.0 - decay))


class _Frozen:
    """What is never trained nor saved: kept out of Keras's tracking, so that checkpoints stay small."""

    def __init__(self, features: keras.Model, style_grams: dict[str, Tensor]):
        self.features = features
        shallow = {name: features.output[name] for name in losses.CONTENT_LAYERS}
        self.content_features = keras.Model(features.inputs, shallow)  # the original needs no deeper look
        self._grams = style_grams

    def target(self, style: Tensor) -> dict[str, Tensor]:
        """The Gram matrices that the batch's style vector asks for, (1, C, C) a layer."""
        return {name: ops.tensordot(style[:1], grams, axes=1) for name, grams in self._grams.items()}
