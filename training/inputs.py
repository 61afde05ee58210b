"""What a run is trained from: the paths given on the command line, checked against what its recipe needs.

Plain Python, so that a mistake is told before anything heavy is imported.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_vst.config import RunConfig
from keras_vst.errors import UserError
from training.looks import look_named

MOST_KEYFRAMES = 5
KEYFRAMES_TEMPORAL = 4.0  # weight, where the clip is given
SOURCES = ("style", "collection", "keyframe", "teacher", "look", "photos", "clips")
TAKES = {  # kind -> what it cannot do without, and what else it has a use for
    "base": ("", {"photos"}),
    "perceptual": ("style", {"photos"}),
    "film": ("style", {"photos", "clips"}),
    "adversarial": ("collection", {"photos"}),
    "keyframes": ("keyframe", {"clips"}),
    "distil": ("teacher", {"photos"}),
    "look": ("look", {"photos"}),
}
EXAMPLES = {
    "style": "--style painting.jpg",
    "collection": "--collection FOLDER (or a style clip)",
    "keyframe": "--keyframe walk.mp4@12=painted_12.png --clips walk.mp4",
    "teacher": "--teacher STYLE (or a run, or a network file)",
    "look": "--look silver",
}


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Paths as they were given; empty where they were not."""

    style: tuple[str, ...] = ()  # the painting; several are one style together
    collection: str = ""  # a folder of pictures of one hand, or a style clip
    keyframe: tuple[tuple[str, str], ...] = ()  # (frame, the same frame painted)
    teacher: str = ""  # a run, a network file or a style of the zoo, whose pictures are learned from
    pictures: str = ""  # where these are kept
    look: str = ""  # the name of a pipeline that makes what is to be learned
    photos: str = ""  # a folder; without one, pictures are made
    clips: tuple[str, ...] = ()  # real clips, or folders of them
    cache: str = ""  # where decoded clips are kept

    def check(self, kind: str, recipe: str) -> None:
        """Refuse what this kind of run cannot use, and say what it needs."""
        (need, uses), given = TAKES[kind], [name for name in SOURCES if getattr(self, name)]
        if need and need not in given:
            raise UserError(
                f"Recipe {recipe} needs {EXAMPLES[need]}. "
                f"Try: python -m training.fit --recipe {recipe} {EXAMPLES[need]} --run runs/mine"
            )
        if foreign := [name for name in given if name not in {need, *uses}]:
            taken = ", ".join(f"--{name}" for name in SOURCES if name in {need, *uses})
            raise UserError(f"Recipe {recipe} has no use for --{foreign[0]}. It takes {taken}.")
        if len(self.keyframe) > MOST_KEYFRAMES:
            raise UserError(
                f"Recipe {recipe} learns from one to {MOST_KEYFRAMES} painted frames. "
                f"Received: {len(self.keyframe)}. Leave out those that are most alike."
            )
        if self.look:
            look_named(self.look)
        for path in self._files():
            if not Path(path).exists():
                raise UserError(f"There is no file {path}. Check the path, or give an absolute one.")

    def overrides(self, kind: str) -> list[str]:
        """What follows from the inputs for the configuration: a clip beside keyframes is to hold still."""
        return [f"loss.temporal={KEYFRAMES_TEMPORAL}"] if kind == "keyframes" and self.clips else []

    def check_use(self, config: RunConfig) -> None:
        """Refuse clips that would be decoded for nothing, and a term that has nothing to look at."""
        if config.kind == "keyframes":
            setting, value = "loss.temporal", config.loss.weights.get("temporal", 0.0)
            looks = value > 0
        else:
            setting, value = "schedule.clips_from", config.schedule.clips_from
            looks = value < 1
        if self.clips and not looks:
            raise UserError(
                f"--clips would never be looked at with {setting}={value}. "
                f"Leave --clips out, or --set {setting} to something else."
            )
        if config.kind == "keyframes" and looks and not self.clips:
            raise UserError(
                f"loss.temporal={value} needs the clip in which strokes are to hold still. "
                "Add --clips CLIP, or --set loss.temporal=0."
            )

    def learned_from(self) -> dict[str, Any] | None:
        """Name, file and checksum of what the style is learned from, for config.json and the card; a look's name."""
        if self.look:
            return {"name": self.look}
        if self.teacher:
            from training.evaluation.subjects import find_subject

            taught = find_subject(self.teacher)
            return {"name": taught.name, "file": taught.painting_file, "sha256": taught.painting_sha256}
        for path in (*self.style, self.collection, *(painted for _, painted in self.keyframe)):
            if path:
                return _about(Path(path))
        return None

    def manifests(self) -> dict[str, dict[str, int]]:
        """The licences of every source that has a manifest.csv beside it: source -> licence -> files."""
        sources = [*self.style, self.collection, self.photos, *self.clips]
        found = {source: licences(Path(source)) for source in sources if source}
        return {source: counts for source, counts in found.items() if counts}

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Inputs:
        """The inverse of `to_dict`."""
        pairs = tuple((frame, painted) for frame, painted in values["keyframe"])
        lists = {name: tuple(values[name]) for name in ("style", "clips")}
        return cls(**{**values, **lists, "keyframe": pairs})

    def _files(self) -> Iterable[str]:
        frames = (
            name for frame, painted in self.keyframe for name in (frame.rpartition("@")[0] or frame, painted)
        )
        return (path for path in (*self.style, self.collection, *self.clips, *frames) if path)


def keyframe(text: str) -> tuple[str, str]:
    """FRAME=PAINTED as a pair."""
    frame, separator, painted = text.partition("=")
    if not (frame and separator and painted):
        raise UserError(
            f"--keyframe is written FRAME=PAINTED, for example walk.mp4@12=painted_12.png. Received: {text}."
        )
    return frame, painted


def licences(source: Path) -> dict[str, int]:
    """How many files of the source stand under which licence, as the next manifest.csv above tells."""
    for folder in (source, *source.parents)[:3]:
        manifest = folder / "manifest.csv"
        if manifest.is_file():
            return _counted(manifest, source)
    return {}


def _counted(manifest: Path, source: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    within = source.relative_to(manifest.parent).as_posix() if source != manifest.parent else ""
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = (row.get("file") or "").removeprefix("./")
                if not within or name == within or name.startswith(f"{within}/"):
                    licence = row.get("licence") or row.get("license") or "not told"
                    counts[licence] = counts.get(licence, 0) + 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{manifest} cannot be read: {error}. Mend it or move it away.") from error
    return counts


def _about(path: Path) -> dict[str, Any]:
    """A folder's checksum is that of its file names: its files may be many."""
    data = (
        path.read_bytes() if path.is_file() else "\n".join(sorted(p.name for p in path.rglob("*"))).encode()
    )
    return {"name": path.stem, "file": str(path), "sha256": hashlib.sha256(data).hexdigest()}
