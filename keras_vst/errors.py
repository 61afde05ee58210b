"""The one exception that stands for a user's mistake rather than a defect."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right: one line saying what came, what was expected, what to do.

    Command lines print the message on stderr and exit with status 2; nothing catches it in between.
    """
