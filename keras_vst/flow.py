"""Optical flow between two frames, and where it can be trusted: OpenCV and numpy only.

Frames are uint8 RGB (H, W, 3).  Flow is backward, float32 (H, W, 2) as (dx, dy) in pixels: what is at pixel p
of `current` was at p + flow[p] in `previous`.  The forward flow of the same pair is the flow with the frames
exchanged, `estimate(current, previous)`: what is at p of `previous` is at p + forward[p] in `current`.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float32]
AnyArray = TypeVar("AnyArray", bound=npt.NDArray[Any])

# The pyramid wants this many pixels; smaller frames are continued by their last row and column, which does not
# move anything.
_SMALLEST = 32
_NEW: Any = None  # OpenCV makes the array it returns, which its stubs do not say


def estimate(previous: Frame, current: Frame) -> Flow:
    """Backward flow from `current` to `previous`, (H, W, 2), by DIS: sharp rims, lost on plain surfaces.

    Measured on our film at 640x360 with 2 cores: 27 ms, a mean error of 0.1-0.4 px.
    """
    _check_frames(previous, current)
    height, width = current.shape[:2]
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # Propagation carries chance matches across plain surfaces: under a plain sky the mean error was 0.4 px without
    # it and 1.1 with it. It would follow small things at over 15 pixels a frame.
    method.setUseSpatialPropagation(False)
    flow = method.calc(_grey(current), _grey(previous), _NEW)
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def between(earlier: Frame, later: Frame) -> tuple[Flow, npt.NDArray[np.float32]]:
    """Backward flow from `later` to `earlier`, and where it can be believed."""
    backward = estimate(earlier, later)
    return backward, visibility(backward, estimate(later, earlier))


def visibility(backward: Flow, forward: Flow) -> npt.NDArray[np.float32]:
    """(H, W, 1) in {0, 1}: 1 where the previous frame shows the same point and the flow can be believed.

    0 where going back and forth does not lead home (the point was hidden), on the rims of moving objects,
    and where the point was outside the picture.  Thresholds: Ruder et al. 2016, after Sundaram et al. 2010.
    """
    _check_flow(backward, "backward")
    _check_flow(forward, "forward")
    if backward.shape != forward.shape:
        raise ValueError(
            "`backward` and `forward` belong to one pair of frames and have one shape. "
            f"Received: {backward.shape} and {forward.shape}. Estimate both from the same two frames."
        )
    home = warp(forward, backward)  # the forward flow of each point, seen from the current frame
    moved = _squared(backward)
    hidden = _squared(home + backward) >= 0.01 * (_squared(home) + moved) + 0.5
    rim = sum(_squared(slope) for slope in _slopes(backward)) > 0.01 * moved + 0.002
    seen = ~hidden & ~rim & _inside(backward)
    return seen[..., None].astype(np.float32)


def warp(frame: AnyArray, flow: Flow) -> AnyArray:
    """Move the previous frame into the current one: out[p] = frame[p + flow[p]], bilinear, edge repeated.

    Takes (H, W) or (H, W, C) of uint8 or float32 and keeps both.
    """
    _check_flow(flow, "flow")
    if frame.shape[:2] != flow.shape[:2]:
        raise ValueError(
            "`frame` and `flow` must have one size. "
            f"Received: {frame.shape[:2]} and {flow.shape[:2]}. Resize the flow and scale its values with it."
        )
    x, y = _targets(flow)
    moved = cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(AnyArray, moved.reshape(frame.shape))  # cv2 drops a last axis of 1


def _grey(frame: Frame) -> npt.NDArray[Any]:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    down, right = (max(_SMALLEST - side, 0) for side in grey.shape)
    return cv2.copyMakeBorder(grey, 0, down, 0, right, cv2.BORDER_REPLICATE) if down or right else grey


def _targets(flow: Flow) -> tuple[Flow, Flow]:
    columns = np.arange(flow.shape[1], dtype=np.float32)
    rows = np.arange(flow.shape[0], dtype=np.float32)[:, None]
    return flow[..., 0] + columns, flow[..., 1] + rows


def _inside(flow: Flow) -> npt.NDArray[np.bool_]:
    x, y = _targets(flow)
    height, width = flow.shape[:2]
    return (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)


def _squared(vectors: Flow) -> Flow:
    return np.sum(np.square(vectors), -1)


def _slopes(flow: Flow) -> list[Flow]:
    """Change of the flow per pixel, down and across; 0 along an axis of one pixel."""
    return [np.gradient(flow, axis=axis) for axis in (0, 1) if flow.shape[axis] > 1]


def _check_frames(previous: Frame, current: Frame) -> None:
    for name, frame in (("previous", previous), ("current", current)):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
            raise ValueError(
                f"`{name}` must be a uint8 RGB frame (H, W, 3). "
                f"Received: {frame.dtype} {frame.shape}. Convert it with keras_vst.frames.to_uint8."
            )
    if previous.shape != current.shape:
        raise ValueError(
            "`previous` and `current` must have one size. "
            f"Received: {previous.shape} and {current.shape}. Bring both to the same size first."
        )


def _check_flow(flow: Flow, name: str) -> None:
    if flow.dtype != np.float32 or flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(
            f"`{name}` must be float32 flow (H, W, 2), one (dx, dy) per pixel. "
            f"Received: {flow.dtype} {flow.shape}. Use flow[0] of a batch, and astype(np.float32)."
        )
