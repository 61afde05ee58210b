"""The picture over WebRTC between two peers on loopback, in a process of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("aiohttp", "aiortc"))),
    reason="WebRTC needs aiohttp and aiortc, of the extra `webrtc`",
)


def run(*arguments: str) -> Any:
    """What `rtc_peers` prints."""
    command = [sys.executable, "-m", "tests.edge.web.rtc_peers", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_peer_sees_the_newest_frames() -> None:
    levels = run("watch")
    assert levels[0] == pytest.approx(40, abs=4)
    assert levels[-1] == pytest.approx(200, abs=60)


@pytest.mark.parametrize(
    "offer", ["{}", '{"type": "offer", "sdp": "nonsense"}', '{"type": "offer", "sdp": 3}']
)
def test_what_is_no_offer_is_refused(offer: str) -> None:
    assert run("refuse", offer) == 400
