"""How far to prune, as it is written, and what is refused."""

from __future__ import annotations

import pytest

from keras_vst.errors import UserError
from training.goals import latency, macs, ratio


def test_a_target_is_a_time_at_a_size_with_its_margin_by_threads():
    goal = latency("8.5ms@640x360/2threads")

    assert (goal.milliseconds, goal.size, goal.threads) == (8.5, (376, 656), 2)
    assert latency("8ms@640x360/1thread").threads == 1


def test_arithmetic_is_written_with_units_or_without():
    assert [macs(text).macs for text in ("250M", "0.25G", "2.5e8", "250000000")] == [250e6] * 4


def test_a_ratio_is_a_share():
    assert ratio("0.5").ratio == 0.5


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (latency, "0ms@640x360/2threads"),
        (latency, "8ms@0x360/2threads"),
        (latency, "8ms@640x360/0threads"),
        (latency, "8ms@640x360"),
        (latency, "8ms"),
        (latency, "-3ms@640x360/2threads"),
        (macs, "0"),
        (macs, "-1M"),
        (macs, "many"),
        (macs, "1e99G"),
        (ratio, "1.5"),
        (ratio, "1"),
        (ratio, "0"),
        (ratio, "nan"),
        (ratio, "half"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(read, text):
    with pytest.raises(UserError, match=r"(?s)Received: .*|cannot be met"):
        read(text)
