"""What tests of the command line share: tiny networks, a zoo made of them, a short clip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli import main
from keras_vst import zoo
from tests.keras_vst.clips import grey_steps, write_clip

Command = Callable[..., tuple[int, str, str]]
FRAMES = 6


def write_entry(root: Path, name: str, network: Path, styles: list[str], **more: object) -> Path:
    """Put a network and its card into a zoo."""
    folder = root / name
    folder.mkdir(parents=True)
    content = network.read_bytes()
    (folder / network.name).write_bytes(content)
    file = {
        "file": network.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    card = {
        "name": name,
        "files": {"fp32": file},
        "styles": [
            {"name": style, "title": style.title(), "artist": "Nobody", "year": 1900} for style in styles
        ],
        **more,
    }
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def bundled(tmp_path: Path, negative: Path, stateless: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo in place of the package's: `pair` with the styles dark and light, `single` with plain."""
    root = tmp_path / "zoo"
    write_entry(root, "pair", negative, ["dark", "light"], margin=8)
    write_entry(root, "single", stateless, ["plain"])
    monkeypatch.setattr(zoo, "ROOT", root)
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
