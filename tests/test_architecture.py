"""An architecture of one's own, as soon as LIVE has a row and RULES its new layer; and the files that are crossed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.__main__ import main as export
from export.formats import to_onnx
from keras_vst import models
from keras_vst.config import RunConfig, StudentConfig
from keras_vst.errors import UserError
from keras_vst.layers import DepthToSpace
from keras_vst.networks import open_network
from tests.conftest import draw_picture
from tests.training.runs import NO_VGG16, tiny, tiny_vgg16, write_config
from training import loop
from training.fit import main as fit


def build_contrast(config: StudentConfig, batch_size: int | None = None) -> keras.Model:
    """Paints by what two convolutions at an eighth of the size differ in: no part of it is a student's."""
    frame = layers.Input((None, None, 3), batch_size=batch_size, name="frame")
    seen = layers.Conv2D(config.channels[0], 8, 8, activation="relu6", name="look")(frame)
    more, less = (layers.Conv2D(192, 3, padding="same", name=name)(seen) for name in ("more", "less"))
    painted = DepthToSpace(8, name="unfold")(layers.Subtract(name="differ")([more, less]))
    stylized = layers.Activation("sigmoid", dtype="float32", name="stylized")(painted)
    return keras.Model({"frame": frame}, {"stylized": stylized}, name="student")


@pytest.fixture
def contrast(monkeypatch):
    """What a new architecture adds."""
    monkeypatch.setitem(models.LIVE, "contrast", build_contrast)
    rule = lambda graph, layer, inputs: graph.add("Sub", inputs, f"{layer.name}/difference")  # noqa: E731
    monkeypatch.setitem(to_onnx.RULES, layers.Subtract, rule)
    monkeypatch.setattr(loop, "load_vgg16", tiny_vgg16)


def test_a_new_architecture_is_trained_exported_and_painted_with(contrast, photos, painting, tmp_path):
    config = tiny("painting", "schedule.steps=2", "student.family=contrast", "student.channels=8,8,8")
    run, out, frame = tmp_path / "mine", tmp_path / "out", draw_picture(5, 48, 64)
    words = ["--config", write_config(tmp_path / "tiny.json", config), "--style", str(painting), "--photos"]
    assert fit([*words, str(photos), "--no-export", "--quiet", "--run", str(run)]) == 0
    formats = ["--formats", "tflite,onnx,savedmodel", "--precisions", "fp32,int8", "--quick"]
    export(["--run", str(run), "--out", str(out), *formats])
    card, report = (json.loads((out / name).read_text()) for name in ("card.json", "report.json"))
    assert card["architecture"] == "contrast-8-8-8-0"
    assert {key: each["passed"] for key, each in report["artifacts"].items()} == dict.fromkeys(
        ("network", "fp32", "int8", "onnx", "savedmodel"), True
    )
    painted = [open_network(out / f"mine.{end}").paint(frame).astype(int) for end in ("tflite", "onnx")]
    assert np.abs(painted[0] - painted[1]).max() <= 1
    assert painted[0].std() > 1


def test_a_family_that_nobody_knows_is_told_by_those_that_are_known():
    with pytest.raises(UserError, match=r"`student.family` is one of student. Received: 'u-net'"):
        models.build_network(RunConfig(student=StudentConfig(family="u-net")))


WALK = """
import inspect, json, sys
from importlib import import_module
status = import_module(sys.argv[1]).main(sys.argv[2:])
packages = "training", "export", "keras_vst"
ours = [module for name, module in sys.modules.items() if name.split(".")[0] in packages]
crossed = [each for each in ours if any(word in inspect.getsource(each) for word in ("def ", "class "))]
print(json.dumps([status, sorted(each.__name__ for each in crossed)]))
"""


def crossed(module: str, *words: object) -> list[str]:
    """The project's files behind one command, but for those that only re-export."""
    command = [sys.executable, "-c", WALK, module, *map(str, words)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    status, found = json.loads(done.stdout.splitlines()[-1])
    assert status in (0, 1)  # a network of two steps paints nothing that the gate would let pass
    return found


def test_training_and_export_go_through_few_files(photos, painting, tmp_path):
    config = write_config(
        tmp_path / "tiny.json", tiny("painting", *NO_VGG16, "loss.field=0", "schedule.steps=2")
    )
    words = ["--config", config, "--style", painting, "--photos", photos, "--no-export", "--quiet"]
    assert len(fit_files := crossed("training.fit", *words, "--run", tmp_path / "run")) <= 37, fit_files
    assert not [name for name in fit_files if name.startswith(("keras_vst.video", "training.data.clips"))]
    words = ["--run", tmp_path / "run", "--out", tmp_path / "out", "--quick", "--precisions", "fp32"]
    assert len(export_files := crossed("export.__main__", *words)) <= 35, export_files
