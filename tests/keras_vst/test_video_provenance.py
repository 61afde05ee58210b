import struct
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import cv2
import numpy as np
import pytest

from keras_vst.video import Provenance, TimedFrame, VideoInfo, open_sink, open_source
from keras_vst.video.picture_head import moves
from keras_vst.video.pieces import join
from keras_vst.video.provenance import SOURCE_TYPE
from tests.conftest import draw_picture

MADE_BY = Provenance("great-wave:0.7,<b>:0.3", 'The "Great" Wave & more, Hokusai, 1831')
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
PICTURES = (".png", ".jpg", ".webp")
CLIPS = (".mp4", ".mov", ".mkv", ".webm", ".gif")


def write(path: Path, made_by: Provenance | None, count: int = 1, width: int = 61) -> Path:
    is_clip = path.suffix in CLIPS
    info = VideoInfo(width, 45, fps=Fraction(25), frames=count, is_image=not is_clip)
    with open_sink(path, info, made_by=made_by) as sink:
        for index in range(count):
            sink.write(TimedFrame(draw_picture(index, 45, width), Fraction(index, 25)))
    return path


def packet(content: bytes) -> dict[str, str]:
    """The one XMP packet of a file, its attributes by name."""
    assert content.count(b"<x:xmpmeta") == 1
    xml = content[content.index(b"<x:xmpmeta") : content.index(b"</x:xmpmeta>") + len(b"</x:xmpmeta>")]
    described = ElementTree.fromstring(xml)[0][0]
    return {**described.attrib, "description": "".join(described.itertext()).strip()}


@pytest.mark.parametrize("extension", [*PICTURES, ".mp4", ".mov", ".gif"])
def test_a_file_says_what_made_it_in_a_packet_that_is_xml(tmp_path, extension):
    said = packet(write(tmp_path / f"out{extension}", MADE_BY).read_bytes())
    assert said[f"{IPTC}DigitalSourceType"] == SOURCE_TYPE
    assert said[f"{IPTC}AISystemUsed"] == f"keras_vst: {MADE_BY.network}"
    assert said["description"] == MADE_BY.told()
    assert MADE_BY.style in MADE_BY.told()


@pytest.mark.parametrize("extension", CLIPS)
def test_a_clip_plays_as_it_did_and_has_a_comment_that_players_show(tmp_path, extension):
    plain = write(tmp_path / f"plain{extension}", None, count=5)
    marked = write(tmp_path / f"marked{extension}", MADE_BY, count=5)
    with open_source(plain) as before, open_source(marked) as after:
        assert not after.ends_early
        for one, other in zip(before, after, strict=True):
            assert one.time == other.time
            np.testing.assert_array_equal(one.pixels, other.pixels)
    with av.open(str(marked)) as container:
        if extension != ".gif":
            assert container.metadata.get("comment") == MADE_BY.told() or (
                container.metadata["COMMENT"] == MADE_BY.told()
            )
        if extension in (".mkv", ".webm"):
            assert SOURCE_TYPE in container.metadata.values()


@pytest.mark.parametrize("extension", [*PICTURES, *CLIPS])
def test_without_provenance_nothing_of_it_is_written(tmp_path, extension):
    content = write(tmp_path / f"out{extension}", None).read_bytes()
    assert b"xmpmeta" not in content
    assert b"keras_vst" not in content


@pytest.mark.parametrize("extension", PICTURES)
def test_the_pixels_of_a_picture_stay(tmp_path, extension):
    plain, marked = (
        cv2.imread(str(write(tmp_path / f"{name}{extension}", made_by)))
        for name, made_by in (("plain", None), ("marked", MADE_BY))
    )
    np.testing.assert_array_equal(plain, marked)
    assert not moves(tmp_path / f"marked{extension}")


@pytest.mark.parametrize("quality", [80, 101])  # above 100 it is lossless, and another kind of file
@pytest.mark.parametrize("channels", [3, 4])
def test_a_simple_webp_becomes_an_extended_one_of_the_same_size(quality, channels):
    picture = np.random.default_rng(0).integers(0, 256, (45, 61, channels), np.uint8)
    plain = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    marked = MADE_BY.marked(plain, ".webp")
    assert marked[12:16] == b"VP8X"
    assert struct.unpack("<I", marked[4:8])[0] == len(marked) - 8
    sides = [int.from_bytes(marked[place : place + 3], "little") + 1 for place in (24, 27)]
    assert sides == [61, 45]
    as_read = [
        cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) for content in (plain, marked)
    ]
    np.testing.assert_array_equal(*as_read)


def test_in_a_jpeg_exif_stays_first():
    plain = cv2.imencode(".jpg", draw_picture(0, 32, 32))[1].tobytes()
    exif = b"\xff\xe1\x00\x0cExif\0\0MM\0*"
    marked = MADE_BY.marked(plain[:2] + exif + plain[2:], ".jpg")
    assert marked.startswith(b"\xff\xd8" + exif)
    assert marked.index(b"<x:xmpmeta") < marked.index(b"\xff\xdb")


def test_every_frame_of_a_folder_says_it_and_the_folder_is_still_ours(tmp_path):
    info = VideoInfo(61, 45, fps=Fraction(25), frames=2)
    for _ in range(2):  # the second time it is replaced
        with open_sink(f"{tmp_path}/frames/", info, made_by=MADE_BY) as sink:
            for index in range(2):
                sink.write(TimedFrame(draw_picture(index, 45, 61), Fraction(index, 25)))
    for file in sorted((tmp_path / "frames").iterdir()):
        assert packet(file.read_bytes())[f"{IPTC}DigitalSourceType"] == SOURCE_TYPE


def test_what_is_no_picture_is_left_as_it_is():
    for extension in (".png", ".jpg", ".webp", ".gif", ".txt"):
        assert MADE_BY.marked(b"something else", extension) == b"something else"


@pytest.mark.parametrize("extension", PICTURES)
def test_another_reader_finds_the_packet(tmp_path, extension):
    image = pytest.importorskip("PIL.Image")
    with image.open(write(tmp_path / f"out{extension}", MADE_BY)) as picture:
        packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    assert (packet.decode() if isinstance(packet, bytes) else packet) == MADE_BY.xmp().decode()


def test_another_reader_still_plays_the_gif_for_ever(tmp_path):
    image = pytest.importorskip("PIL.Image")
    with image.open(write(tmp_path / "out.gif", MADE_BY, count=3)) as picture:
        assert (picture.n_frames, picture.info["loop"], picture.size) == (3, 0, (61, 45))


def test_what_is_joined_of_pieces_says_what_they_say(tmp_path):
    for extension in (".mp4", ".mkv"):
        pieces = [write(tmp_path / f"{number}{extension}", MADE_BY, count=5, width=64) for number in range(2)]
        join([pieces[0]], tmp_path / f"out{extension}", None, Fraction(1, 12800))
        with av.open(str(tmp_path / f"out{extension}")) as container:
            assert MADE_BY.told() in container.metadata.values()
        if extension == ".mp4":
            assert packet((tmp_path / "out.mp4").read_bytes())["description"] == MADE_BY.told()
