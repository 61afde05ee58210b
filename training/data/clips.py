"""Real clips, decoded once into a cache of shards (shards.py) on disk, from which every run draws.

    CACHE/clips/<key>/000012.npy ...  the shards, named by their first frame
    CACHE/clips/<key>/index.json      written last: a folder without it is unfinished and is completed

The key is made of the clip's content and the settings, so that a second run finds what the first one made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_vst.errors import UserError
from keras_vst.files import disk_errors
from keras_vst.frames import PICTURES
from training.data.photos import find_files
from training.data.shards import (
    CacheTrouble,
    Shard,
    ShardSettings,
    cut_clip,
    keep,
    open_shard,
    reason_for_none,
)

INDEX = "index.json"
NO_CLIPS = {*PICTURES, ".csv", ".json", ".md", ".srt", ".txt", ".wav", ".mp3"}
PROBE = 1 << 20  # bytes at the start, the middle and the end that stand for a clip's content
ClipSource = str | Path | Sequence[str | Path]  # a folder of clips, a clip, or several of these
STALE = 3600.0  # seconds after which a part file is nobody's any more


@dataclass(frozen=True)
class Clips:
    """The shards of one run, open: another run's tidying cannot take them away."""

    shards: list[Shard]

    def __len__(self) -> int:
        return len(self.shards)

    def draw(self, rng: np.random.Generator) -> Shard:
        """One of them at random."""
        return self.shards[int(rng.integers(len(self.shards)))]


class ClipCache:
    """A folder of shards, no larger than `limit` bytes; what was not used for longest makes room.

    What could not be used is in `skipped`, each with the reason.
    """

    def __init__(self, folder: str | Path | None = None, limit: float = 8e9):
        self.folder = (Path(folder) if folder else default_folder()) / "clips"
        self.limit = limit
        self.skipped: list[tuple[Path, str]] = []
        self._used: list[Path] = []
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        for part in self.folder.glob("*/.*.part-*"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE:
                    part.unlink()

    def gather(
        self, source: ClipSource, settings: ShardSettings, quiet: bool = False, option: str = "--clips"
    ) -> Clips:
        """The shards of all clips of a folder (or of those named), made where the cache does not have them."""
        paths = find_clips(source, option)
        share = self.limit / max(len(paths), 1) / settings.nbytes()
        settings = replace(settings, count=max(1, min(settings.count, int(share))))
        shards, shown = [], {"unit": "clip", "desc": "clips", "dynamic_ncols": True}
        with tqdm(total=len(paths), disable=quiet, **shown) as progress:
            for path in paths:
                progress.set_postfix_str(path.name)
                shards += self._shards_of(path, settings, progress)
                progress.update()
        if not shards:
            reasons = "; ".join(f"{path.name}: {reason}" for path, reason in self.skipped[:3])
            named = source if isinstance(source, str | Path) else ", ".join(map(str, source))
            raise UserError(f"{option} {named} holds no usable clip. {reasons or 'There is no file in it'}.")
        return Clips(shards)

    def summary(self) -> str:
        """One line: where the cache is, how full, and how much of it this run uses."""
        used, whole = sum(map(_size, self._used)), sum(map(_size, self._folders()))
        return (
            f"clip cache {self.folder}: {whole / 1e9:.2f} of at most {self.limit / 1e9:.0f} GB, "
            f"{used / 1e9:.2f} GB for this run's {len(self._used)} clips; {len(self.skipped)} skipped"
        )

    def _shards_of(self, path: Path, settings: ShardSettings, progress: tqdm) -> list[Shard]:
        try:
            folder = self.folder / _key(path, settings)
            shards = _open_all(folder) or self._cut(path, settings, folder, progress)
        except UserError as error:
            self.skipped.append((path, str(error)))
            return []
        except CacheTrouble as trouble:
            raise UserError(
                f"clip cache: {trouble} Use another --cache DIR, or lower data.cache_gb."
            ) from trouble
        os.utime(folder / INDEX)  # used just now
        self._used.append(folder)
        self._make_room()
        return shards

    def _cut(self, path: Path, settings: ShardSettings, folder: Path, progress: tqdm) -> list[Shard]:
        if sum(map(_size, self._used)) + settings.nbytes() > self.limit:
            raise UserError("the cache is full of this run's other clips; raise data.cache_gb")
        folder.mkdir(exist_ok=True)
        files, count = [], 0
        for index, file in cut_clip(path, settings, folder):
            count = index + 1
            files += [file.name] if file else []
            if count % 25 == 0:
                progress.set_postfix_str(f"{path.name}, frame {count}")
        if not files:
            shutil.rmtree(folder, ignore_errors=True)
            raise UserError(reason_for_none(count, settings))
        about = {"source": str(path), "frames": count, "shards": files}
        keep(folder / INDEX, json.dumps(about, indent=2))
        return [open_shard(folder / name) for name in files]

    def _make_room(self) -> None:
        """Delete the clips that were not used for longest, until the rest fits."""
        folders = sorted(self._folders(), key=_last_use)
        total = sum(map(_size, folders))
        for folder in folders:
            if total > self.limit and folder not in self._used:
                total -= _size(folder)
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> list[Path]:
        return [entry for entry in self.folder.iterdir() if entry.is_dir()]


def default_folder() -> Path:
    """Where the caches of programs belong, on this system."""
    chosen = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "keras-vst"


def find_clips(source: ClipSource, option: str = "--clips") -> list[Path]:
    """The files of a folder and its subfolders that may be clips; a file stands for itself."""
    if not isinstance(source, str | Path):
        return [path for each in source for path in find_clips(each, option)]
    missing = "needs a folder of clips, or a clip. There is no"
    return find_files(source, option, missing, lambda suffix: suffix not in NO_CLIPS)


def _key(path: Path, settings: ShardSettings) -> str:
    """The name of a clip's folder: the same for a copy of the clip elsewhere."""
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=12)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            for place in (0, (size - PROBE) // 2, size - PROBE):
                file.seek(max(place, 0))
                digest.update(file.read(PROBE))
    except OSError as error:
        raise UserError(f"it cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def _open_all(folder: Path) -> list[Shard]:
    """The shards of a finished folder; none where it is not finished, or damaged."""
    try:
        about = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return [open_shard(folder / name) for name in about["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0


def _last_use(folder: Path) -> float:
    for path in (folder / INDEX, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0
