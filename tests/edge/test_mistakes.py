"""Every mistake of a user ends with status 2, one line that says what to do, and no file left behind."""

from pathlib import Path

import pytest

from tests.conftest import write_picture as draw_to
from tests.keras_vst.clips import flat, names, write_clip, write_tone


@pytest.fixture
def refused(vst, bundled, out):
    """Run `vst stylize IN -o OUT` and return the one line it says."""

    def run(source: object, target: object = None, *options: object, style: str = "plain") -> str:
        target = out / "out.mp4" if target is None else target
        chosen = () if "--model" in options else ("--style", style)
        status, printed, err = vst("stylize", source, "-o", target, *chosen, *options)
        assert (status, printed) == (2, "")
        assert err.startswith("vst: ")
        assert err.count("\n") == 1
        assert names(out) == []
        return err

    return run


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what cannot be painted."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "empty").mkdir()
    (folder / "empty.mp4").touch()
    (folder / "letter.mp4").write_text("Dear friend,\n" * 100)
    whole = write_clip(folder / "whole.m4v", [flat((9, 9, 9))] * 30)  # its index is at the end
    (folder / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    write_tone(folder / "song.m4a")
    return folder


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("missing.mp4", "out.mp4", "there is no file"),
        ("empty", "out.mp4", "holds no pictures"),
        ("empty", "done/", "holds no picture or clip that can be read"),
        ("empty.mp4", "out.mp4", "is empty"),
        ("letter.mp4", "out.mp4", "cannot be read as a clip"),
        ("cut.mp4", "out.mp4", "cut.mp4 cannot be read as a clip"),
        ("song.m4a", "out.mp4", "only sound"),
        ("photo.jpg", "out.png", "not a picture"),
    ],
)
def test_what_cannot_be_painted(refused, odd, out, source, target, message):
    assert message in refused(odd / source, f"{out.parent if target == 'done/' else out}/{target}")


def test_an_unknown_style_lists_the_known_ones(refused, clip):
    message = refused(clip, style="lihgt")
    assert "no style 'lihgt'; did you mean 'light'? Known: dark, light, plain." in message


def test_no_style_lists_the_known_ones(vst, bundled, clip, out):
    status, _, err = vst("stylize", clip, "-o", out / "out.mp4")
    assert (status, names(out)) == (2, [])
    assert err == "vst: which style? Add --style with one of: dark, light, plain.\n"


def test_a_mix_beside_a_file_such_as_an_int8_one(refused, clip, negative):
    message = refused(clip, None, "--model", negative, "--style", "dark,light")
    assert "--style chooses from the zoo, whose mixes run in fp32, and --model names one file" in message


def test_a_folder_of_the_zoo_that_is_broken_is_told_when_it_is_asked_for(refused, clip, bundled, vst, out):
    card = bundled / "light" / "card.json"
    card.write_text(card.read_text().replace('"fp32"', '"fp16"', 1))
    assert "`files` has no 'fp32'" in refused(clip, style="light")
    assert vst("stylize", clip, "-o", out / "out.mp4", "--style", "dark")[0] == 0  # others paint all the same


def test_before_and_after_in_place_of_the_output(refused, photos, out):
    message = refused(photos / "photo_0.png", out / "out.png", "--before-after", f"{out}/../out/out.png")
    assert "is the output itself" in message


def test_a_missing_output_folder(refused, clip, photos, tmp_path):
    for source, target in ((clip, "out.mp4"), (clip, "frames/"), (photos, "done/")):
        assert "create it first" in refused(source, f"{tmp_path}/nowhere/{target}")


def test_a_file_in_place_of_the_output_folder(refused, tmp_path, photos):
    (tmp_path / "done").touch()
    assert "is a file, but a folder was asked for" in refused(photos, f"{tmp_path}/done/")


def test_an_output_folder_that_is_the_input(refused, tmp_path):
    (tmp_path / "photos").mkdir()
    draw_to(tmp_path / "photos" / "a.png", seed=1)
    assert "it is the input itself" in refused(tmp_path / "photos", f"{tmp_path}/photos/")


def test_a_missing_model(refused, clip, tmp_path):
    assert "no network file" in refused(clip, None, "--model", tmp_path / "model.tflite")


def test_a_bundled_network_that_was_damaged(refused, clip, bundled):
    path = bundled / "plain" / "plain.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    assert "its checksum is not the one on its card" in refused(clip)


def test_a_runtime_that_is_not_installed(refused, clip):
    pytest.importorskip("ai_edge_litert")
    assert "pip install tflite-runtime" in refused(clip, None, "--runtime", "tflite-runtime")


def test_before_and_after_of_a_folder(refused, photos, tmp_path, out):
    message = refused(photos, f"{tmp_path}/done/", "--before-after", out / "split.png")
    assert "--before-after shows one clip or picture" in message


def test_a_size_within_the_margin(refused, clip):
    assert "leaves nothing inside a margin of 8" in refused(clip, None, "--size", "16x16")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "large"), "a size is written WIDTHxHEIGHT like 640x360, but 'large' came"),
        (("--size", "0x360"), "'0x360' came"),
        (("--strength", "2"), "a number from 0 to 1 is needed, but '2' came"),
        (("--strength", "half"), "'half' came"),
        (("--threads", "0"), "a whole number from 1 is needed, but '0' came"),
        (("--threads", "2147483648"), "at most 256 threads are started, but '2147483648' came"),
        (("--threads", "1" * 5000), "a whole number from 1 is needed"),
        (("--size", "99999x99999"), "more than 8K (7680x4320), but '99999x99999' came"),
        (("--before-after", "split.mp4"), "a picture is needed (.png .jpg .jpeg .webp)"),
        (("--runtime", "onnx"), "invalid choice: 'onnx'"),
        (("--start", "soon"), "a time is written 90, 1:30 or 0:01:30.5, but 'soon' came"),
        (("--duration", "-1"), "but '-1' came"),
        (("--duration", "0"), "--duration is a time above 0"),
        (("--start", "1:00"), "lasts 0.2 s, but --start asks for second 60"),
        (("--detail", "2"), "a number from 0 to 1 is needed, but '2' came"),
        (("--quality", "best"), "invalid choice: 'best'"),
        (("--quality", "film"), "there is no network of film quality in the zoo yet: train one with"),
        (("--crf", "low"), "invalid int value: 'low'"),
    ],
)
def test_an_option_that_makes_no_sense(refused, clip, options, message):
    assert message in refused(clip, None, *options)
