"""That the cost of a step is told in the ratios that it claims."""

import time
from itertools import count

import pytest

from benchmarks.step import compare


def test_a_step_is_compared_with_its_passes_and_with_a_kept_batch():
    def batches():
        for number in count():
            time.sleep(0.01)  # made while the step waits
            yield number

    found = compare(lambda _: time.sleep(0.03), lambda _: time.sleep(0.02), batches(), block=3, rounds=3)
    assert found["seconds_a_step"] == pytest.approx(0.04, rel=0.3)
    assert found["over_vgg16"] == pytest.approx(1.5, rel=0.3)
    assert found["vgg16_share"] == pytest.approx(1 / found["over_vgg16"], abs=1e-3)
    assert found["pipeline"] == pytest.approx(4 / 3, rel=0.3)
    assert found["steps_per_second"] == pytest.approx(1 / found["seconds_a_step"], rel=0.01)
