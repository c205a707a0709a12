"""Events of a run since a position: changes, progress and log output of its steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from procession.model.runs import HistoryRow
from procession.model.steps import AttemptRow, StepRow
from procession.operations import runs
from procession.store import history, steps
from procession.store.database import Transaction

# A follower of an old run must not hold the history of years in memory.
ROWS_MAX = 500  # of a history at a time
# 15 digits: no row id of ours is longer.
_POSITION = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15}(\.[0-9]{1,15}-[0-9]{1,15})*)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What somebody has seen: changes up to `revision`, whole logs up to the attempt `whole`, and parts of later ones.

    `parts` are bytes by attempt. As text, the id of an event: "57.12.14-1033.15-20".
    """

    revision: int = -1  # nothing yet: a run's creation is its revision 0
    whole: int = 0
    parts: Mapping[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{attempt}-{offset}" for attempt, offset in sorted(self.parts.items()) if attempt > self.whole]
        return ".".join([str(self.revision), str(self.whole), *parts])


def position(tx: Transaction, run_id: RunId, text: str) -> Position:
    """What somebody has seen who was told this id last; a revision alone is one, "" has seen nothing.

    Raises NotFound, and Invalid for a text that no event of the run had as its id.
    """
    if not text:
        return Position()
    seen = _parsed(text) if _POSITION.match(text) else None
    # A position of the future would wait for ever without a word.
    if seen is None or seen.revision > runs.find(tx, run_id).revision or not _are_parts_known(tx, run_id, seen):
        raise Invalid(f'"{text[:80]}" is not the id of an event of this run')
    return seen


def _are_parts_known(tx: Transaction, run_id: RunId, seen: Position) -> bool:
    """They come back in the id of every event: thousands that never were would make each as long as a head may be."""
    known = {row.id for row in history.attempts_of_run(tx, run_id, after=seen.whole)} if seen.parts else set()
    return seen.parts.keys() <= known


def _parsed(text: str) -> Position:
    revision, *rest = text.split(".")
    pairs = [part.split("-") for part in rest[1:]]
    parts = {int(attempt): int(offset) for attempt, offset in pairs}
    return Position(revision=int(revision), whole=int(rest[0]) if rest else 0, parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """`attempts` are those whose log may have more; `is_over`: nothing will come after this, unless it is restarted."""

    rows: Sequence[HistoryRow]
    attempts: Sequence[AttemptRow]
    running: Sequence[StepRow]
    is_over: bool


def since(tx: Transaction, run_id: RunId, seen: Position) -> News:
    """In one snapshot. Raises NotFound."""
    run = runs.find(tx, run_id)
    rows = history.of_run(tx, run_id, after=seen.revision, limit=ROWS_MAX)
    attempts = history.attempts_of_run(tx, run_id, after=seen.whole)
    return News(
        rows=rows,
        attempts=attempts,
        running=[row for row in steps.of_run(tx, run_id) if row.status is StepStatus.RUNNING],
        # A process that is being killed may still write its last lines.
        is_over=run.status in RUN_FINAL and len(rows) < ROWS_MAX and all(item.is_gone for item in attempts),
    )
