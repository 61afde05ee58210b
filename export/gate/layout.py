"""Can a file be mixed with the styles that come with the package?"""

from __future__ import annotations

from export.flatbuffer import layout
from export.gate.check import Check, not_judged
from keras_vst import zoo

LIMIT = "weights where the package's styles of this architecture have theirs"


def mixable(content: bytes, architecture: str) -> Check:
    """Whether each weight of an fp32 file lies where it does in the package's styles of the same architecture."""
    alike = [
        each for each in zoo.styles() if not each.own and each.architecture == architecture and each.weights
    ]
    if not alike:
        return not_judged("layout", "mixing", LIMIT, f"the package has no style of {architecture}")
    own = layout(content)
    apart = next((each for each in alike if each.weights != own), None)
    if apart is None:
        return Check("layout", "mixing", True, LIMIT, {"styles": float(len(alike))})
    first = next((a["name"] for a, b in zip(own, apart.weights, strict=False) if a != b), "their number")
    message = (
        f"`{apart.name}` has another layout, first at {first}: another version of the converter made it. Export both "
        "with the same version of TensorFlow."
    )
    return Check("layout", "mixing", False, LIMIT, message=message)
