"""What may go wrong while an action reads, computes or writes; its run function turns it into a Failed outcome."""

from __future__ import annotations


class Problem(Exception):
    """The text is the step's completion message: complete, and in the user's words."""
