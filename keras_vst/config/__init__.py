"""What a run is made of: frozen dataclasses, `a.b=c` overrides, to and from JSON and TOML.  Plain Python."""

from keras_vst.config.overrides import from_dict, load, to_dict, with_overrides
from keras_vst.config.settings import (
    ADVERSARIAL_FORMS,
    KINDS,
    SIZES,
    DataConfig,
    DiscriminatorConfig,
    LossConfig,
    MotionConfig,
    RunConfig,
    ScheduleConfig,
    StudentConfig,
    TeacherConfig,
)

__all__ = [
    "ADVERSARIAL_FORMS",
    "KINDS",
    "SIZES",
    "DataConfig",
    "DiscriminatorConfig",
    "LossConfig",
    "MotionConfig",
    "RunConfig",
    "ScheduleConfig",
    "StudentConfig",
    "TeacherConfig",
    "from_dict",
    "load",
    "to_dict",
    "with_overrides",
]
