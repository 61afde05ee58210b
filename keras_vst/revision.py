"""Which revision of this code is running, where it runs from a git checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PATIENCE = 10  # seconds; a checkout on a slow network disk is no reason to wait


def git_revision(checkout: Path = CHECKOUT) -> str | None:
    """The commit in full, `-dirty` behind it where tracked files differ; None where the code is in no checkout.

    `.git` must lie beside the package: an installed copy below somebody's checkout is not of its revision.
    """
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (
        OSError,
        subprocess.SubprocessError,
    ):  # git is not there, or wants no part of another user's checkout
        return None
    return told.stdout.strip() or None
