import pytest

from keras_vst.errors import UserError
from training.evaluation import frame_times


def test_networks_take_turns_and_the_median_counts():
    asked, times = [], {"ours": iter([3.0, 1.0, 2.0]), "peer": iter([5.0, 9.0, 7.0])}

    def timer(name):
        def ask():
            asked.append(name)
            return next(times[name])

        return ask

    assert frame_times.by_turns({name: timer(name) for name in times}, rounds=3) == {"ours": 2.0, "peer": 7.0}
    assert asked == ["ours", "peer"] * 3


def test_the_first_frames_do_not_count():
    steps = iter([100.0] * frame_times.WARM_UP + [1.0, 2.0, 3.0] * frame_times.TIMED)
    assert frame_times.timed(lambda: next(steps)) == 2.0


def test_a_network_is_timed_in_a_process_of_its_own(negative):
    assert 0 < frame_times.milliseconds(negative, (32, 48), 1) < 1000


def test_what_cannot_be_timed_is_told(tmp_path):
    (tmp_path / "net.tflite").write_text("no network")
    with pytest.raises(UserError, match=r"net\.tflite cannot be timed: .*no \.tflite file"):
        frame_times.milliseconds(tmp_path / "net.tflite", (32, 48), 1)
