from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.step_on_a_backend import OVERRIDES
from tests.training.trainers import make_batch, tiny
from training import packed

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("KERAS_VST_TORCH_PYTHON", "")  # of an environment with torch, keras, numpy and OpenCV


def steps(python: str, backend: str, recipe: str, folder: Path) -> list[dict[str, float]]:
    command = [python, "-m", "tests.training.step_on_a_backend", recipe, str(folder)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.skipif(
    not PYTHON, reason="KERAS_VST_TORCH_PYTHON names no Python with torch, keras, numpy, OpenCV"
)
@pytest.mark.parametrize("recipe", OVERRIDES)
def test_tensorflow_and_torch_take_the_same_steps(recipe, tmp_path):
    config = tiny(recipe, *OVERRIDES[recipe])
    packed.pack([make_batch(config, seed) for seed in range(2)], tmp_path)

    ours = steps(sys.executable, "tensorflow", recipe, tmp_path)
    theirs = steps(PYTHON, "torch", recipe, tmp_path)

    assert len(ours) == len(theirs) == 2
    assert theirs[0] == pytest.approx(ours[0], rel=1e-4, abs=1e-6)
    # The second step has the first one's update, moving statistics and state in it.
    assert theirs[1] == pytest.approx(ours[1], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    "module", ["trainer", "perceptual", "adversarial", "film", "keyframes", "packed", "precision", "minimize"]
)
def test_trainers_name_tensorflow_nowhere_but_where_it_differs(module):
    source = (ROOT / "training" / f"{module}.py").read_text(encoding="utf-8")

    top = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in top if "tensorflow" in line or "torch" in line]
