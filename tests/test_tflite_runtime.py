"""The networks we ship run on tflite-runtime 2.14 as they do on LiteRT, mixes too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.networks.mixing import mix
from tests.conftest import draw_picture

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-tflite" / "bin" / "python"
SHIPPED = sorted((ROOT / "keras_vst" / "zoo").glob("*/*.tflite"))
MOST_LEVELS, MOST_MEAN_LEVELS = 1, 2.0  # of 255: at any pixel of a float file, and on average of an int8 one

# The same lines run in both environments; argv: network, frames (.npy in), stylized frames (.npy out).
STYLIZE = """
import sys
from pathlib import Path
import numpy as np
from edge.painter import Painter
from keras_vst.networks import open_network
from keras_vst.video import TimedFrame

network, frames, stylized = map(Path, sys.argv[1:])
painter = Painter(open_network(network))
np.save(stylized, [painter.repaint(TimedFrame(frame, 0)).after.pixels for frame in np.load(frames)])
print(painter.network.runtime.name, painter.network.runtime.version)
"""

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="tflite-runtime has no wheel after Python 3.11: `make test PYTHON=python3.11` runs this",
)


@pytest.fixture(scope="module")
def python() -> Path:
    if not PYTHON.is_file():
        pytest.fail(
            f"{PYTHON} is missing. Run `make .venv-tflite/.ready` (`make test` does), then this test again."
        )
    return PYTHON


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a camera that pans, 120x88, which the network sees padded to multiples of 8."""
    picture = draw_picture(5, 100, 160)
    path = tmp_path_factory.mktemp("frames") / "frames.npy"
    np.save(path, [picture[time : time + 88, 3 * time : 3 * time + 120] for time in range(6)])
    return path


def stylize(python: Path, network: Path, frames: Path, target: Path) -> tuple[np.ndarray, str]:
    """The stylized frames, and the name and version of the runtime that made them."""
    command = [str(python), "-c", STYLIZE, str(network), str(frames), str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return np.load(target), done.stdout.strip()


def run_on_both(network: Path, python: Path, frames: Path, tmp_path: Path) -> None:
    ours, newer = stylize(Path(sys.executable), network, frames, tmp_path / "litert.npy")
    theirs, older = stylize(python, network, frames, tmp_path / "tflite.npy")
    assert newer.startswith("litert")
    assert older == "tflite-runtime 2.14.0"
    difference = np.abs(ours.astype(int) - theirs.astype(int))
    told = f"levels of 255 by frame: {difference.max(axis=(1, 2, 3)).tolist()}"
    if "int8" in network.name:  # its kernels round differently; they agree on average
        assert difference.mean() <= MOST_MEAN_LEVELS, told
    else:
        assert difference.max() <= MOST_LEVELS, told
    assert np.abs(ours.astype(int) - np.load(frames)).mean() > 1, "nothing was painted"


@pytest.mark.parametrize("network", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_network_runs_alike_on_both_runtimes(network, python, frames, tmp_path):
    run_on_both(network, python, frames, tmp_path)


def test_a_mix_runs_alike_on_both_runtimes(python, frames, tmp_path):
    first = zoo.styles(quality="live")[0]
    others = [style for style in zoo.styles(quality="live") if style.architecture == first.architecture]
    mixed = tmp_path / "mixed.tflite"
    mixed.write_bytes(mix([(style, 1.0) for style in others[:3]]))
    run_on_both(mixed, python, frames, tmp_path)


def test_there_are_networks_to_run():
    assert SHIPPED, "keras_vst/zoo holds no .tflite file"
