"""What a run is made of: frozen dataclasses, named recipes, `a.b=c` overrides, to and from JSON and TOML.

Plain Python without Keras, so that a configuration can be read anywhere.  Comments say what a knob does to
the picture; a wrong value is refused when the object is made.
"""

from keras_vst.config.networks import DiscriminatorConfig, StudentConfig, TeacherConfig
from keras_vst.config.overrides import from_dict, load, to_dict, with_overrides
from keras_vst.config.recipes import RECIPES, smoke_of
from keras_vst.config.run import KINDS, TERMS, RunConfig
from keras_vst.config.settings import (
    ADVERSARIAL_FORMS,
    DataConfig,
    LossConfig,
    MotionConfig,
    ScheduleConfig,
)
from keras_vst.config.stages import Stage, stage, stages

__all__ = [
    "ADVERSARIAL_FORMS",
    "KINDS",
    "RECIPES",
    "TERMS",
    "DataConfig",
    "DiscriminatorConfig",
    "LossConfig",
    "MotionConfig",
    "RunConfig",
    "ScheduleConfig",
    "Stage",
    "StudentConfig",
    "TeacherConfig",
    "from_dict",
    "load",
    "smoke_of",
    "stage",
    "stages",
    "to_dict",
    "with_overrides",
]
