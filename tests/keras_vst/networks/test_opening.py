import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from keras_vst.errors import UserError
from keras_vst.networks import open_network, opening
from keras_vst.networks.opening import read_network, try_out

ROOT = Path(__file__).parents[3]


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damaged(path: Path, folder: Path, *, length: int | None = None, root: bytes | None = None) -> Path:
    content = path.read_bytes()[:length]
    target = folder / "damaged.tflite"
    target.write_bytes((root or content[:4]) + content[4:])
    return target


def test_a_file_with_the_right_checksum_needs_no_trial(negative, monkeypatch):
    monkeypatch.setattr(opening, "TRIAL", "raise SystemExit(1)")
    assert open_network(negative, threads=3, sha256=checksum(negative)).threads == 3
    with pytest.raises(UserError, match="cannot run it"):
        open_network(negative)


def test_a_wrong_checksum_is_told(negative):
    with pytest.raises(UserError, match="its checksum is not the one on its card"):
        open_network(negative, sha256="0" * 64)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_network_is_told(negative, tmp_path, share):
    path = damaged(negative, tmp_path, length=int(negative.stat().st_size * share))
    with pytest.raises(UserError, match="not a keras_vst network"):
        open_network(path)


@pytest.mark.parametrize("root", [b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00"])
def test_a_root_that_points_nowhere_is_told(negative, tmp_path, root):
    with pytest.raises(UserError, match="not a keras_vst network"):
        open_network(damaged(negative, tmp_path, root=root))


@pytest.mark.parametrize("trial", ["import os; os.abort()", "while True: pass", "import no_such_module"])
def test_a_trial_that_dies_or_never_ends_means_a_damaged_file(negative, monkeypatch, trial):
    monkeypatch.setattr(opening, "TRIAL", trial)
    monkeypatch.setattr(opening, "PATIENCE", 1.0)
    with pytest.raises(UserError, match="it is damaged, litert cannot run it"):
        open_network(negative)


def test_the_trial_tells_a_good_network_from_a_foreign_one(negative, foreign):
    assert try_out(negative, "litert") == 0
    assert try_out(foreign, "litert") == 2


def test_what_is_no_network_at_all_is_told_before_any_trial(tmp_path, monkeypatch):
    empty, text = tmp_path / "empty.tflite", tmp_path / "text.tflite"
    empty.touch()
    text.write_text("this is a letter")
    with pytest.raises(UserError, match="it is empty"):
        read_network(empty)
    with pytest.raises(UserError, match=r"it is no \.tflite file"):
        read_network(text)
    with pytest.raises(UserError, match="there is no network file"):
        read_network(tmp_path)
    monkeypatch.setattr(opening, "LARGEST", 10)
    with pytest.raises(UserError, match="more than 0 MiB"):
        read_network(text)


def test_a_file_that_cannot_be_read_is_told(negative, monkeypatch):
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        read_network(negative)


def test_an_onnx_file_is_no_matter_for_another_runtime(tmp_path):
    with pytest.raises(UserError, match="is run by ONNX Runtime; leave --runtime litert out"):
        open_network(tmp_path / "mine.onnx", runtime="litert")


def test_an_onnx_file_is_looked_at_as_well(tmp_path):
    pytest.importorskip("onnxruntime")
    broken = tmp_path / "broken.onnx"
    for content, message in ((b"", "it is empty"), (b"no network", "ONNX Runtime cannot read it")):
        broken.write_bytes(content)
        with pytest.raises(UserError, match=f"not a keras_vst network.*{message}"):
            open_network(broken)
    with pytest.raises(UserError, match="its checksum is not the one on its card"):
        open_network(broken, sha256="0" * 64)
    with pytest.raises(UserError, match="no network file"):
        open_network(tmp_path / "missing.onnx")


def test_nothing_is_said_on_stderr_while_a_network_opens_and_paints(negative):
    program = (
        "import sys, numpy as np; from keras_vst.networks import open_network;"
        "open_network(sys.argv[1]).paint(np.zeros((64, 64, 3), np.uint8))"
    )
    done = subprocess.run([sys.executable, "-c", program, negative], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
