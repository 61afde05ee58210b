"""An exported SavedModel paints as the student that it was written from, alone and behind `vst serve`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.formats import to_savedmodel
from keras_vst.errors import UserError
from keras_vst.networks.keras import MANIFEST, KerasNetwork, SavedModelNetwork
from keras_vst.zoo import Style
from tests.conftest import draw_picture
from tests.export.networks import CONFIG, good


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def versions(student, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two versions."""
    folder = tmp_path_factory.mktemp("models") / "two"
    for version in ("9", "10"):
        to_savedmodel.write(student, CONFIG, folder / version, "two", {})
    return folder


def test_the_newest_version_paints_as_the_student_does(versions: Path, student) -> None:
    network, picture = SavedModelNetwork(versions), draw_picture(3, 32, 48)
    assert (network.path.name, network.name, network.margin) == ("10", "two", 8)
    expected = KerasNetwork(student).paint(picture)
    assert np.abs(network.paint(picture).astype(int) - expected).max() <= 1
    assert SavedModelNetwork(versions / "9").path.name == "9"


def test_it_is_served_like_any_style(versions: Path) -> None:
    pytest.importorskip("prometheus_client", reason="the server needs the extra `serve`")
    from edge.serve.limits import Limits
    from edge.serve.serving import Serving
    from tests.edge.serve.conftest import Running, frame_tensor

    network, picture = SavedModelNetwork(versions), draw_picture(3, 32, 48)
    styles = {"two": Style("two", network.path)}
    server = Running(lambda: Serving(styles, lambda parts: network, "test", 2, Limits()))
    try:
        told = server.infer("two", {"inputs": [frame_tensor(np.stack([picture] * 3))]}).told
        painted = np.reshape(told["outputs"][0]["data"], (3, 32, 48, 3))
        padded = np.pad(picture, ((8, 8), (8, 8), (0, 0)), mode="edge")
        assert np.array_equal(painted[2], network.paint(padded)[8:-8, 8:-8])
    finally:
        assert server.stop()


def test_what_cannot_be_served_is_one_line(versions: Path, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(UserError, match="holds no version"):
        SavedModelNetwork(tmp_path)
    copy = shutil.copytree(versions / "10", tmp_path / "1")
    (copy / "saved_model.pb").write_bytes(b"broken")
    with pytest.raises(UserError, match="TensorFlow cannot load it"):
        SavedModelNetwork(tmp_path)
    (copy / MANIFEST).write_text(json.dumps({"name": "two"}))
    with pytest.raises(UserError, match="no usable"):
        SavedModelNetwork(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    with pytest.raises(UserError, match=r"keras-vst\[train\]"):
        SavedModelNetwork(versions)
