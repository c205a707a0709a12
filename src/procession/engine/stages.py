"""The stages of an attempt at a step, as one table: what may follow what."""

from __future__ import annotations

from enum import StrEnum, auto


class Stage(StrEnum):
    PREPARED = auto()  # a process is there; the row of the attempt is not on disk yet
    COMMITTED = auto()  # the row is on disk; the process has not been told anything
    RUNNING = auto()
    OVER = auto()  # it said how it ended; its files are being made durable
    KILLING = auto()
    FREED = auto()  # the process was given back or is gone


_NEXT = {
    Stage.PREPARED: frozenset({Stage.COMMITTED, Stage.FREED}),
    Stage.COMMITTED: frozenset({Stage.RUNNING, Stage.OVER, Stage.FREED}),
    Stage.RUNNING: frozenset({Stage.OVER, Stage.KILLING}),
    Stage.OVER: frozenset({Stage.KILLING, Stage.FREED}),
    Stage.KILLING: frozenset({Stage.FREED}),
    Stage.FREED: frozenset[Stage](),
}


def move(stage: Stage, to: Stage) -> Stage:
    """The stage that is reached. Raises AssertionError for a move that is not in the table."""
    assert to in _NEXT[stage], f"an attempt that is {stage} cannot become {to}"
    return to
