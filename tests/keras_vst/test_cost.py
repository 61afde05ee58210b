from __future__ import annotations

import keras
from keras_vst.cost import count_macs

from keras_vst.config import StudentConfig
from keras_vst.models.student import build_student


def macs_of_student(height, width):
    return count_macs(build_student(StudentConfig()), {"frame": (1, height, width, 3)})


def test_a_convolution_costs_kernel_times_output_pixels():
    frames = keras.Input((None, None, 3), name="frames")
    model = keras.Model({"frames": frames}, keras.layers.Conv2D(5, 3, strides=2, padding="same")(frames))

    assert count_macs(model, {"frames": (1, 8, 12, 3)}) == (4 * 6) * (3 * 3 * 3 * 5)


def test_a_student_costs_four_times_as_much_at_twice_the_size_and_stays_within_its_budget():
    assert macs_of_student(128, 192) == 4 * macs_of_student(64, 96)
    assert macs_of_student(368, 640) < 2.0e9
