"""What stylize and live write into files, and that nothing leaves the machine while they work."""

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from edge.cli import build_parser
from edge.live_painter import LivePainter, open_live_painter
from edge.output import Output
from keras_vst import __version__
from keras_vst.video import VideoInfo
from keras_vst.video.provenance import SOURCE_TYPE
from tests.conftest import write_picture as draw_to
from tests.edge.conftest import NETWORKS
from tests.edge.live_fakes import HEIGHT, WIDTH, FakeSink, frame
from tests.keras_vst.clips import grey_steps, write_clip
from tests.keras_vst.test_video_provenance import IPTC, packet

REPOSITORY = Path(__file__).parents[2]
SAID = (
    f"Painted by keras_vst {__version__} with the network dark:0.75,light:0.25 "
    "(Dark, Nobody, 1900; Light, Nobody, 1900)"
)
MIX = ("--style", "dark:0.75,light:0.25")


def comment(path: Path) -> str | None:
    with av.open(str(path)) as container:
        return {key.lower(): value for key, value in container.metadata.items()}.get("comment")


def test_what_is_painted_says_network_style_version_and_source_type(vst, bundled, clip, tmp_path):
    photo = draw_to(tmp_path / "photo.png", seed=1)
    split = tmp_path / "split.png"
    assert vst("stylize", clip, "-o", tmp_path / "out.mp4", *MIX, "--before-after", split)[0] == 0
    assert vst("stylize", photo, "-o", tmp_path / "out.jpg", *MIX)[0] == 0
    assert comment(tmp_path / "out.mp4") == SAID
    for file in ("out.mp4", "out.jpg", "split.png"):
        said = packet((tmp_path / file).read_bytes())
        assert said["description"] == SAID
        assert said[f"{IPTC}DigitalSourceType"] == SOURCE_TYPE
        assert said[f"{IPTC}AISystemVersionUsed"] == __version__


def test_every_file_of_a_folder_says_it(vst, bundled, clip, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(clip, folder / "clip.mp4")
    draw_to(folder / "photo.png", seed=1)
    assert vst("stylize", folder, "-o", f"{tmp_path}/out/", *MIX)[0] == 0
    assert {packet(file.read_bytes())["description"] for file in (tmp_path / "out").iterdir()} == {SAID}


def test_no_metadata_leaves_it_out(vst, bundled, clip, tmp_path):
    for target in ("out.mp4", "out.mkv", "out.gif"):
        assert vst("stylize", clip, "-o", tmp_path / target, *MIX, "--no-metadata")[0] == 0
    assert vst("stylize", clip, "-o", f"{tmp_path}/frames/", *MIX, "--no-metadata")[0] == 0
    for file in (file for file in tmp_path.rglob("out*") if file.is_file()):
        assert b"DigitalSourceType" not in file.read_bytes()
        assert b"Painted by" not in file.read_bytes()
    assert b"xmpmeta" not in (tmp_path / "frames" / "000000.png").read_bytes()


def test_a_network_file_of_ones_own_is_named(vst, negative, clip, tmp_path):
    assert vst("stylize", clip, "-o", tmp_path / "out.mkv", "--model", negative)[0] == 0
    assert comment(tmp_path / "out.mkv") == f"Painted by keras_vst {__version__} with the network negative"


def test_what_live_writes_says_it_too(vst, bundled, clip, tmp_path):
    assert vst("live", clip, "--sink", tmp_path / "out.mp4", *MIX)[0] == 0
    assert comment(tmp_path / "out.mp4") == SAID
    assert vst("live", clip, "--sink", tmp_path / "bare.mp4", *MIX, "--no-metadata")[0] == 0
    assert comment(tmp_path / "bare.mp4") is None


def segment(path: Path) -> bytes:
    """MPEG-TS without the head of each packet."""
    content = path.read_bytes()
    return b"".join(content[place + 4 : place + 188] for place in range(0, len(content), 188))


def test_the_service_of_a_stream_in_segments_says_it(vst, bundled, clip, tmp_path):
    for folder, options in (("told", ()), ("bare", ("--no-metadata",))):
        assert vst("live", clip, "--sink", f"hls:{tmp_path / folder}/", *MIX, *options)[0] == 0
    told, bare = (segment(next((tmp_path / name).glob("*.ts"))) for name in ("told", "bare"))
    assert SAID.encode() in told
    assert SOURCE_TYPE.encode() in told
    assert b"keras_vst" not in bare


@pytest.fixture
def watched(bundled, tmp_path):
    """A painter of `light` that is steered, and its output: `kept(...)` is what lies in its folder."""
    folder = tmp_path / "kept"
    folder.mkdir()

    def begin(*arguments: str) -> tuple[LivePainter, Output, Path]:
        options = build_parser(["live"]).parse_args(["live", "--style", "light", *arguments])
        painter = open_live_painter(options)
        info = VideoInfo(WIDTH, HEIGHT, fps=Fraction(25), origin="camera:0")
        return painter, Output(FakeSink(), info, painter, folder, lambda: 0.0), folder

    return begin


def show(painter: LivePainter, output: Output, frames: range) -> None:
    for index in frames:
        output.write(painter.repaint(frame(index)), 0, 0.0)


@pytest.mark.parametrize(("then", "network"), [("light", "light"), ("dark", "dark, light")])
def test_a_recording_names_the_styles_that_there_were_while_it_ran(watched, then, network):
    painter, output, folder = watched()
    painter.controls.apply({"style": "plain"})
    show(painter, output, range(0, 3))  # before it
    painter.controls.apply({"style": "light"})
    show(painter, output, range(3, 30))
    painter.controls.apply({"record": True})
    show(painter, output, range(30, 33))
    painter.controls.apply({"style": then})
    show(painter, output, range(33, 60))
    painter.controls.apply({"record": False})
    painter.controls.apply({"style": "plain"})
    show(painter, output, range(60, 63))
    (file,) = folder.iterdir()
    said = packet(file.read_bytes())
    assert said[f"{IPTC}AISystemUsed"] == f"keras_vst: {network}"
    assert comment(file) == f"Painted by keras_vst {__version__}"  # written when nobody knew yet


def test_a_snapshot_of_a_frozen_picture_names_the_style_that_it_is_of(watched):
    painter, output, folder = watched()
    painter.controls.apply({"freeze": True})
    show(painter, output, range(1))
    painter.controls.apply({"style": "plain"})
    show(painter, output, range(1, 3))
    painter.controls.apply({"snapshot": True})
    show(painter, output, range(3, 4))
    (file,) = folder.iterdir()
    assert packet(file.read_bytes())[f"{IPTC}AISystemUsed"] == "keras_vst: light"


def test_without_metadata_nothing_that_is_kept_says_it(watched):
    painter, output, folder = watched("--no-metadata")
    painter.controls.apply({"record": True, "snapshot": True})
    show(painter, output, range(3))
    output.close()
    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".mp4", ".png"]
    assert not any(b"keras_vst" in file.read_bytes() for file in files)


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a network namespace of its own that has no interface, not even a loopback that is up."""
    command = ["unshare", "-rn", sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def may_unshare() -> bool:
    """Whether this kernel lets a user have a network namespace."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="the kernel gives no network namespace")
def test_stylize_and_live_need_no_network_at_all(tmp_path):
    look = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    proof = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", look], capture_output=True, text=True, check=False
    )
    assert "Network is unreachable" in proof.stderr  # there is none to be had

    target = tmp_path / "out.mp4"
    film = write_clip(tmp_path / "in.mp4", grey_steps(5), sound="aac")
    painted = alone("stylize", film, "-o", target, "--model", NETWORKS / "negative.tflite", "--json")
    assert (painted.returncode, painted.stderr) == (0, "")
    assert json.loads(painted.stdout)["frames"] == 5
    shown = alone("live", f"loop:{film}", "--sink", "null:", "--style", "great-wave", "--seconds", "1")
    assert shown.returncode == 0
    assert " frames in " in shown.stderr
