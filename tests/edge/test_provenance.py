"""What stylize and live write into files, and that nothing leaves the machine while they work."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from keras_vst import __version__
from keras_vst.video.provenance import SOURCE_TYPE
from tests.conftest import write_picture as draw_to
from tests.edge.conftest import NETWORKS
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
