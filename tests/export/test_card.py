"""What cards claim, held against the files beside them: of a miniature that is trained here, and of the whole zoo."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from pathlib import Path

import cv2
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import export.cli
from export import order
from export.anatomy import Anatomy
from export.gate import quality
from keras_vst import config as configuration
from keras_vst import features, zoo
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from keras_vst.revision import git_revision
from keras_vst.runs import RunDirectory
from tests.export.networks import TINY
from tests.training.runs import assert_equal_weights, tiny_vgg16
from training import fit, loop
from training.evaluation.cards import NETWORK, PEER_STYLES, Card, StyleCard

STEPS, SEED = 3, 11
REPOSITORY = Path(__file__).parents[2]
SCORES = {
    "style": 0.2,
    "content": 0.6,
    "warp": 0.02,
    "noise_flicker": 0.9,
    "shift_1": 0.04,
    "crop_consistency": 0.001,
}
ABOUT = """
[styles.painting]
name = "discs"
title = "Discs"
artist = "a test"
year = 2026
licence = "public domain"
[training]
command = '{command}'
machine = "wherever this test runs"
[data]
photos = "six drawn pictures"
"""


@pytest.fixture(scope="module")
def patched():
    """Small eyes and a small gate; random weights of three steps paint nearly one colour."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "load_vgg16", tiny_vgg16)
        patch.setattr(order, "QUICK", TINY)
        patch.setattr(features, "_download", _unreachable)
        patch.delenv(features.VGG16_VARIABLE, raising=False)
        patch.setattr("export.gate.cost.SLOWEST", dict.fromkeys(("fp32", "fp16", "int8"), 1000.0))
        patch.setitem(quality.UNSEEN, "flicker", 1.0)
        yield


def _unreachable():
    raise UserError("no network")


def train(command: str, run: Path) -> Path:
    """Run a card's command in this process, into another folder."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "training.fit"]
    assert fit.main([*words[3:], "--run", str(run), "--quiet"]) == 0
    return run


@pytest.fixture(scope="module")
def trained(patched, photos, painting, tmp_path_factory):
    words = [
        "python",
        "-m",
        "training.fit",
        "--recipe",
        "smoke",
        "--style",
        str(painting),
        "--photos",
        str(photos),
    ]
    settings = ("student.channels=4,4,8", "student.num_blocks=0", "student.state_channels=2", f"seed={SEED}")
    for setting in (*settings, f"schedule.steps={STEPS}"):
        words += ["--set", setting]
    command = shlex.join(words)
    return command, train(command, tmp_path_factory.mktemp("runs") / "mini")


@pytest.fixture(scope="module")
def shipped(trained, tmp_path_factory):
    """The run exported with its scores, as a network of the zoo is."""
    command, run = trained
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "about.toml").write_text(ABOUT.format(command=command))
    styles = [StyleCard("painting", {NETWORK: SCORES, "blurred": {"warp": 0.0}})]
    measured = Card("mini", "mini.tflite", 1, styles, {NETWORK: 20.0, PEER_STYLES: 95.0}, {})
    values = {"about": {"machine": "x86_64, 2 cores"}, "networks": [measured.to_dict()]}
    (folder / "score.json").write_text(json.dumps(values))
    words = [
        "--run",
        run,
        "--out",
        folder / "mini",
        "--precisions",
        "fp32,int8",
        "--quick",
        "--runtime",
        "litert",
    ]
    told = ["--about", folder / "about.toml", "--scores", folder / "score.json"]
    assert export.cli.main([str(word) for word in (*words, *told)]) == 0
    return folder / "mini"


def card_of(folder: Path) -> dict:
    return json.loads((folder / zoo.CARD).read_text(encoding="utf-8"))


def assert_files_are_true(folder: Path) -> None:
    files = card_of(folder)["files"]
    assert files
    for file in files.values():
        data = (folder / file["file"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def convolutions(path: Path, size: tuple[int, int]) -> list[tuple[tuple[int, ...], int]]:
    """Of each CONV_2D that the file runs at (height, width): its kernel (out, h, w, in), and its pixels."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=plain)
    for each in interpreter.get_input_details():
        batch, *rest = map(int, each["shape"])
        if len(rest) == 3:
            stride = 4 if "state" in each["name"] else 1
            shape = [batch, size[0] // stride, size[1] // stride, rest[-1]]
            interpreter.resize_tensor_input(each["index"], shape)
    interpreter.allocate_tensors()
    shapes = {each["index"]: tuple(map(int, each["shape"])) for each in interpreter.get_tensor_details()}
    return [
        (shapes[each["inputs"][1]], math.prod(shapes[each["outputs"][0]][:3]))
        for each in interpreter._get_ops_details()
        if each["op_name"] == "CONV_2D"
    ]


def assert_arithmetic_is_true(folder: Path) -> None:
    """Counted in the exact file itself, whatever the network that was exported looked like."""
    card = card_of(folder)
    path = folder / card["files"]["fp32"]["file"]
    width, height = map(int, card["gmacs"]["size"].split("x"))
    found = convolutions(path, (height, width))
    macs = sum(math.prod(kernel) * pixels for kernel, pixels in found)
    assert card["gmacs"]["value"] == pytest.approx(macs / 1e9, abs=5.1e-4)
    stored = Anatomy(path.read_bytes()).weight_types["FLOAT32"]
    # Of a network of one style the norms' gains go into the kernels; little else is stored that is not a parameter.
    assert 0.9 * card["parameters"] < stored < 1.02 * card["parameters"]
    student = present_student(card)
    if student is not None and kernels_of(student) == sorted(kernel for kernel, _ in found):
        assert card["parameters"] == sum(math.prod(weight.shape) for weight in student.weights)


def present_student(card: dict):
    """Built from the card's configuration as students are today; None where that is of another time."""
    try:
        config = configuration.from_dict({"student": card["training"]["config"]["student"]})
    except UserError:
        return None
    return build_student(config.student, batch_size=1)


def kernels_of(student) -> list[tuple[int, ...]]:
    """As TFLite stores them."""
    kernels = [layer.kernel.shape for layer in student.layers if type(layer).__name__ == "Conv2D"]
    return sorted((out, height, width, into) for height, width, into, out in kernels)


def test_size_checksum_and_arithmetic_of_a_miniature_are_true(shipped):
    assert set(card_of(shipped)["files"]) == {"fp32", "int8"}
    assert_files_are_true(shipped)
    assert_arithmetic_is_true(shipped)
    assert kernels_of(present_student(card_of(shipped)))


def test_a_miniature_is_told_as_it_was_trained_and_measured(shipped, trained, painting):
    card = card_of(shipped)
    digest = hashlib.sha256(painting.read_bytes()).hexdigest()
    assert [(style["name"], style["year"], style["sha256"]) for style in card["styles"]] == [
        ("discs", 2026, digest)
    ]
    training = card["training"]
    assert (training["recipe"], training["seed"], training["steps"]) == ("smoke", SEED, STEPS)
    assert training["config"]["student"]["channels"] == [4, 4, 8]
    assert training["versions"] == RunDirectory(trained[1]).record()["versions"]  # the revision among them
    assert training["versions"].get("git", "").removesuffix("-dirty") == (git_revision() or "").removesuffix(
        "-dirty"
    )
    assert card["scores"]["median"] == card["scores"]["styles"]["discs"] == SCORES
    assert card["scores"]["speed"]["milliseconds"] == {NETWORK: 20.0, PEER_STYLES: 95.0}
    assert card["scores"]["on"] == {"machine": "x86_64, 2 cores"}
    assert zoo.network_file(shipped / card["files"]["int8"]["file"]).styles[0].title == "Discs"


def test_parity_and_speed_of_a_miniature_were_measured(shipped):
    report = json.loads((shipped / "report.json").read_text())
    for precision in ("fp32", "int8"):
        checks = report["artifacts"][precision]["checks"]
        outcomes = {check["gate"]: check["outcome"] for check in checks if check.get("measured")}
        assert (outcomes["parity"], outcomes["speed"]) == ("passed", "passed")


def test_the_command_on_the_card_trains_the_same_network_again(shipped, trained, tmp_path):
    card = card_of(shipped)
    again = train(card["training"]["command"], tmp_path / "again")
    assert RunDirectory(again).record()["config"] == card["training"]["config"]
    assert_equal_weights(again, trained[1])


@pytest.mark.parametrize("network", zoo.networks(), ids=lambda network: network.name)
def test_every_card_of_the_zoo_shows_a_sheet_and_strips(network):
    for name in ("sheet", "strips"):
        picture = cv2.imread(str(REPOSITORY / network.card["pictures"][name]))
        assert picture is not None
        assert min(picture.shape[:2]) > 300


@pytest.mark.parametrize("network", zoo.networks(), ids=lambda network: network.name)
def test_every_card_of_the_zoo_is_true(network):
    assert_files_are_true(network.path.parent)
    if network.quality == "live":
        assert_arithmetic_is_true(network.path.parent)
