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
from keras_vst import __version__

REPOSITORY = Path(__file__).parents[2]
MOST_FILES = 19  # of keras_vst and edge, that `vst stylize` of a clip with sound may go through
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a matter of glibc")


def python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def test_the_version_is_told_by_the_module_run_as_a_program():
    command = [sys.executable, "-m", "edge", "--version"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"vst {__version__}\n")


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


def refused(vst, *arguments: object) -> str:
    status, out, err = vst(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    return err


@pytest.mark.parametrize(
    "arguments",
    [
        ("stylize", "", "-o", "out.mp4"),
        ("stylize", " ", "-o", "out.mp4"),
        ("stylize", "clip.mp4", "-o", ""),
        ("live", ""),
        ("live", "test:", "--sink", ""),
        ("web", "--build", ""),
        ("",),
    ],
)
def test_a_variable_that_is_not_set_names_no_file(vst, arguments):
    assert refused(vst, *arguments).startswith("vst: an argument is empty; perhaps a variable is not set")


def test_an_option_without_its_value_is_named(vst):
    message = refused(vst, "stylize", "clip.mp4", "-o", "out.mp4", "--style=")
    assert message.startswith("vst: --style is empty; perhaps a variable is not set")


@pytest.mark.parametrize(
    ("command", "twice"),
    [
        (("stylize", "clip.mp4", "-o", "out.mp4"), ("--style", "a", "--style", "b")),
        (("stylize", "clip.mp4", "-o", "out.mp4"), ("--style=a", "--style=a")),
        (("live", "test:"), ("--fps", 30, "--fps", 60)),
        (("live", "test:", "--quality", "live"), ("--sink", "null:", "--sink", "web:")),
        (("bench",), ("--threads", 1, "--threads", 2)),
    ],
)
def test_an_option_that_comes_twice_is_refused(vst, command, twice):
    name = str(twice[0]).partition("=")[0]
    assert refused(vst, *command, *twice).startswith(f"vst: {name} came twice; leave one out")


def test_a_short_and_a_long_name_are_one_option(vst):
    message = refused(vst, "stylize", "clip.mp4", "-o", "a.mp4", "--output", "b.mp4")
    assert message.startswith("vst: --output came twice")


def test_a_switch_may_be_repeated(vst, bundled, clip, tmp_path):
    switches = ("--keep-color", "--keep-color", "--quiet", "--quiet")
    assert vst("stylize", clip, "-o", tmp_path / "out.mp4", "--style", "dark", *switches)[0] == 0


WALK = """
import inspect, json, sys
sys.modules.update(tensorflow=None, keras=None, tf_keras=None)
from edge.cli import main
assert main(sys.argv[1:]) == 0
ours = [module for name, module in sys.modules.items() if name.split(".")[0] in ("edge", "keras_vst")]
bare = "def ", "class "
crossed = [each for each in ours if any(word in inspect.getsource(each) for word in bare)]
print(json.dumps(sorted(each.__name__ for each in crossed)))
"""


def test_stylize_goes_through_few_files_and_needs_no_tensorflow(clip, negative, tmp_path):
    target = tmp_path / "out.mp4"
    done = python(WALK, "stylize", clip, "-o", target, "--model", negative)
    assert (done.returncode, done.stderr) == (0, "")
    assert target.stat().st_size > 0
    crossed = json.loads(done.stdout.splitlines()[-1])
    assert len(crossed) <= MOST_FILES, crossed
    assert not [name for name in crossed if name.startswith(("edge.live", "edge.web", "edge.sinks"))]


def test_a_mistake_shows_its_origin_only_when_asked(bundled, clip, tmp_path):
    arguments = ["stylize", str(clip), "-o", str(tmp_path / "out.mp4"), "--style", "qqq"]
    assert main(arguments) == 2
    with pytest.raises(Exception, match="no style 'qqq'"):
        main([*arguments, "--debug"])


def test_a_defect_of_ours_is_one_line_and_status_1(vst, monkeypatch):
    def fail(options):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(stylize, "open_painter", fail)
    told = "vst: unexpected ZeroDivisionError: division by zero; run again with --debug to see where.\n"
    assert vst("stylize", "in.mp4", "-o", "out.mp4") == (1, "", told)
    with pytest.raises(ZeroDivisionError):
        vst("stylize", "in.mp4", "-o", "out.mp4", "--debug")


def test_ctrl_c_is_status_130(vst, monkeypatch):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(stylize, "open_painter", stop)
    told = "vst: stopped; nothing unfinished was left behind.\n"
    assert vst("stylize", "in.mp4", "-o", "out.mp4") == (130, "", told)


def test_a_reader_that_has_seen_enough_is_no_mistake():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "edge", "styles"]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_pipe_goes_in_and_out_by_its_name_and_a_pause_does_not_hold_up_ctrl_c(bundled):
    """The reader takes one picture and no more; Ctrl-C ends it all the same."""
    model, picture = bundled / "dark" / "dark.tflite", bytes([50]) * (64 * 48 * 3)
    command = [sys.executable, "-m", "edge", "live", "-?size=64x48&live=1", "--sink", "-?format=rgb24"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*command, "--model", str(model), "--threads", "1"],
        cwd=REPOSITORY, stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(picture)
        process.stdin.flush()
        assert process.stdout.read(len(picture)) == bytes([205]) * len(picture)
        for _ in range(40):  # more than the pipe holds
            process.stdin.write(picture)
            process.stdin.flush()
            time.sleep(0.005)
        time.sleep(0.2)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert time.monotonic() - start < 3
        assert b"frames in" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


FAULTS = """
import resource, sys
import numpy as np
from edge.cli import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def pictures():
    for _ in range(20):
        kept = [np.ones(720 * 1280 * 3, np.uint8) for _ in range(6)]
pictures()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
pictures()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@on_linux
def test_pictures_that_come_and_go_are_no_new_pages_each_time():
    kept, as_it_was = (int(python(FAULTS, how).stdout) for how in ("kept", "as it was"))
    assert kept < 0.1 * as_it_was


THREADS = """
import sys, threading
import numpy as np
from edge.cli import keep_freed_memory
keep_freed_memory(int(sys.argv[1]))
gate, one = threading.Barrier(13), threading.Lock()
def picture():
    with one:
        np.ones(20 * 2**20, np.uint8)
    gate.wait()
threads = [threading.Thread(target=picture) for _ in range(12)]
for each in threads: each.start()
gate.wait()
for each in threads: each.join()
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@on_linux
def test_what_many_threads_let_go_is_kept_in_few_heaps():
    few, many = (int(python(THREADS, heaps).stdout) for heaps in (2, 64))
    assert few < 0.5 * many
