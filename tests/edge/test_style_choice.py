import pytest

from edge.cli import build_parser
from edge.learning import Learning
from edge.style_choice import chosen_parts, free_name, parse_shares, select_parts
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.preview import read_painting
from tests.keras_vst.networks.networks import write_style


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("wave", {"wave": 1.0}),
        ("wave:0.25", {"wave": 0.25}),
        ("wave:0.5, night:0.3", {"wave": 0.5, "night": 0.3}),
        ("wave,night", {"wave": 0.5, "night": 0.5}),
        ("wave:0.5,night,dance", {"wave": 0.5, "night": 0.25, "dance": 0.25}),
        ("wave:1,night", {"wave": 1.0, "night": 0.0}),
    ],
)
def test_shares_are_read(text, shares):
    assert parse_shares(text) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no style"),
        ("wave,", "names no style"),
        (":0.5", "names no style"),
        ("wave,wave", "names a style twice"),
        ("wave:much", "a share is a number from 0 to 1, but 'much' came"),
        ("wave:-0.1", "'-0.1' came"),
        ("wave:nan", "'nan' came"),
        ("wave:1.5", "'1.5' came"),
        ("wave:0,night:0", "are all 0"),
        ("wave:0.7,night:0.4", "add up to 1.1; they may add up to 1 at most"),
    ],
)
def test_shares_that_make_no_sense_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_shares(text)


def test_a_style_leads_to_its_file(bundled):
    ((style, share),) = select_parts("light", None)
    assert (style.path, share) == (bundled / "light" / "light.tflite", 1.0)


def test_a_file_of_ones_own_is_known_by_its_name(bundled, negative):
    ((style, _),) = select_parts(None, negative)
    assert (style.name, style.path, style.sha256) == ("negative", negative, None)
    ((beside_a_card, _),) = select_parts(None, bundled / "dark" / "dark.tflite")
    assert beside_a_card.sha256 is not None


def choose(*arguments: object) -> object:
    options = build_parser().parse_args(["stylize", "in.png", "-o", "out.png", *map(str, arguments)])
    return chosen_parts(options)


def test_a_painting_is_a_style_of_its_own_and_said_to_be_a_preview(painting, capsys):
    ((style, share),) = choose("--painting", painting)
    assert (style.name, share) == ("painting", 1.0)
    told = capsys.readouterr().err
    assert told.startswith(f"vst: a preview of {painting}: ")
    assert told.endswith(f"in its colours; `vst learn {painting}` learns it properly\n")


@pytest.mark.parametrize("more", [("--style", "scream"), ("--model", "x.tflite"), ("--quality", "film")])
def test_a_painting_leaves_no_room_for_another_style(painting, more):
    with pytest.raises(UserError, match="--painting makes a style of its own"):
        choose("--painting", painting, *more)


def test_a_name_that_a_style_has_is_not_given_again():
    assert free_name("fresh") == "fresh"
    assert free_name("scream", "scream-2") == "scream-3"


def test_a_painting_that_was_learned_is_painted_with_what_was_learned(painting, own, capsys, monkeypatch):
    learning = Learning(read_painting(painting), "mine")
    learning.run.mkdir(parents=True)
    (learning.run / "config.json").write_text('{"finished": true}')
    write_style(own, "mine", zoo.find_style("scream").path)
    ((style, _),) = choose("--painting", painting)
    assert (style.name, style.content) == ("mine", None)
    assert capsys.readouterr().err == f"vst: {painting} was learned as mine; painting with that\n"
