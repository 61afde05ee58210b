"""Runtimes are tried in children, which may die, hang or be missing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from export.gate import runtimes
from export.gate.runtimes import CannotPlay, Runtime
from tests.export.networks import content

SIZE = (32, 48)
FRAMES = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3)).astype(np.uint8)
HERE = Runtime("litert", Path(sys.executable), "LiteRT")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "good.tflite"
    path.write_bytes(content())
    return path


@pytest.mark.parametrize("signature", ["stylize", "stylize_u8"])
def test_the_compiled_model_gives_the_interpreter_s_pixels_at_any_size(network, signature):
    found, _ = runtimes.find_runtimes(("litert",))
    ours = runtimes.play("litert", content(), signature, FRAMES)
    theirs = runtimes.play_in_child(found[0], network, signature, FRAMES)
    assert theirs.dtype == ours.dtype == (np.uint8 if signature == "stylize_u8" else np.float32)
    assert np.abs(ours.astype(float) - theirs).max() <= (1 if signature == "stylize_u8" else 1e-5)


def test_tflite_runtime_plays_both_signatures_where_it_is_installed(network):
    found, missing = runtimes.find_runtimes(("tflite-runtime",))
    if not found:
        pytest.skip(missing["tflite-runtime"])
    for signature in ("stylize", "stylize_u8"):
        ours = runtimes.play("litert", content(), signature, FRAMES)
        theirs = runtimes.play_in_child(found[0], network, signature, FRAMES)
        assert np.abs(ours.astype(float) - theirs).max() <= (1 if signature == "stylize_u8" else 1e-5)


def test_a_runtime_that_is_not_here_is_named_with_the_way_to_it(monkeypatch):
    monkeypatch.setattr(runtimes, "ENVIRONMENT", Path("nowhere"))
    monkeypatch.delenv(runtimes.TFLITE_PYTHON, raising=False)
    found, missing = runtimes.find_runtimes(("tflite-runtime",))
    assert found == []
    assert runtimes.TFLITE_PYTHON in missing["tflite-runtime"]


def test_a_python_that_is_no_program_has_no_runtime(tmp_path, monkeypatch):
    (tmp_path / "python").write_text("not a program")
    monkeypatch.setenv(runtimes.TFLITE_PYTHON, str(tmp_path / "python"))
    assert runtimes.find_runtimes(("tflite-runtime",))[0] == []


def test_a_child_that_dies_and_one_that_never_ends_are_told_apart(network, tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    monkeypatch.setattr(runtimes, "PROGRAM", program)
    program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(CannotPlay, match=r"died of it \(SIGSEGV\)"):
        runtimes.play_in_child(HERE, network, "stylize", FRAMES)
    program.write_text("while True: pass")
    with pytest.raises(CannotPlay, match="did not come to an end"):
        runtimes.play_in_child(HERE, network, "stylize", FRAMES, patience=0.5)


def test_a_folder_s_own_modules_do_not_shadow_what_the_child_imports(network, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert runtimes.play_in_child(HERE, network, "stylize", FRAMES).shape == FRAMES.shape
