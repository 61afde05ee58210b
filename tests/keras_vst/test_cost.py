from __future__ import annotations

import keras

from keras_vst.config import StudentConfig
from keras_vst.cost import count_macs
from keras_vst.models.student import build_student, input_shapes


def test_a_convolution_costs_kernel_times_output_pixels():
    frames = keras.Input((None, None, 3), name="frames")
    model = keras.Model({"frames": frames}, keras.layers.Conv2D(5, 3, strides=2, padding="same")(frames))

    assert count_macs(model, {"frames": (1, 8, 12, 3)}) == (4 * 6) * (3 * 3 * 3 * 5)


def test_a_student_costs_four_times_as_much_at_twice_the_size():
    student = build_student(StudentConfig())
    small, large = (count_macs(student, input_shapes(student, size)) for size in ((64, 96), (128, 192)))

    assert large == 4 * small


def test_the_default_student_stays_within_its_budget():
    student = build_student(StudentConfig())
    assert count_macs(student, input_shapes(student, (368, 640))) < 2.0e9
