from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from keras_vst.errors import UserError, hushed, run_command, without_passwords

ROOT = Path(__file__).parents[2]


def fail():
    raise UserError("There is no such picture.")


def interrupted():
    raise KeyboardInterrupt


def test_what_the_work_returns_is_the_status(capsys):
    assert run_command("tool", lambda: 1) == 1
    assert capsys.readouterr() == ("", "")


def test_a_mistake_is_one_line_and_status_two(capsys):
    assert run_command("tool", fail) == 2
    assert capsys.readouterr() == ("", "tool: There is no such picture.\n")


def test_a_mistake_shows_its_traceback_on_request():
    with pytest.raises(UserError, match="no such picture"):
        run_command("tool", fail, debug=True)


def test_ctrl_c_is_one_line_and_status_130(capsys):
    assert run_command("tool", interrupted, stopped="stopped; nothing was left.") == 130
    assert capsys.readouterr() == ("", "tool: stopped; nothing was left.\n")


def test_a_library_that_fails_since_it_was_interrupted_is_ctrl_c_too(capsys):
    def work() -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("numpy is broken") from error

    assert run_command("tool", work) == 130
    assert capsys.readouterr().err == "tool: stopped.\n"


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_an_end_signal_is_ctrl_c_for_as_long_as_the_work_lasts(kind):
    before = signal.getsignal(kind)
    assert run_command("tool", lambda: os.kill(os.getpid(), kind) or 0) == 130
    assert signal.getsignal(kind) is before


def test_a_second_hangup_does_not_disturb_the_tidying_up():
    tidied = []

    def work() -> int:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            tidied.append(True)
        return 0

    assert (run_command("tool", work), tidied) == (130, [True])


def test_what_nohup_has_us_ignore_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_command("tool", lambda: os.kill(os.getpid(), signal.SIGHUP) or 0) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_does_not_change_the_status():
    program = (
        "import sys; from keras_vst.errors import run_command\n"
        "def work(): raise KeyboardInterrupt\n"
        "sys.exit(run_command('tool', work))"
    )
    with Path("/dev/full").open("wb") as gone:
        assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=gone).returncode == 130


def test_a_thread_may_run_a_command_too():
    found = []
    thread = threading.Thread(target=lambda: found.append(run_command("tool", lambda: 0)))
    thread.start()
    thread.join()
    assert found == [0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://me:secret@cam/x and http://a:b@c:80/d@e", "rtsp://cam/x and http://c:80/d@e"),
        ("http://:se@cret@host:8080", "http://host:8080"),
        ("udp://@:5000 http://[::1]:80/a@b C:\\me:x@y", "udp://@:5000 http://[::1]:80/a@b C:\\me:x@y"),
    ],
)
def test_a_password_in_an_address_is_not_shown(text, shown):
    assert without_passwords(text) == shown


WITHOUT = """
import sys
sys.modules.update({name: None for name in ("tensorflow", "keras", "tf_keras", "matplotlib", "PIL", "tensorboard")})
import importlib
sys.exit(importlib.import_module(sys.argv[1]).main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("training.fit", ("--recipe", "smoke", "--style", "PICTURE", "--dry-run")),
        ("training.fit", ("--recipe", "smoke", "--style", "PICTURE", "--run", "OUT/run")),
        ("training.evaluate", ("--model", "run.keras", "--style", "PICTURE", "--report", "OUT/score")),
        ("export.__main__", ("--run", "PICTURE", "--out", "OUT/out")),
    ],
)
def test_what_needs_tensorflow_says_how_to_get_it(module, arguments, tmp_path, painting):
    words = [word.replace("PICTURE", str(painting)).replace("OUT", str(tmp_path)) for word in arguments]
    command = [sys.executable, "-c", WITHOUT, module, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.endswith(" is not installed here; run: pip install 'keras-vst[train]'.\n")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_module_of_ours_that_is_missing_is_a_defect():
    def work() -> int:
        raise ModuleNotFoundError("No module named 'edge.brush'", name="edge.brush")

    with pytest.raises(ModuleNotFoundError):
        run_command("tool", work)


def test_chatter_is_kept_off_stderr():
    program = (
        "import os; from keras_vst.errors import hushed\n"
        "with hushed(): os.write(2, b'chatter')\n"
        "os.write(2, b'news')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
    assert done.stderr == b"news"


@pytest.mark.parametrize(("debug", "told"), [(False, b"ours\nnews"), (True, b"chatterours\nnews")])
def test_a_command_lets_only_its_own_lines_through_and_its_childrens(debug, told):
    program = (
        "import os, subprocess; from keras_vst.errors import own_stderr, run_command, tell\n"
        "child = lambda: subprocess.run('echo ours >&2', shell=True, stderr=own_stderr()).returncode\n"
        f"run_command('x', lambda: os.write(2, b'chatter') and child(), debug={debug})\n"
        "os.write(2, b'news')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
    assert done.stderr == told


def test_what_another_thread_says_meanwhile_is_heard(capfd):
    """stderr is the whole process's: a network that is opened beside the frame loop may not silence it."""
    hushing, said = threading.Event(), threading.Event()

    def speak() -> None:
        hushing.wait(5)
        os.write(2, b"the disk is full\n")
        said.set()

    speaker = threading.Thread(target=speak)
    speaker.start()
    with hushed():
        hushing.set()
        said.wait(5)
    speaker.join()
    assert capfd.readouterr().err == "the disk is full\n"
