"""One painting being learned: its folder in the user's own zoo, and the process that learns in it, at low priority.

`.learning/<checksum of the picture>/` holds painting.png, begin.tflite (the preview, from which it begins), log.txt and
the run, a folder of the style's name.  The process is `python -m training.fit`, because the edge knows nothing of
TensorFlow; the two meet in this folder alone.  Whoever learns holds a lock on it that no crash leaves behind; a crash
leaves checkpoints, and the next to learn the same picture goes on from them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from keras_vst import zoo
from keras_vst.errors import UserError, own_stderr
from keras_vst.files import DISK_TROUBLE, disk_errors, hold, write_whole
from keras_vst.frames import Pixels
from keras_vst.networks.opening import child_environment
from keras_vst.preview import preview
from keras_vst.video.pictures import encode_picture
from keras_vst.zoo import is_name

FOLDER = ".learning"  # hidden, so that it is no style
INSTALL = "pip install 'keras-vst[train]'"
TRAINER = ("-m", "training.fit")
LIKENESS, NEARLY = ("style", "palette"), 1.05  # terms that compare with the painting; a batch is noisy
PATIENCE = 60.0  # seconds for a process that was told to end: it saves first


@dataclass(frozen=True)
class Wishes:
    """How a painting is to be learned."""

    minutes: float = 10.0
    photos: Path | None = None
    vgg16: Path | None = None


def learned_as(painting: Pixels) -> str | None:
    """The style of the user's own zoo that was learned from this painting to its end, if there is one."""
    for config in _folder(painting).glob("*/config.json"):
        name = config.parent.name
        if _read(config).get("finished") and (zoo.own_root() / name).is_dir():
            return name
    return None


def follow(name: str, new: str | None = None) -> None:
    """What was learned to its end as a style that is called `new` now, or is removed: goes the same way."""
    for run in list((zoo.own_root() / FOLDER).glob(f"*/{name}")):
        if not _read(run / "config.json").get("finished"):  # another picture, of which learning goes on
            continue
        with suppress(BlockingIOError), hold(run.parent / "lock"), disk_errors(run):
            if new is None:
                shutil.rmtree(run.parent)
            else:
                run.rename(run.with_name(new))


@dataclass
class Learning:
    """The learning of one painting."""

    painting: Pixels = field(repr=False)
    name: str
    wishes: Wishes = field(default_factory=Wishes)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _lock: IO[Any] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a name that is taken."""
        if not is_name(self.name):
            raise UserError(f"--name {self.name}: expected letters, digits, `-`, `_` and `.`.")
        if (zoo.ROOT / self.name).exists():
            raise UserError(f"{self.name} is the name of a style that comes with the package; add --name.")
        self.folder = _folder(self.painting)
        self.run = self.folder / self.name  # the run directory; export gives its name to the files
        self.begin = self.folder / "begin.tflite"  # the network that it begins with
        self.now = self.run / "now.tflite"  # the network as it is by now
        self.log = self.folder / "log.txt"  # what the process says, where nobody watches it

    @property
    def running(self) -> bool:
        """Whether the process is at work."""
        return self._process is not None and self._process.poll() is None

    @property
    def better(self) -> bool:
        """Whether what is learned is about as near to the painting as it has ever been.

        The first steps from a preview lead away from it: in a run of 40 the picture only lost contrast.
        """
        apart = []
        with suppress(OSError, ValueError, KeyError):
            for line in (self.run / "metrics.jsonl").read_text("utf-8").splitlines():
                row = json.loads(line)
                apart.append(sum(float(row[term]) for term in LIKENESS))
        return len(apart) > 1 and apart[-1] <= NEARLY * min(apart)

    @property
    def status(self) -> int | None:
        """With what it ended; None while it runs, or before."""
        return None if self._process is None else self._process.poll()

    def start(self, *, quietly: bool) -> None:
        """Begin, or go on where an earlier time was stopped; `quietly`: after whatever else runs, and into the log."""
        if find_spec("tensorflow") is None:
            raise UserError(
                f"learning a style needs TensorFlow; run: {INSTALL}. Until then --painting shows a preview."
            )
        self._prepare()
        command = [sys.executable, *TRAINER, *self._arguments()]
        with self.log.open("wb") if quietly else nullcontext() as said:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said or own_stderr(),
                    env=child_environment(),
                    start_new_session=True,  # Ctrl-C is ours to hand on, once
                    pass_fds=_held(self._lock),
                )
            except OSError as error:
                raise UserError(f"python -m training.fit could not be started: {error.strerror}.") from error
        if quietly:
            _lower(self._process)

    def wait(self) -> int:
        """Until it ends; Ctrl-C is handed on, and what it saves then is waited for."""
        assert self._process is not None
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            self._release()

    def stop(self) -> None:
        """Have it save and end; does nothing where it is not at work."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:  # its last checkpoint stays
                self._process.kill()
                self._process.wait()
        self._release()

    def reason(self) -> str:
        """Why it ended, in the last line it said."""
        with suppress(OSError):
            lines = [line.strip() for line in self.log.read_text("utf-8", "replace").splitlines()]
            told = [line for line in lines if line.startswith(("training.fit:", "export:"))]
            return (told or [line for line in lines if line] or ["nothing was said"])[-1]
        return "nothing was said"

    def _prepare(self) -> None:
        """The folder, locked, with the painting and what to begin with in it."""
        root = zoo.own_root()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.folder / "lock")
        except BlockingIOError as error:
            raise UserError(
                f"{self.name} is being learned already; wait for it, or stop the other one."
            ) from error
        except OSError as error:
            trouble = DISK_TROUBLE.get(error.errno or 0, error.strerror)
            raise UserError(f"nothing can be learned into {root}: {trouble}.") from error
        try:
            write_whole(self.folder / "painting.png", encode_picture(".png", self.painting))
            if not self._take_over():
                begin = preview(self.painting, self.name).content
                assert begin is not None
                write_whole(self.begin, begin)
        except BaseException:
            self._release()
            raise

    def _take_over(self) -> bool:
        """Whether something was learned of this picture before, under any name: it goes on under this one."""
        runs = [config.parent for config in self.folder.glob("*/config.json")]
        if runs and not self.run.exists():
            runs[0].rename(self.run)
        if learned_as(self.painting) == self.name:  # more of it: a new run begins with it
            write_whole(self.begin, self.now.read_bytes())
            shutil.rmtree(self.run)
        return bool(runs)

    def _arguments(self) -> list[str]:
        told = ["--run", str(self.run), "--install"]
        told += ["--vgg16", str(self.wishes.vgg16)] if self.wishes.vgg16 else []
        if (self.run / "config.json").is_file():
            return [*told, "--resume"]
        told += ["--style", str(self.folder / "painting.png"), "--init", str(self.begin)]
        told += ["--photos", str(self.wishes.photos)] if self.wishes.photos else []
        return [*told, "--minutes", str(self.wishes.minutes)]

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _folder(painting: Pixels) -> Path:
    content = repr(painting.shape).encode() + painting.tobytes()
    return zoo.own_root() / FOLDER / hashlib.sha256(content).hexdigest()[:16]


def _read(config: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(config.read_text("utf-8")))
    return {}


def _held(lock: IO[Any] | None) -> tuple[int, ...]:
    """The child holds the lock as well, so that it lasts as long as anybody learns, even if we are killed."""
    return (lock.fileno(),) if os.name == "posix" and lock is not None else ()


def _lower(process: subprocess.Popen[bytes]) -> None:
    """Whatever else runs goes first; asked for before the process has threads, which take after it."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):  # Linux weighs session against session, and it has one of its own
        Path(f"/proc/{process.pid}/autogroup").write_text("19", "ascii")
