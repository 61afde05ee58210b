"""What came of a run of `vst stylize`: what was painted, and whatever was not as one might think, each by its name."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from keras_vst.video import Sink, Source

LOCK = threading.RLock()


@dataclass
class Outcome:
    """Of one clip or picture, or of all of a folder."""

    frames: int = 0
    skipped: int = 0  # damaged frames
    sound_skipped: int = 0  # damaged packets of sound
    mended: int = 0  # leaps in the times of clips
    ends_early: list[str] = field(default_factory=list)  # what broke off before its end
    left_out: dict[str, str] = field(default_factory=dict)  # what of a folder was not painted, and why
    notes: list[str] = field(default_factory=list)  # what could not be kept as it was, each by its name

    @classmethod
    def of(cls, source: Source, sink: Sink, frames: int) -> Outcome:
        """What came of one source, now that it is read and its sink is closed."""
        early = [source.info.origin or ""] if source.ends_early else []
        notes = [f"{source.info.origin}: {note}" for note in (*source.notes, *sink.notes)]
        return cls(frames, source.skipped, sink.skipped, source.mended, early, notes=notes)

    def add(self, other: Outcome) -> None:
        """Take in what came of one file of a folder."""
        self.frames += other.frames
        self.skipped += other.skipped
        self.sound_skipped += other.sound_skipped
        self.mended += other.mended
        self.ends_early += [name for name in other.ends_early if name not in self.ends_early]
        self.left_out |= other.left_out
        self.notes += [note for note in other.notes if note not in self.notes]  # pieces say the same

    def row(self) -> dict[str, Any]:
        """As `--json` prints it; `skipped` counts the damaged frames and the files left out."""
        return {
            "frames": self.frames,
            "skipped": self.skipped + len(self.left_out),
            "sound_skipped": self.sound_skipped,
            "times_mended": self.mended,
            "ends_early": self.ends_early,
            "left_out": self.left_out,
            "notes": self.notes,
        }

    def told(self) -> str:
        """What stands behind the number of frames in the one line: nothing, or (2 left out, the input ends early)."""
        skipped = self.skipped + len(self.left_out)
        parts = [f"{skipped} left out"] if skipped else []
        parts += [f"{counted(self.sound_skipped, 'packet')} of sound left out"] if self.sound_skipped else []
        parts += [f"{counted(self.mended, 'leap')} of its clock mended"] if self.mended else []
        parts += ["the input ends early"] if self.ends_early else []
        return f" ({', '.join(parts)})" if parts else ""

    def lines(self) -> list[str]:
        """What stderr says, a line each."""
        lines = [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        lines += [f"{name} ends early; painted up to there, fetch it again" for name in self.ends_early]
        return lines + self.notes


def counted(number: int, what: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def progress_bar(quiet: bool, total: int | None, unit: str = "frame", **more: Any) -> Any:
    """A bar with the time left on a terminal, and nothing elsewhere."""
    hidden = quiet or not sys.stderr.isatty()
    tqdm.set_lock(LOCK)  # its own is a semaphore of the system, which a process that is killed leaves behind
    return tqdm(total=total, unit=unit, leave=False, disable=hidden, file=sys.stderr, **more)
