"""The film as a file: H.264 and AAC in an MP4, frames uint8 RGB (H, W, 3) straight from the scene."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from keras_vst.errors import UserError
from keras_vst.scene import FPS, NUM_FRAMES, Scene
from keras_vst.scene.sound import RATE, soundtrack


def record(path: Path, scene: Scene, crf: int = 20, preset: str = "veryslow") -> None:
    """Write the whole film with its soundtrack; the file appears under its name only when it is complete."""
    if path.suffix.lower() != ".mp4":
        raise UserError(
            f"The film is written as MP4. Received: '{path}'. Use e.g. '{path.with_suffix('.mp4')}'."
        )
    if scene.width % 2 or scene.height % 2:
        size = f"{scene.width}x{scene.height}"
        raise UserError(f"H.264 needs an even width and height. Received: {size}. Use e.g. 640x360.")
    if not 0 <= crf <= 51:
        raise UserError(f"H.264 quality runs from 0 (best) to 51. Received: {crf}. Use e.g. 20.")
    part = path.with_name(f"{path.stem}.part.mp4")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(part, "w", options={"movflags": "+faststart"}) as container:
            _write(container, scene, {"crf": str(crf), "preset": preset})
        part.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write '{path}': {error.strerror or error}. Choose another place.") from error
    finally:
        with suppress(OSError):  # of a folder that is none; the first error is the one to tell
            part.unlink(missing_ok=True)


def _write(container: OutputContainer, scene: Scene, options: dict[str, str]) -> None:
    video = container.add_stream("libx264", rate=FPS, options=options)
    video.width, video.height, video.pix_fmt = scene.width, scene.height, "yuv420p"
    audio = container.add_stream("aac", rate=RATE, layout="stereo")
    audio.bit_rate = 96_000
    sound = soundtrack(NUM_FRAMES / FPS, scene.seed)
    each = RATE // FPS
    for index in range(NUM_FRAMES):
        _show(container, video, scene.frame(index), index)
        _play(container, audio, sound[index * each : (index + 1) * each], index * each)
    for stream in (video, audio):
        container.mux(stream.encode(None))


def _show(container: OutputContainer, stream: VideoStream, pixels: np.ndarray, index: int) -> None:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts = index
    container.mux(stream.encode(frame))


def _play(container: OutputContainer, stream: AudioStream, samples: np.ndarray, start: int) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
    frame.rate, frame.pts = RATE, start
    container.mux(stream.encode(frame))
