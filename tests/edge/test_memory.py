"""What `vst stylize` takes at default settings, however large the frames are."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_vst.files import SCENE
from keras_vst.video import TimedFrame, open_sink, open_source

REPOSITORY = Path(__file__).parents[2]
MOST = 700  # MB, as docs/reliability.md says
CHILD = """
import sys
from pathlib import Path
from edge.cli import main
status = main(sys.argv[1:])
told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(told["VmHWM"].split()[0]) // 1024)
sys.exit(status)
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_clip_of_4k_stays_within_what_the_documents_say(tmp_path: Path) -> None:
    clip = tmp_path / "in.mp4"
    with open_source(SCENE) as source, open_sink(clip, source.info, crf=20) as sink:
        for frame in islice(source, 40):
            large = cv2.resize(frame.pixels, (3840, 2160), interpolation=cv2.INTER_CUBIC)
            sink.write(TimedFrame(np.asarray(large, np.uint8), frame.time))
    command = [
        "stylize",
        str(clip),
        "-o",
        str(tmp_path / "out.mp4"),
        "--style",
        "great-wave",
        "--quiet",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    row, peak = done.stdout.splitlines()
    assert '"frames": 40' in row
    assert int(peak) < MOST
