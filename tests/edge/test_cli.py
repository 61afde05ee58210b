import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge import stylize
from edge.cli import main
from keras_vst import __version__, zoo
from tests.keras_vst.networks.networks import write_style

REPOSITORY = Path(__file__).parents[2]


def test_the_version_is_told(vst):
    assert vst("--version") == (0, f"vst {__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("paint",), ("stylize",), ("stylize", "in.mp4")])
def test_an_incomplete_command_is_told_in_one_line(vst, arguments):
    status, out, err = vst(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("vst: ")
    assert "--help`" in err


def test_the_help_explains_what_the_output_name_means(vst):
    status, out, _ = vst("stylize", "--help")
    assert status == 0
    assert "a name ending in /" in out


def test_styles_are_listed_one_a_line(vst, bundled):
    status, out, err = vst("styles")
    assert (status, err) == (0, "")
    assert out.splitlines()[:2] == [
        "dark   Dark, Nobody, 1900",
        "light  Light, Nobody, 1900",
    ]


def test_styles_are_listed_as_json(vst, bundled):
    status, out, _ = vst("styles", "--json")
    assert status == 0
    assert json.loads(out)[2] == {
        "name": "plain",
        "title": "Plain",
        "artist": "Nobody",
        "year": 1900,
        "quality": "live",
        "architecture": "other",
        "own": False,
    }


def test_ones_own_styles_are_listed_too_and_what_is_broken_is_told(vst, bundled, own, negative):
    write_style(own, "mine", negative)
    write_style(own, "dark", negative)
    write_style(own, "torn", negative, files={})
    status, out, err = vst("styles")
    assert (status, out.splitlines()[-1]) == (0, "mine   Mine, Nobody, 1900 (your own)")
    assert err.count("\n") == 2
    assert "dark has the name of a style that comes with the package; rename it" in err
    assert "`files` has no 'fp32'" in err


def test_a_command_imports_what_it_needs_and_no_more():
    program = (
        "import sys; from edge.cli import main\n"
        "try: main(['stylize', '--help'])\n"
        "except SystemExit: print([name for name in sys.modules if name.startswith(('edge.live', 'edge.web'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_empty_zoo_lists_nothing(vst, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    assert vst("styles") == (0, "", "")
    assert vst("styles", "--json") == (0, "[]\n", "")


def test_a_mistake_shows_its_origin_only_when_asked(bundled, clip, tmp_path):
    arguments = ["stylize", str(clip), "-o", str(tmp_path / "out.mp4"), "--style", "qqq"]
    assert main(arguments) == 2
    with pytest.raises(Exception, match="no style 'qqq'"):
        main([*arguments, "--debug"])


def test_a_defect_of_ours_is_one_line_and_status_1(vst, monkeypatch):
    def fail(options):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(stylize, "open_painter", fail)
    status, out, err = vst("stylize", "in.mp4", "-o", "out.mp4")
    assert (status, out) == (1, "")
    assert (
        err == "vst: unexpected ZeroDivisionError: division by zero; run again with --debug to see where.\n"
    )
    with pytest.raises(ZeroDivisionError):
        vst("stylize", "in.mp4", "-o", "out.mp4", "--debug")


def test_ctrl_c_is_status_130(vst, monkeypatch):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(stylize, "open_painter", stop)
    status, out, err = vst("stylize", "in.mp4", "-o", "out.mp4")
    assert (status, out) == (130, "")
    assert err == "vst: stopped; nothing unfinished was left behind.\n"


def test_a_reader_that_has_seen_enough_is_no_mistake(bundled):
    program = (
        "import sys; from pathlib import Path; from keras_vst import zoo; zoo.ROOT = Path(sys.argv[1]);"
        "from edge.cli import main; sys.exit(main(['styles']))"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(bundled)],
            cwd=REPOSITORY,
            stdout=writer,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_at_the_edge_needs_tensorflow(bundled, clip, tmp_path):
    program = (
        "import sys; from pathlib import Path;"
        "sys.modules.update(tensorflow=None, keras=None, tf_keras=None);"
        "from keras_vst import zoo; zoo.ROOT = Path(sys.argv[1]);"
        "from edge.cli import main; sys.exit(main(['styles']) or main(sys.argv[2:]))"
    )
    arguments = ["stylize", str(clip), "-o", str(tmp_path / "out.mp4"), "--style", "dark"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(bundled), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("dark ")
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--version"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"vst {__version__}\n")


def test_a_pipe_goes_in_and_out_by_its_name_and_a_pause_does_not_hold_up_ctrl_c(bundled):
    """The reader takes one picture and no more; Ctrl-C ends it all the same."""
    model, picture = bundled / "dark" / "dark.tflite", bytes([50]) * (64 * 48 * 3)
    command = [sys.executable, "-m", "edge", "live", "-?size=64x48&live=1", "--sink", "-?format=rgb24"]
    process = subprocess.Popen(
        [*command, "--model", str(model), "--threads", "1"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(picture)
        process.stdin.flush()
        assert process.stdout.read(len(picture)) == bytes([205]) * len(picture)
        for _ in range(40):  # more than the pipe holds
            process.stdin.write(picture)
            process.stdin.flush()
            time.sleep(0.01)
        time.sleep(0.3)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - start < 3
        assert b"frames in" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()
