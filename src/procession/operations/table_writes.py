"""What the steps of a run have written to managed tables, and how a restart takes it back.

Versions that a later one takes back count no more. The chain of those that do leads from the present version to the
first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from procession.engine.step_tables import TableStep
from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.steps import StepRow
from procession.model.tables import Snapshot, TableOperation, TableVersion
from procession.operations import tables as table_operations
from procession.operations.act import Act
from procession.store import step_tables, tables
from procession.store.database import Transaction

_ROWS = frozenset({TableOperation.APPEND, TableOperation.REPLACE, TableOperation.UPSERT, TableOperation.REPLACE_WHERE})


def origin(tx: Transaction, one: Snapshot) -> int:
    """The number of the version that first held these rows."""
    return _origin(tx, one, one.version).number


def _origin(tx: Transaction, one: Snapshot, version: TableVersion) -> TableVersion:
    # Upkeep may merge what a restart has just restored, so such versions follow one another.
    while version.same_as is not None:
        earlier = tables.version(tx, one.table.id, version.same_as)
        assert earlier is not None
        version = earlier
    return version


def chain(tx: Transaction, present: Snapshot, least: int) -> Iterator[TableVersion]:
    """The versions that the rows of `present` come from, newest first, down to the number `least`."""
    version: TableVersion | None = present.version
    while version is not None:
        version = _origin(tx, present, version)
        if version.number < least:
            return
        yield version
        # Not the number before: a gap that retention left would hide what the run has written below it.
        version = tables.version_below(tx, present.table.id, version.number)


def kept_records(tx: Transaction, present: Snapshot, step: TableStep) -> tuple[tuple[int, int], ...]:
    """The records that earlier attempts at the step have appended, and that are still there.

    A restart could not take them back, since others had changed the table; the next attempt replaces them.
    """
    numbers = tables.written_by(tx, present.table.id, step.run.id, [step.step])
    if not numbers:
        return ()
    return tuple(
        version.records
        for version in chain(tx, present, min(numbers))
        if version.number in numbers and version.operation is TableOperation.APPEND and any(version.records)
    )


def overtaken(tx: Transaction, present: Snapshot, step: TableStep, mode: str) -> tuple[str, ...]:
    """What to tell of a step that runs again and writes over what others wrote since it did."""
    numbers = tables.written_by(tx, present.table.id, step.run.id, [step.step])
    if not numbers:
        return ()
    since = takewhile(lambda version: version.number not in numbers, chain(tx, present, min(numbers)))
    # Rows that others have appended stay beside those that are appended again.
    theirs = {TableOperation.UPSERT} if mode == "append" else _ROWS
    other = next((one for one in since if one.run != step.run.id and one.operation in theirs), None)
    if other is None:
        return ()
    return (
        f"this step runs again after {other.author} wrote version {other.number}, and what it gives takes the place of"
        f" what that wrote or changed; version {other.number} stays readable",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What a restart does with what reset steps have written to a table.

    `to`: the version whose rows it gets again. None: others have changed the table since. Then the rows stay until the
    step, which runs again, has replaced them.
    """

    present: Snapshot
    to: int | None

    def detail(self, version: int) -> dict[str, Any]:
        told = {"table": str(self.present.table.id), "name": self.present.table.name, "version": version}
        return {**told, "sameAs": self.to} if self.to is not None else {**told, "kept": True}


def plan(tx: Transaction, run: RunId, steps: Collection[StepRow]) -> list[Undo]:
    """What a restart of these steps does with tables. Raises Invalid where it would take back what others wrote."""
    undone = []
    for table in tables.written_in(tx, run, [step.id for step in steps]):
        if tables.find(tx, table) is None:
            continue  # deleted: its versions stay as they are
        present = table_operations.snapshot(tx, table)
        undo = _undo(tx, run, present, steps)
        if undo is not None:
            undone.append(undo)
    return undone


def _undo(tx: Transaction, run: RunId, present: Snapshot, steps: Collection[StepRow]) -> Undo | None:
    numbers = tables.written_by(tx, present.table.id, run, [step.id for step in steps])
    versions = list(chain(tx, present, min(numbers)))
    ours = [version for version in versions if version.number in numbers]
    if not ours:
        return None
    # Only where ours are the newest: going back must not take along what others wrote.
    if versions[: len(ours)] == ours:
        return Undo(present=present, to=ours[-1].number - 1)
    for step in steps:
        reads = any(read.table == present.table.id for read in step_tables.last_reads(tx, step.id).values())
        wrote = any(one.step == step.id and one.operation is not TableOperation.APPEND for one in ours)
        # Run again, the step would read its own result and work on that.
        if reads and wrote:
            other = next(version for version in versions if version.number not in numbers)
            raise Invalid(
                f'step {step.order} "{step.name}" has read and written the table "{present.table.name}", which'
                f" {other.author} has changed since (version {other.number}): what the step wrote cannot be taken back"
                " without that; start a new run, or restart from a later step"
            )
    return Undo(present=present, to=None)


def take_back(act: Act, run: RunId, undone: Collection[Undo]) -> list[dict[str, Any]]:
    """As planned in this transaction; as the history tells it."""
    told = []
    for undo in undone:
        version = undo.present.version.number
        if undo.to is not None:
            draft = replace(table_operations.take_back(act.tx, undo.present.table.id, undo.to), run=run)
            number = tables.publish(act.tx, undo.present.table.id, draft, author=act.author, now=act.now)
            # Planned in this same transaction: no other version can have come between.
            assert number is not None
            version = number
        told.append(undo.detail(version))
    return told
