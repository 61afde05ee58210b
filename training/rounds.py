"""The rounds of pruning: each takes channels out of the network before it and learns from the unpruned one.

OUT/prune.json                 what is pruned, and how far: another request is refused
OUT/teacher/                   what the unpruned network paints, once for all rounds
OUT/round-1.weights.h5         the weights with which round 1 begins
OUT/round-1/, round-2/ ...     ordinary runs of kind distil, each exported; the last one is the result
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from keras_vst.config import RunConfig, StudentConfig
from keras_vst.errors import UserError, own_stderr
from keras_vst.files import WEIGHTS, atomic, write_whole
from keras_vst.models.pruning import choose, pruned, student_macs
from keras_vst.models.student import build_student
from keras_vst.runs import RunDirectory
from training import distil
from training.arguments import sized
from training.evaluation.frame_times import by_turns, milliseconds
from training.taught import checksum

if TYPE_CHECKING:
    from training.prune import Goal

REQUEST, TEACHER = "prune.json", "teacher"
MORE = 3  # rounds beyond those asked for, where the time is not met yet
UNDER = 0.97  # of what would just do, in such a round


class Rounds:
    """One request, from wherever it stands to its end."""

    def __init__(self, source: Path, out: Path, goal: Goal, arguments: argparse.Namespace):
        self.source, self.out, self.goal, self.arguments = RunDirectory(source), out, goal, arguments
        self.config = _student_of(self.source)
        self._unpruned: Path | None = None  # its exported file
        self._claim()

    def run(self) -> int:
        """Prune and train, round after round; the exit status."""
        wanted, index, config = self.arguments.rounds, 0, self.config
        reached = self._share(None, config)
        if reached >= 1:
            raise UserError(f"{self.source.path} is within {self.goal.told} as it is. Ask for less.")
        while reached < 1:
            index += 1
            if index > wanted + MORE:
                raise UserError(
                    f"After {index - 1} rounds {self.goal.told} is not met; the last is {self._round(index - 1)}. "
                    "Ask for more, or --rounds and --steps for gentler steps."
                )
            left = max(1, wanted + 1 - index)
            goal = student_macs(config) * reached ** (1 / left) * (UNDER if index > wanted else 1.0)
            config = self._cut(index, config, goal)
            if status := self._train(index, config):
                return status
            reached = self._share(self._round(index), config)
        print(f"{self._round(index)}: {_told(config)}. An ordinary run: export, score, mix it as any other.")
        return 0

    def _claim(self) -> None:
        """The folder is this request's; one that is another's is refused, but where nothing came of that."""
        asked = {"of": checksum(str(self.source.path)), "goal": self.goal.told}
        asked |= {"rounds": self.arguments.rounds, "steps": self.arguments.steps, "set": self.arguments.set}
        file = self.out / REQUEST
        found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if not found and self.out.exists() and any(self.out.iterdir()):
            raise UserError(f"{self.out} holds something else. Name another folder with --out.")
        if found and found != asked and (found["of"] != asked["of"] or any(self.out.glob("round-*"))):
            raise UserError(
                f"{self.out} holds the rounds of another request. Name another folder with --out."
            )
        write_whole(file, json.dumps(asked, indent=1))

    def _share(self, run: Path | None, config: StudentConfig) -> float:
        """What is asked for over what is there: 1 and above is met.  `run` None: of the unpruned network."""
        if self.goal.milliseconds is None:
            goal = self.goal.macs or (self.goal.ratio or 0) * student_macs(self.config)
            return goal / student_macs(config)
        self._unpruned = self._unpruned or self._export(self.source.path, self.out / "unpruned")
        files = {"unpruned": self._unpruned} | ({"now": run / f"{run.name}.tflite"} if run else {})
        times = by_turns(
            {
                name: lambda file=file: milliseconds(file, self.goal.size, self.goal.threads)
                for name, file in files.items()
            }
        )
        print(", ".join(f"{name} {time:.2f} ms" for name, time in times.items()), flush=True)
        return self.goal.milliseconds / times["now" if run else "unpruned"]

    def _cut(self, index: int, config: StudentConfig, macs: float) -> StudentConfig:
        """Prune the network before this round, unless that was done before a kill; what is left."""
        run = RunDirectory(self._round(index))
        if run.config_file.is_file():
            return run.config().student
        before = self.source if index == 1 else RunDirectory(self._round(index - 1))
        student = build_student(config)
        before.load_network(student)
        smaller, kept = choose(student, config, macs)
        if smaller == config:
            raise UserError(f"{self.goal.told} is less than the smallest student takes. Ask for more.")
        with atomic(self._start(index)) as part:
            pruned(student, smaller, kept).save_weights(part)
        return smaller

    def _train(self, index: int, config: StudentConfig) -> int:
        """Let the smaller network learn from the unpruned one, and export it; resumes, or has nothing to do."""
        run, asked = RunDirectory(self._round(index)), self.arguments
        print(f"Round {index}: {_told(config)}", flush=True)
        words = ["--run", str(run.path), *(["--vgg16", asked.vgg16] if asked.vgg16 else [])]
        words += ["--quiet"] if asked.quiet else []
        if run.config_file.is_file():
            if run.record().get("finished") and (run.path / f"{run.path.name}.tflite").is_file():
                return 0
            return distil.main([*words, "--resume"])
        words += ["--teacher", str(self.source.path), "--pictures", str(self.out / TEACHER)]
        words += ["--photos", asked.photos] if asked.photos else []
        words += ["--init", str(self._start(index))]
        for setting in (*sized(config), f"schedule.steps={asked.steps}", *asked.set):
            words += ["--set", setting]
        return distil.main(words)

    def _export(self, run: Path, folder: Path) -> Path:
        """The fp32 file of a run; in a process of its own, for training and export know each other by files alone."""
        file = folder / "unpruned.tflite"
        if not file.is_file():
            command = [sys.executable, "-m", "export", "--run", str(run), "--out", str(folder), "--quick"]
            command += ["--name", "unpruned", "--precisions", "fp32"]
            subprocess.run(command, check=False, stderr=own_stderr())
        if not file.is_file():
            raise UserError(f"{run} cannot be exported, so its time is not known. See what export said.")
        return file

    def _round(self, index: int) -> Path:
        return self.out / f"round-{index}"

    def _start(self, index: int) -> Path:
        return self.out / f"round-{index}{WEIGHTS}"


def _student_of(run: RunDirectory) -> StudentConfig:
    config: RunConfig = run.config()
    if config.kind == "film":
        raise UserError(
            f"{run.path} is a network of film quality, which is not pruned. Teach a student its pictures: "
            f"`python -m training.distil --teacher {run.path}`."
        )
    if config.student.family != StudentConfig().family:
        raise UserError(
            f"{run.path} is a {config.student.family}; which of its channels go together is not known. Prune a student."
        )
    student: keras.Model = build_student(config.student)
    run.load_network(student)  # refused here where there are no weights yet
    return config.student


def _told(config: StudentConfig) -> str:
    return f"{config.architecture}, {student_macs(config) / 1e9:.3f} GMAC at 640x368"
