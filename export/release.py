"""From a trained network to a folder of files that passed the gate, their card, report.json and export.html.

One artifact after another is made and checked in a folder of its own inside `out`; those of one size are then timed
together, and what passed is moved into place, one rename each.  Whatever interrupts it, `out` holds complete files
only, and what an earlier export released stays until something better replaces it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tensorflow.lite.python.convert_phase import ConverterError
from tqdm import tqdm

from export import source as sources
from export.artifact import Options, plan
from export.card import card, read_about, read_scores
from export.formats import to_tflite
from export.gate import operations
from export.gate.checks import judge
from export.gate.same import Reference
from export.gate.speed import measure, ready, speed
from export.results import NETWORK, Check, Report, Result
from export.source import Source
from keras_vst import zoo
from keras_vst.errors import UserError
from keras_vst.files import disk_errors, write_whole
from keras_vst.zoo import CARD

if TYPE_CHECKING:
    from export.formats.int8 import Frames

PAGE = "export.html"  # not report.html, which is the run's own where --out is --run
BAR = "{desc:34.34} {percentage:3.0f}% |{bar}| {elapsed}"


def release(options: Options) -> Report:
    """Convert, judge, write.  Raises UserError, with nothing written, where there is nothing to judge."""
    about = read_about(options.about)
    if options.scores:
        about["scores"] = read_scores(options.scores, (options.name, options.run.resolve().name))
    source = sources.load(options.run)
    options = options.fitting(source.film)
    frames: Frames = ()
    if "tflite" in options.formats and "int8" in options.precisions:
        # What only some exports need is imported where it is used.
        from export.formats.int8 import calibration_frames

        frames = calibration_frames(options.calibrate)
    with _staging(options.out) as staging:
        report = make_and_check(options, source, frames, staging)
        released = [each for each in report.results if each.file and each.passed]
        with disk_errors(options.out):
            report.files = [_move(each, options, staging) for each in released]
            if released:
                text = json.dumps(card(options, source, released, about), indent=1, ensure_ascii=False)
                write_whole(options.out / CARD, text + "\n")
            write_whole(options.out / "report.json", report.to_json())
            write_whole(options.out / PAGE, report.to_html())
    if options.install and zoo.PRECISION in {each.key for each in released}:  # what one paints with
        from keras_vst.zoo.own import install

        report.installed = install(options.out).path.parent
    return report


def make_and_check(options: Options, source: Source, frames: Frames, staging: Path) -> Report:
    """Every artifact, made in `staging`, with every answer; none where the network itself paints nothing."""
    groups, network, effort = plan(options), source.network, options.effort
    report, architecture = Report(options.name, network.count_params()), source.config.architecture
    # One step an artifact; silent where stderr is no terminal.
    with tqdm(total=sum(map(len, groups.values())), bar_format=BAR, disable=None) as bar:
        for size, artifacts in groups.items():
            bar.set_description("painting the clip in Keras")
            references = [Reference.paint(network, options.judged_on(size or effort.open_size))]
            if not report.results and not _network_passes(report, references[0]):
                break
            if size is None:
                resized = options.judged_on(effort.resized, effort.resized_frames)
                references.append(Reference.paint(network, resized))
            opened: list[tuple[Result, Path]] = []
            for artifact in artifacts:
                result = Result(artifact)
                report.results.append(result)

                def tell(question: str, key: str = artifact.key) -> None:
                    bar.set_description(f"{key}: {question}")

                tell("making it")
                path = make(result, options, source, frames, staging)
                if path and judge(result, path, references, options.runtimes, architecture, tell):
                    opened.append((result, path))
                bar.update()
            bar.set_description("speed")
            _time(opened, references[0], effort.timed)
    return report


def make(result: Result, options: Options, source: Source, frames: Frames, staging: Path) -> Path | None:
    """Write one artifact; None where the network cannot be converted, which its check then tells."""
    artifact, network = result.artifact, source.network
    path = artifact.path(staging, options.name)
    with disk_errors(options.out):
        try:
            if artifact.format == "savedmodel":
                from export.formats import to_savedmodel

                to_savedmodel.write(network, source.config, path, options.name, source.record)
            elif artifact.format == "onnx":
                from export.formats import to_onnx

                path.write_bytes(to_onnx.convert(network, name=options.name))
            else:
                path.write_bytes(to_tflite.convert(network, artifact.precision, artifact.takes, frames))
        except ConverterError as error:
            result.checks.append(operations.refused_by_converter(str(error)))
            return None
        except UserError as error:
            limit = "layers that the format can express"
            result.checks.append(Check("operations", "conversion", False, limit, message=str(error)))
            return None
    result.file = path.relative_to(staging).as_posix()
    return path


def _network_passes(report: Report, reference: Reference) -> bool:
    """Put the Keras network itself on the report, and what it was judged on."""
    content = reference.clip.content
    report.clip, report.frame = f"{reference.clip.origin}, {len(content)} frames", content[len(content) // 2]
    report.results.append(Result(NETWORK, reference.checks(), picture=reference.shown(reference.stylized)))
    return report.passed


def _time(opened: list[tuple[Result, Path]], reference: Reference, count: int) -> None:
    """The speed of all files of one size in one run, beside fp32; a SavedModel runs on servers, not here."""
    files = [(result, path) for result, path in opened if result.artifact.format != "savedmodel"]
    openers = {each.key: partial(ready, path, each.sha256, reference) for each, path in files}
    timings = measure(openers, reference.clip.frames, count)
    baseline = next((key for key in openers if key.startswith("fp32")), None)
    for result, _ in files:
        artifact = result.artifact
        precision = artifact.precision if artifact.format == "tflite" and not reference.film else None
        result.checks.append(speed(artifact.key, timings, baseline, precision))


def _move(result: Result, options: Options, staging: Path) -> Path:
    """Put a file that passed in place of what was there; a SavedModel beside its earlier versions."""
    target = result.artifact.path(options.out, options.name)
    if result.artifact.format == "savedmodel":
        target.parent.mkdir(exist_ok=True)
        taken = [int(entry.name) for entry in target.parent.iterdir() if entry.name.isdecimal()]
        target = result.artifact.path(options.out, options.name, max(taken, default=0) + 1)
    os.replace(staging / result.file, target)
    result.file = target.relative_to(options.out).as_posix()
    return target


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder inside `out`, on the same disk, that is gone afterwards."""
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".export-", dir=out))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
