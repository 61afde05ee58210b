from __future__ import annotations

from fractions import Fraction

import pytest

from edge.address import Address, parse_address
from keras_vst.errors import UserError

SCHEMES = ("camera", "test", "rtsp", "-", "file")


def parse(text: str) -> Address:
    return parse_address(text, SCHEMES, "source")


@pytest.mark.parametrize(
    ("text", "scheme", "rest"),
    [
        ("0", "camera", "0"),
        ("camera:2", "camera", "2"),
        ("test:", "test", ""),
        ("test", "test", ""),
        ("./test", "file", "./test"),
        ("file", "file", "file"),
        ("-", "-", ""),
        ("clip.mp4", "file", "clip.mp4"),
        ("C:\\clip.mp4", "file", "C:\\clip.mp4"),
        ("2024", "file", "2024"),  # a folder of that name rather than camera 2024
        ("take:one.mp4", "file", "take:one.mp4"),
        ("./test:", "file", "./test:"),
        ("what?.mp4", "file", "what?.mp4"),
    ],
)
def test_a_name_is_taken_apart(text: str, scheme: str, rest: str) -> None:
    address = parse(text)
    assert (address.scheme, address.rest, dict(address.options)) == (scheme, rest, {})


def test_options_follow_a_question_mark() -> None:
    address = parse("test:smptebars?size=320x180&fps=30000/1001&live=0")
    assert address.rest == "smptebars"
    assert address.size() == (320, 180)
    assert address.number("fps", Fraction(1)) == Fraction(30000, 1001)
    assert not address.flag("live", True)


def test_the_query_of_a_server_stays_in_its_address() -> None:
    address = parse("rtsp://camera/stream?channel=1&size=no")
    assert address.text.endswith("?channel=1&size=no")
    assert not address.options


def test_an_unknown_scheme_lists_those_that_are_known() -> None:
    with pytest.raises(UserError, match=r"gopher://x is not a source known here; .*camera.*rtsp"):
        parse("gopher://x")


@pytest.mark.parametrize("text", ["test:?size", "-?size=4x4&&"])
def test_options_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="key=value"):
        parse(text)


def test_wrong_values_are_named() -> None:
    address = parse("test:?size=4x0&fps=-1&live=yes&colour=red")
    with pytest.raises(UserError, match=r"WIDTHxHEIGHT like 640x360, but '4x0' came"):
        address.size()
    with pytest.raises(UserError, match="fps is a number above 0, but '-1' came"):
        address.number("fps", Fraction(30))
    with pytest.raises(UserError, match="live is 0 or 1, but 'yes' came"):
        address.flag("live", True)
    with pytest.raises(
        UserError, match="option 'colour', which is not known there; it takes size, fps, live"
    ):
        address.check_options("size", "fps", "live")
