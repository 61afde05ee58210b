"""Names of sources and sinks: what is taken, what help and documents say of it, and how a new one is added."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from edge import sinks, sources
from edge.address import parse_address
from keras_vst.video import Sink, Source, TimedFrame, VideoInfo


def test_without_a_style_it_paints_with_the_first_and_says_so(vst, bundled):
    status, _, err = vst("live", "test:?size=64x48&duration=0.1", "--sink", "null", "--threads", 1)
    assert status == 0, err
    assert err.startswith("vst: painting with dark; `vst styles` lists what there is\n")


def test_a_new_source_and_a_new_sink_are_one_small_class_each(vst, bundled, monkeypatch):
    class Grey(Source):
        def __init__(self, address):
            self.info, self._level = VideoInfo(48, 32), int(address.rest)

        def __iter__(self):
            yield TimedFrame(np.full((32, 48, 3), self._level, np.uint8), Fraction(0))

    class Level(Sink):
        def __init__(self, address, info, options):
            self._size = info.width, info.height

        def write(self, frame):
            print(*self._size, frame.pixels.mean())

    monkeypatch.setitem(sources.SCHEMES, "grey", Grey)
    monkeypatch.setitem(sinks.SCHEMES, "level", Level)
    status, out, _ = vst("live", "grey:55", "--sink", "level", "--style", "dark", "--threads", 1)
    assert (status, out) == (0, "48 32 200.0\n")


@pytest.mark.parametrize("kind", [sources, sinks])
def test_help_and_documents_name_every_source_and_every_sink(vst, kind):
    documents = Path(__file__).parents[2] / "docs" / "live.md"
    helped, documented = vst("live", "--help")[1], documents.read_text(encoding="utf-8")
    assert kind.TABLE in helped
    for scheme in set(kind.SCHEMES) - {"file", "-"}:
        assert re.search(rf"\b{scheme}:", kind.TABLE), f"{scheme}: is not in the table of the help"
        assert re.search(rf"`[^`|]*\b{scheme}:", documented), f"{scheme}: is not in docs/live.md"


@pytest.mark.parametrize("kind", [sources, sinks])
def test_the_help_promises_no_name_that_is_not_taken(kind):
    names = " ".join(line[:46] for line in kind.TABLE.splitlines())
    found = set(re.findall(r"(?<![\w.=/])([a-z]{2,}):", names))
    assert len(found) > 5
    assert found <= set(kind.SCHEMES)


@pytest.mark.parametrize(("heading", "kind"), [("| source |", sources), ("| sink |", sinks)])
def test_the_tables_of_the_readme_name_what_is_taken(heading, kind):
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rows = text.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    taken = {parse_address(name, kind.SCHEMES, "name").scheme for name in names}
    assert set(kind.SCHEMES) - {"rtsps", "rtmps", "https", "tcp", "srt"} <= taken
