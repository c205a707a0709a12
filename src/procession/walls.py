"""Walls: what keeps a stranger, a step or a neighbour out of here, and what is weaker where one is missing.

Each room that knows about walls has a module `walls` that gives its own; serving/walls puts them into one list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """One wall as it is on this machine.

    `seen` is what was found, also where it stands. `weaker_without` and `remedy` are told where it does not: what
    somebody can do then, and the setting, package or command that changes it. `is_grave`: the operator must act.
    """

    name: str
    stands: bool
    seen: str
    weaker_without: str
    remedy: str
    is_grave: bool = False

    def told(self) -> str:
        return self.seen if self.stands else f"{self.seen}; without it, {self.weaker_without}: {self.remedy}"


def missing(walls: Sequence[Wall]) -> tuple[Wall, ...]:
    return tuple(wall for wall in walls if not wall.stands)


def summary(walls: Sequence[Wall]) -> str:
    """One line: how many there are, and the names of those that do not stand."""
    absent = missing(walls)
    if not absent:
        return f"all {len(walls)} walls stand"
    return f"{len(walls) - len(absent)} of {len(walls)} walls stand, not: {', '.join(wall.name for wall in absent)}"
