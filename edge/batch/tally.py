"""What came of a batch: one row over all of it, a row for each file, and the line that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.batch.driver import Course, Driver
from edge.options import counted
from edge.stylize import Outcome


def summary(driver: Driver, left_out: dict[str, str], seconds: float) -> dict[str, Any]:
    """What came of all of it, as `--json` prints it."""
    total = Outcome(left_out=dict(left_out))
    for course in driver.courses:
        if course.reason is None:
            total.add(course.outcome)
        else:
            total.left_out[course.video.options.input] = course.reason
    fine = [course for course in driver.courses if course.reason is None]
    painted = sum(course.outcome.frames for course in fine if not course.there)
    return {
        "videos": len(driver.courses),
        "painted": sum(not course.there for course in fine),
        "there": sum(course.there for course in fine),
        **total.row(),
        "pieces": sum(len(course.plan.pieces) for course in fine if course.plan),
        "pieces_found": sum(course.found for course in fine),
        "tried_again": driver.tried_again,
        "seconds": round(seconds, 3),
        "frames_per_second": round(painted / seconds, 2),
    }


def files(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """What became of each."""
    return [
        {"input": course.video.options.input, "left_out": course.reason}
        if course.reason is not None
        else {
            "input": course.video.options.input,
            "output": str(course.video.output),
            "there": course.there,
            "pieces": len(course.plan.pieces) if course.plan else 0,
            **course.outcome.row(),
        }
        for course in courses
    ]


def line_of(row: dict[str, Any], output: str) -> str:
    """The row in words."""
    more = [f"{row['there']} there already"] if row["there"] else []
    more += [f"{len(row['left_out'])} left out"] if row["left_out"] else []
    more += (
        [f"{row['pieces_found']} of {counted(row['pieces'], 'piece')} found"] if row["pieces_found"] else []
    )
    more += [f"{counted(row['tried_again'], 'task')} tried again"] if row["tried_again"] else []
    also = f" ({', '.join(more)})" if more else ""
    return (
        f"{counted(row['painted'], 'file')} painted{also}, {counted(row['frames'], 'frame')} in "
        f"{row['seconds']:.1f} s, {row['frames_per_second']:.1f} frames per second, {row['by']}: {output}"
    )
