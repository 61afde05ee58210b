"""What tests of the edge share: tiny networks, a zoo made of them, a short clip; none of it needs TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli import main
from keras_vst import zoo
from tests.keras_vst.clips import grey_steps, write_clip
from tests.keras_vst.networks.networks import write_style

Command = Callable[..., tuple[int, str, str]]
FRAMES = 6
NETWORKS = Path(__file__).parent / "networks"


@pytest.fixture(scope="session")
def negative() -> Path:
    """Paints the negative, any size."""
    return NETWORKS / "negative.tflite"


@pytest.fixture(scope="session")
def same() -> Path:
    """Gives the frame back, any size; of one architecture with `negative`."""
    return NETWORKS / "same.tflite"


@pytest.fixture(scope="session")
def fixed() -> Path:
    """Paints the negative, 96x64 only."""
    return NETWORKS / "fixed.tflite"


@pytest.fixture(scope="session")
def film() -> Path:
    """Of film quality, any size: keeps what was painted where it is visible, and paints half the frame elsewhere."""
    return NETWORKS / "film.tflite"


@pytest.fixture
def bundled(tmp_path: Path, negative: Path, same: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo in place of the package's: `dark` and `plain` (unlike others) paint the negative, `light` the frame."""
    root = tmp_path / "zoo"
    write_style(root, "dark", negative)
    write_style(root, "light", same)
    write_style(root, "plain", negative, architecture="other")
    monkeypatch.setattr(zoo, "ROOT", root)
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder; nothing may be in it after a mistake."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own zoo, empty."""
    root = tmp_path / "own"
    monkeypatch.setenv("KERAS_VST_ZOO", str(root))
    return root


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of 64x48, each lighter than the one before, with sound."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", grey_steps(FRAMES), sound="aac")


@pytest.fixture
def vst(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process: status, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
