"""Expected failures of an action; its run function turns them into a Failed outcome."""

from __future__ import annotations


class Problem(Exception):
    """The text is the step's completion message: complete, and in the user's words."""


class ShownProblem(Problem):
    """The same, of a step whose outputs show why: they are kept although it fails."""
