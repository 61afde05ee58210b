import cv2
import numpy as np

from tests.training.evaluation.networks import Bordered, Ghost, Plain
from training.evaluation.painters import (
    BLUR,
    KEPT,
    Blurred,
    Forgetful,
    Identity,
    Smoothed,
    Student,
    afresh,
    as_clip,
)


def grey(level):
    return np.full((1, 16, 24, 3), level, np.float32)


def test_a_student_remembers_until_it_is_reset():
    student = Student(Ghost())
    first, second = student(grey(0.4)), student(grey(0.4))
    np.testing.assert_allclose([first.mean(), second.mean()], [0.2, 0.4], atol=1e-5)
    student.reset()
    np.testing.assert_array_equal(student(grey(0.4)), first)


def test_a_student_paints_the_style_that_was_asked_for():
    assert [Student(Plain(), style)(grey(1)).mean() for style in range(3)] == [0, 0.25, 0.5]


def test_the_margin_keeps_what_a_network_does_at_its_border_out_of_the_picture():
    frame = np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    np.testing.assert_array_equal(Student(Bordered(), margin=8)(frame), frame)
    assert Student(Bordered(), margin=0)(frame)[0, 0].max() == 0


def test_leaving_a_frame_alone_leaves_it_alone():
    np.testing.assert_array_equal(Identity()(grey(0.3)), grey(0.3))


def test_a_forgetful_network_paints_every_frame_as_the_first():
    painter = Forgetful(Student(Ghost()))
    assert [round(float(painter(grey(0.4)).mean()), 6) for _ in range(3)] == [0.2, 0.2, 0.2]


def test_a_running_mean_is_that_of_the_outputs_and_starts_with_each_clip():
    painter = Smoothed(Identity())
    painter(grey(0.0))
    np.testing.assert_allclose(painter(grey(1.0)).mean(), 1 - KEPT, atol=1e-6)
    np.testing.assert_allclose(painter(grey(1.0)).mean(), 1 - KEPT**2, atol=1e-6)
    assert as_clip(painter)(grey(1.0)).mean() == 1


def test_blur_is_a_gaussian_over_the_output():
    frame = np.random.default_rng(0).random((1, 16, 24, 3), np.float32)
    np.testing.assert_allclose(Blurred(Identity())(frame)[0], cv2.GaussianBlur(frame[0], (0, 0), BLUR))


def test_painting_afresh_forgets_before_every_frame():
    paint = afresh(Student(Ghost()))
    np.testing.assert_array_equal(paint(grey(0.4)), paint(grey(0.4)))
