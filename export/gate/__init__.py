"""The gate: what a file must prove before it is released.  One question, one `Check`.

checks       which questions are put to a file
contents     is every weight a number, stored as it should be, small enough, and laid out to be mixed?
same         does it paint, frame after frame, what the Keras network paints, as steadily, on other runtimes too?
operations   will XNNPACK, the GPU and the WebGPU delegates take all of it?
speed        is it as fast as the fp32 file?
served       does a SavedModel answer as a server asks it?
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """Passed, failed (then `message` names the cause and the remedy), or not judged (then it says why)."""

    gate: str  # the question: "parity", "flicker", "operations", ...
    name: str  # what of: a signature, a runtime, a device
    passed: bool | None  # None: not judged
    limit: str
    measured: dict[str, float] = field(default_factory=dict)
    message: str = ""
    warning: bool = False  # to be told, though the file is released

    @property
    def failed(self) -> bool:
        """Whether this check keeps the file from being released."""
        return self.passed is False

    @property
    def outcome(self) -> str:
        """In a word or two, for reports."""
        if self.warning:
            return "warning"
        return {True: "passed", False: "failed", None: "not judged"}[self.passed]


def not_judged(gate: str, name: str, limit: str, reason: str) -> Check:
    """A check that could not be made; never counted as passed."""
    return Check(gate, name, None, limit, message=f"not measured, because {reason}")


def rounded(value: float, digits: int = 2) -> float:
    """For reports: enough digits to compare, no more; infinity (equal to the last bit) becomes 999 dB."""
    return 999.0 if value == float("inf") else round(float(value), digits)
