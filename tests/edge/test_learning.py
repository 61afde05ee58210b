"""One painting being learned: where it lies, what the process is told, and that nothing is lost whatever ends it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from edge import learning as module
from edge.learning import Learning, Wishes, learned_as
from keras_vst import zoo
from keras_vst.errors import UserError
from tests.conftest import draw_picture
from tests.edge.learners import PRETENDER


@pytest.fixture(autouse=True)
def pretend(own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "TRAINER", PRETENDER)
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    return own


def learning(name: str = "mine", seed: int = 1, **wishes: object) -> Learning:
    return Learning(draw_picture(seed), name, Wishes(**wishes))


def told(one: Learning) -> list[str]:
    return json.loads((one.run / "told.json").read_text())


def wait_for(path: Path) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


def test_a_painting_is_learned_from_its_preview_and_installed(own):
    one = learning(minutes=3.0)
    one.start(quietly=True)
    assert one.wait() == 0
    assert zoo.find_style("mine").own
    arguments = told(one)
    assert "--resume" not in arguments
    assert arguments[arguments.index("--minutes") + 1] == "3.0"
    assert (
        Path(arguments[arguments.index("--init") + 1]).stat().st_size
        == zoo.find_style("scream").path.stat().st_size
    )
    assert Path(arguments[arguments.index("--style") + 1]).is_file()
    assert [style.name for style in zoo.styles() if style.own] == ["mine"]  # the learning itself is no style


@pytest.mark.parametrize("name", ["mine", "opus"])
def test_what_was_stopped_has_saved_and_goes_on_under_any_name(monkeypatch, name):
    monkeypatch.setenv("PRETEND", "wait")
    one = learning()
    one.start(quietly=True)
    wait_for(one.run / "ready")
    one.stop()
    assert (one.status, (one.run / "checkpoint").read_text()) == (130, "saved")
    monkeypatch.setenv("PRETEND", "finish")
    again = learning(name)
    again.start(quietly=True)
    assert again.wait() == 0
    assert "--resume" in told(again)
    assert "--init" not in told(again)
    assert zoo.find_style(name).own


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").is_file(), reason="needs sessions that are weighed, as Linux does"
)
@pytest.mark.parametrize(("quietly", "niceness"), [(True, "nice 19"), (False, "nice 0")])
def test_live_pictures_go_before_what_is_learned_quietly(monkeypatch, quietly, niceness):
    monkeypatch.setenv("PRETEND", "wait")
    one = learning()
    one.start(quietly=quietly)
    wait_for(one.run / "ready")
    told_of = Path(f"/proc/{one._process.pid}/autogroup").read_text()
    one.stop()
    assert told_of.endswith(f"{niceness}\n")


def test_what_was_learned_is_learned_further_from_where_it_stood():
    for _ in range(2):
        one = learning()
        one.start(quietly=True)
        assert one.wait() == 0
    assert "--resume" not in told(one)
    assert (one.folder / "begin.tflite").read_bytes() == zoo.find_style("scream").path.read_bytes()


def test_what_was_learned_goes_the_way_of_its_style(vst, own):
    one, other = learning(), Learning(draw_picture(2), "opus")
    one.start(quietly=True)
    assert one.wait() == 0
    other.run.mkdir(parents=True)  # begun, and not learned to its end
    vst("styles", "--rename", one.name, "opus")
    assert learned_as(one.painting) == "opus"
    vst("styles", "--remove", "opus")
    assert (one.folder.exists(), other.run.exists()) == (False, True)


@pytest.mark.parametrize(
    ("rows", "better"),
    [([], False), ([2.0], False), ([2.0, 1.9], True), ([2.0, 2.5], False), ([2.0, 2.5, 1.7, 1.75], True)],
)
def test_only_what_comes_nearer_to_the_painting_is_better(rows, better):
    one = learning()
    one.run.mkdir(parents=True)
    text = "".join(json.dumps({"step": 1, "style": value - 0.5, "palette": 0.5}) + "\n" for value in rows)
    (one.run / "metrics.jsonl").write_text(text + '{"torn')
    assert one.better is better


def test_two_do_not_learn_one_picture(monkeypatch):
    monkeypatch.setenv("PRETEND", "wait")
    one = learning()
    one.start(quietly=True)
    try:
        with pytest.raises(UserError, match="mine is being learned already"):
            learning().start(quietly=True)
        other = learning("other", seed=2)  # another picture may be learned beside it
        other.start(quietly=True)
        other.stop()
    finally:
        one.stop()
    once_more = learning()
    once_more.start(quietly=True)
    once_more.stop()


def test_a_crash_tells_its_last_line_and_keeps_the_folder(monkeypatch):
    monkeypatch.setenv("PRETEND", "crash")
    one = learning()
    one.start(quietly=True)
    assert one.wait() == 2
    assert one.reason() == "training.fit: VGG16 cannot be fetched; give --vgg16 FILE."
    assert (one.folder / "painting.png").is_file()


def test_a_zoo_that_cannot_be_written_is_told_before_anything_is_learned(own):
    own.write_text("a file where the zoo should be")
    with pytest.raises(UserError, match="nothing can be learned into"):
        learning().start(quietly=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_zoo_is_told(own):
    own.mkdir()
    own.chmod(0o500)
    with pytest.raises(UserError, match="you may not write there"):
        learning().start(quietly=True)


def test_a_full_disk_is_one_line_and_leaves_no_lock(monkeypatch):
    def full(path, content):
        raise UserError(f"cannot write {path}: the disk is full; free some space or write elsewhere.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_whole", full)
        with pytest.raises(UserError, match="the disk is full"):
            learning().start(quietly=True)
    one = learning()
    one.start(quietly=True)
    assert one.wait() == 0


def test_without_tensorflow_the_command_that_brings_it_is_told(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"run: pip install 'keras-vst\[train\]'. Until then --painting shows a preview"
    ):
        learning().start(quietly=True)


@pytest.mark.parametrize(
    ("name", "line"), [("a/b", "expected letters"), ("scream", "comes with the package")]
)
def test_names_that_cannot_be_are_refused(name, line):
    with pytest.raises(UserError, match=line):
        learning(name)
