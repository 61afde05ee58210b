"""A .keras file may come from anywhere: what is no student of ours is refused, and nothing in it is run."""

from __future__ import annotations

import json
import warnings
import zipfile

import keras
import pytest

from export.source import load
from keras_vst.config import StudentConfig
from keras_vst.errors import UserError
from keras_vst.layers import instance_norm
from keras_vst.models.student import build_student
from tests.export.networks import CONFIG, assert_same_network, good


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def keras_file(student, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "wave.keras"
    student.save(path)
    return path


def rewrite(origin, path, **members):
    """A copy of a .keras file with members replaced, or added; None leaves one out."""
    names = {"config": "config.json", "weights": "model.weights.h5"}
    replaced = {names.get(name, name): data for name, data in members.items()}
    with zipfile.ZipFile(origin) as old, zipfile.ZipFile(path, "w") as new:
        for name in {**dict.fromkeys(old.namelist()), **replaced}:
            data = replaced.get(name, old.read(name) if name in old.namelist() else None)
            if data is not None:
                new.writestr(name, data)
    return path


def described(origin):
    with zipfile.ZipFile(origin) as archive:
        return json.loads(archive.read("config.json"))


@pytest.mark.parametrize("batch_size", [None, 1])
def test_a_keras_file_gives_the_network_that_was_saved(tmp_path, student, batch_size):
    stored = build_student(CONFIG, batch_size)
    stored.set_weights(student.get_weights())
    stored.save(tmp_path / "wave.keras")
    source = load(tmp_path / "wave.keras")
    assert_same_network(source.network, student)
    assert source.config == CONFIG
    assert (source.record["recipe"], source.record["steps"]) == ("", None)
    assert source.record["versions"] == {"keras": keras.__version__}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not an archive"])
def test_a_keras_file_that_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "bad.keras").write_bytes(data)
    with pytest.raises(UserError, match=r"bad\.keras cannot be read as a network: .*zip"):
        load(tmp_path / "bad.keras")


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_keras_file_that_breaks_off_is_refused(keras_file, tmp_path, share):
    data = keras_file.read_bytes()
    (tmp_path / "bad.keras").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match="damaged, incomplete or of another version"):
        load(tmp_path / "bad.keras")


@pytest.mark.parametrize("name", ["../../evil.py", "/etc/evil", "assets/evil.pkl"])
def test_an_archive_that_holds_more_than_keras_writes_is_refused(keras_file, tmp_path, name):
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = rewrite(keras_file, tmp_path / "a" / "b" / "bad.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"evil")
    with pytest.raises(UserError, match=r"foreign in it: .*evil"):
        load(path)
    assert [entry.name for entry in tmp_path.rglob("*") if entry.is_file()] == ["bad.keras"]


def test_a_member_that_is_there_twice_or_not_at_all_is_refused(keras_file, tmp_path):
    twice = rewrite(keras_file, tmp_path / "twice.keras")
    with zipfile.ZipFile(twice, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's own, about the duplicate
        archive.writestr("config.json", b"{}")
    with pytest.raises(UserError, match=r"foreign in it: 'config\.json'"):
        load(twice)
    with pytest.raises(UserError, match=r"missing in it: 'model\.weights\.h5'"):
        load(rewrite(keras_file, tmp_path / "none.keras", weights=None))


def test_a_member_that_would_fill_the_memory_is_refused_before_it_is_read(keras_file, tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(keras_file) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("metadata.json", old.read("metadata.json"))
        new.writestr("config.json", b" " * (1 << 24))
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
    with pytest.raises(UserError, match=r"too large in it: 'config\.json'"):
        load(path)


def with_layer(origin, path, layer):
    description = described(origin)
    layers = description["config"]["layers"]
    index = next(index for index, old in enumerate(layers) if old["name"] == "stylized")
    layers[index] = {**layers[index], **layer}
    return rewrite(origin, path, config=json.dumps(description))


@pytest.mark.parametrize(
    "layer",
    [
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "registered_name": None,
            "config": {
                "name": "stylized",
                "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}},
            },
        },
        {"module": "os", "class_name": "system", "registered_name": "os>system", "config": "touch evil"},
        {"module": "builtins", "class_name": "function", "registered_name": "eval", "config": {}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "registered_name": None, "config": {}},
    ],
)
def test_a_layer_that_could_run_something_is_named_and_not_made(keras_file, tmp_path, layer, monkeypatch):
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", pytest.fail)
    monkeypatch.setattr(keras.saving, "load_model", pytest.fail)
    path = with_layer(keras_file, tmp_path / "evil.keras", layer)
    kind = layer["registered_name"] or layer["class_name"]
    with pytest.raises(UserError, match=rf"its layer 'stylized' is a '{kind}'.*Nothing in it was run"):
        load(path)


def test_a_class_of_someone_else_is_never_made(keras_file, tmp_path):
    made = []

    @keras.saving.register_keras_serializable("elsewhere")
    class Eavesdrop(keras.layers.Layer):
        def __init__(self, **options):
            made.append(options)
            super().__init__(**options)

    layer = {"module": None, "class_name": "Eavesdrop", "registered_name": "elsewhere>Eavesdrop"}
    with pytest.raises(UserError, match="'elsewhere>Eavesdrop', expected 'Activation'"):
        load(with_layer(keras_file, tmp_path / "evil.keras", layer))
    assert made == []


def test_another_keras_network_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, instance_norm("breathes")(inputs)).save(tmp_path / "other.keras")
    with pytest.raises(UserError, match="no usable 'stem'"):
        load(tmp_path / "other.keras")


def changed(description, name, **config):
    layer = next(layer for layer in description["config"]["layers"] if layer["name"] == name)
    layer["config"].update(config)
    return description


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda found: changed(found, "down_8", strides=[1, 1]), r"'down_8' has strides=\[1, 1\]"),
        (lambda found: changed(found, "stem_relu", max_value=None), "'stem_relu' has max_value=None"),
        (lambda found: changed(found, "up_4", block=4), "'up_4' has block=4, expected 2"),
        (lambda found: changed(found, "paint", activation="tanh"), "'paint' has activation='tanh'"),
        (lambda found: changed(found, "stem", filters=10**9), "channels is 1000000000, at most 512"),
        (lambda found: changed(found, "stem", filters="4"), "number of channels: '4'"),
        (lambda found: changed(found, "stem", filters=-4), "needs three positive numbers"),
        (lambda found: found["config"].update(output_layers={}) or found, "its output_layers are {}"),
        (lambda found: found["config"]["layers"].pop() and found, "its layers are not those of a student"),
        (lambda found: found["config"].pop("layers") and found, "no usable 'layers'"),
        (lambda found: [], "no usable"),
        (lambda found: None, "no usable"),
        (lambda found: {"config": {"layers": [1, 2]}}, "no usable"),
    ],
)
def test_a_description_that_is_not_a_student_s_is_refused_with_what_differs(
    keras_file, tmp_path, spoil, reason
):
    path = rewrite(keras_file, tmp_path / "bad.keras", config=json.dumps(spoil(described(keras_file))))
    with pytest.raises(UserError, match=reason):
        load(path)


def test_a_layer_that_reads_something_else_is_noticed(keras_file, tmp_path):
    description = described(keras_file)
    layers = {layer["name"]: layer for layer in description["config"]["layers"]}
    layers["skip_2"]["inbound_nodes"] = layers["skip_4"]["inbound_nodes"]
    with pytest.raises(UserError, match=r"'skip_2' reads .*up_4"):
        load(rewrite(keras_file, tmp_path / "bad.keras", config=json.dumps(description)))


def test_a_key_that_another_keras_does_not_write_is_no_difference(keras_file, tmp_path):
    description = described(keras_file)
    for layer in description["config"]["layers"]:
        layer["config"].pop("groups", None)
        layer["config"]["news"] = 1
    assert load(rewrite(keras_file, tmp_path / "old.keras", config=json.dumps(description))).config == CONFIG


def test_descriptions_nested_without_end_are_refused(keras_file, tmp_path):
    with pytest.raises(UserError, match="recursion"):
        load(rewrite(keras_file, tmp_path / "deep.keras", config="[" * 100_000))


def test_weights_that_cannot_be_read_or_are_of_another_student_are_refused(keras_file, tmp_path):
    other = build_student(StudentConfig(channels=(4, 4, 8), num_blocks=0))
    other.save_weights(tmp_path / "other.weights.h5")
    for data in (b"", b"\x89HDF\r\n\x1a\n", (tmp_path / "other.weights.h5").read_bytes()):
        with pytest.raises(UserError, match="cannot be read as a network"):
            load(rewrite(keras_file, tmp_path / "bad.keras", weights=data))
