"""Networks from runs and SavedModels: what is taken over, and what is refused without being run."""

from __future__ import annotations

import json
import shutil

import keras
import pytest

from export.formats import to_savedmodel
from export.source import load
from keras_vst.config import StudentConfig
from keras_vst.errors import UserError
from keras_vst.models.student import build_student
from tests.export.networks import CONFIG, assert_same_network, good, make_run


@pytest.fixture(scope="module")
def student():
    return good()


@pytest.fixture(scope="module")
def run(student, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "mine", student)


@pytest.fixture(scope="module")
def saved(student, tmp_path_factory):
    """The SavedModel of version 1."""
    folder, record = tmp_path_factory.mktemp("models") / "1", {"recipe": "painting", "seed": 11, "foreign": 1}
    to_savedmodel.write(student, CONFIG, folder, "two", record)
    return folder


def test_a_run_gives_its_running_mean_and_its_record(run, student):
    source = load(run)
    assert_same_network(source.network, student)
    assert source.config == CONFIG
    told = {"sha256": "ab" * 32, "recipe": "smoke", "seed": 11, "steps": 4}
    assert {key: source.record[key] for key in told} == told
    assert source.record["config"]["student"]["num_blocks"] == 1
    assert source.record["versions"]["keras"] == keras.__version__


def test_settings_of_training_that_this_version_does_not_know_are_no_obstacle(run, tmp_path):
    copied = shutil.copytree(run, tmp_path / "old")
    record = json.loads((run / "config.json").read_text())
    record["config"]["data"] = {"colours": 3}
    (copied / "config.json").write_text(json.dumps(record))
    assert load(copied).config == CONFIG


def test_weights_that_cannot_be_read_or_are_of_another_student_are_refused(run, tmp_path):
    copied = shutil.copytree(run, tmp_path / "run")
    other = build_student(StudentConfig(channels=(4, 4, 8), num_blocks=0))
    other.save_weights(tmp_path / "other.weights.h5")
    for data in (b"", b"\x89HDF\r\n\x1a\n", (tmp_path / "other.weights.h5").read_bytes()):
        (copied / "student.weights.h5").write_bytes(data)
        with pytest.raises(UserError, match="cannot be read as a network"):
            load(copied)


def test_a_savedmodel_gives_the_network_that_was_exported(saved, student):
    for path in (saved, saved.parent):  # the version itself, or the folder of versions
        source = load(path)
        assert_same_network(source.network, student)
        assert source.config == CONFIG
        assert source.record["recipe"] == "painting"
        assert "foreign" not in source.record


def test_of_several_versions_the_newest_is_taken(saved, tmp_path):
    for version in ("2", "10"):
        shutil.copytree(saved, tmp_path / version)
    manifest = json.loads((tmp_path / "10" / to_savedmodel.MANIFEST).read_text())
    (tmp_path / "10" / to_savedmodel.MANIFEST).write_text(json.dumps({**manifest, "record": {"seed": 10}}))
    assert load(tmp_path).record["seed"] == 10


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "nothing is there"),
        (lambda path: path.mkdir(), "a folder of something else"),
        (lambda path: path.write_bytes(b"TFL3"), "another file"),
    ],
)
def test_what_is_no_network_is_said_to_be_none(tmp_path, make, found):
    make(tmp_path / "thing")
    with pytest.raises(UserError, match=f"thing is not a run directory, .*{found}"):
        load(tmp_path / "thing")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda record: "{", "cannot be read as a run"),
        (lambda record: json.dumps({**record, "config": 7}), "cannot be read as a run"),
        (lambda record: json.dumps({**record, "config": {"student": 7}}), "is a section of keys"),
        (lambda record: "[]", "cannot be read as a run"),
    ],
)
def test_a_run_whose_record_was_spoiled_is_refused(run, tmp_path, spoil, reason):
    copied = shutil.copytree(run, tmp_path / "run")
    (copied / "config.json").write_text(spoil(json.loads((run / "config.json").read_text())))
    with pytest.raises(UserError, match=reason):
        load(copied)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"config": {"channels": [4, 5, 10**9]}}, "channels is 1000000000, at most 512"),
        ({"config": {"colours": 3}}, "no setting `student.colours`"),
        ({"weights": []}, "stem/kernel"),
        ({"weights": ["stem/kernel"] * 500}, "cannot be read as a network"),
        ({"weights": 3}, "cannot be read as a network"),
        ({"record": []}, "cannot be read as a network"),
    ],
)
def test_a_savedmodel_whose_manifest_was_spoiled_is_refused(saved, tmp_path, values, reason):
    copied = shutil.copytree(saved, tmp_path / "1")
    manifest = json.loads((saved / to_savedmodel.MANIFEST).read_text())
    (copied / to_savedmodel.MANIFEST).write_text(json.dumps({**manifest, **values}))
    with pytest.raises(UserError, match=reason):
        load(copied)


def test_a_savedmodel_of_someone_else_is_refused_and_not_loaded(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("tensorflow.saved_model.load", pytest.fail)
    copied = shutil.copytree(saved, tmp_path / "1")
    (copied / to_savedmodel.MANIFEST).unlink()
    with pytest.raises(UserError, match=r"not one of ours: it has no usable .*student\.json"):
        load(copied)
    (copied / to_savedmodel.MANIFEST).write_text(" " * (to_savedmodel.MOST_MANIFEST + 1))
    with pytest.raises(UserError, match="not one of ours"):
        load(copied)


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_savedmodel_whose_weights_break_off_is_refused(saved, tmp_path, name, share):
    copied = shutil.copytree(saved, tmp_path / "1")
    data = (saved / "variables" / name).read_bytes()
    (copied / "variables" / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match="damaged, incomplete"):
        load(copied)


def test_reading_a_savedmodel_runs_no_graph(saved, tmp_path):
    copied = shutil.copytree(saved, tmp_path / "1")
    (copied / "saved_model.pb").write_bytes(b"whatever someone put here")
    assert load(copied).config == CONFIG
