"""The stages of an attempt, as one table of allowed moves."""

from __future__ import annotations

from enum import StrEnum, auto


class Stage(StrEnum):
    PREPARED = auto()  # has a process; its row is not on disk yet
    COMMITTED = auto()  # its row is on disk; the process has no job yet
    RUNNING = auto()
    OVER = auto()  # it reported its end; its files are being made durable
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
    """The next stage. Raises AssertionError for a move that is not in the table."""
    assert to in _NEXT[stage], f"an attempt that is {stage} cannot become {to}"
    return to
