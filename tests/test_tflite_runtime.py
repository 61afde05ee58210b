"""The networks we ship run on tflite-runtime 2.14 as they do on LiteRT, mixes too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_vst import zoo
from keras_vst.networks.mixing import mix
from tests.conftest import draw_picture

ROOT = Path(__file__).parents[1]
PYTHON = Path(os.environ.get("KERAS_VST_TFLITE_PYTHON") or ROOT / ".venv-tflite" / "bin" / "python")
SHIPPED = sorted((ROOT / "keras_vst" / "zoo").glob("*/*.tflite"))
MOST_LEVELS, MOST_MEAN_LEVELS = 1, 2.0  # of 255: at any pixel of a float file, and on average of an int8 one

# The same lines run in both environments, once for all networks: frames (.npy in), painted frames (.npz out), files.
PAINT = """
import sys
from pathlib import Path
import numpy as np
from keras_vst.frames import fit, unfit
from keras_vst.networks import open_network
from keras_vst.zoo import file_style

frames, painted = np.load(sys.argv[1]), {}
for path in sys.argv[3:]:
    network = open_network(path, sha256=file_style(Path(path)).sha256)
    fitted = [fit(frame, margin=8) for frame in frames]
    painted[path] = [unfit(network.paint(frame), fitting) for frame, fitting in fitted]
np.savez(sys.argv[2], **painted)
print(network.runtime.name, network.runtime.version)
"""

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="tflite-runtime has no wheel after Python 3.11: `make test PYTHON=python3.11` runs this",
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    first = zoo.styles(quality="live")[0]
    others = [style for style in zoo.styles(quality="live") if style.architecture == first.architecture]
    path = tmp_path_factory.mktemp("mixed") / "mixed.tflite"
    path.write_bytes(mix([(style, 1.0) for style in others[:3]]))
    return path


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Three frames of a camera that pans, 120x88, which the network sees padded to multiples of 8."""
    picture = draw_picture(5, 100, 160)
    return np.stack([picture[time : time + 88, 3 * time : 3 * time + 120] for time in (0, 2, 5)])


@pytest.fixture(scope="module")
def painted(
    mixed: Path, frames: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, np.ndarray]]:
    """What LiteRT and tflite-runtime make of the frames, by the name of the file."""
    if not PYTHON.is_file():
        pytest.fail(
            f"{PYTHON} is missing. Run `make .venv-tflite/.ready` (`make test` does), then this test again."
        )
    folder = tmp_path_factory.mktemp("painted")
    np.save(folder / "frames.npy", frames)
    found = []
    for python, runtime in ((Path(sys.executable), "litert"), (PYTHON, "tflite-runtime 2.14.0")):
        out = folder / f"{runtime}.npz"
        command = [
            str(python),
            "-c",
            PAINT,
            str(folder / "frames.npy"),
            str(out),
            *map(str, [*SHIPPED, mixed]),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(runtime)
        with np.load(out) as stored:
            found.append({Path(path).name: array.astype(int) for path, array in stored.items()})
    return found


@pytest.mark.parametrize("name", [*(path.name for path in SHIPPED), "mixed.tflite"])
def test_a_network_runs_alike_on_both_runtimes(name, painted, frames):
    ours, theirs = (each[name] for each in painted)
    difference = np.abs(ours - theirs)
    told = f"levels of 255 by frame: {difference.max(axis=(1, 2, 3)).tolist()}"
    if "int8" in name:  # its kernels round differently; they agree on average
        assert difference.mean() <= MOST_MEAN_LEVELS, told
    else:
        assert difference.max() <= MOST_LEVELS, told
    assert np.abs(ours - frames).mean() > 1, "nothing was painted"


def test_there_are_networks_to_run():
    assert SHIPPED, "keras_vst/zoo holds no .tflite file"
