"""What a restart means for tables: which versions it takes back, and which its steps have read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from procession.model.ids import TableId
from procession.model.steps import StepRow
from procession.operations import table_writes, tables
from procession.operations.planning import Planned
from procession.operations.table_writes import Undo
from procession.store import step_tables
from procession.store import tables as table_store
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBefore:
    """A table that a step has read: at `version`, which a restart reads again, unless it is asked for `present`."""

    step: StepRow
    table: TableId
    name: str
    version: int
    present: int
    is_changed: bool  # other rows or columns than then


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTables:
    taken_back: Sequence[Undo]
    read: Sequence[ReadBefore]

    @property
    def changed(self) -> bool:
        return any(one.is_changed for one in self.read)


def make(tx: Transaction, planned: Planned) -> PlannedTables:
    """Raises Invalid as the restart would."""
    # First: what is taken back decides which version counts as the present one below.
    undone = table_writes.plan(tx, planned.run.id, planned.reset)
    return PlannedTables(taken_back=undone, read=list(_read(tx, planned.reset, undone)))


def _read(tx: Transaction, steps: Sequence[StepRow], undone: Sequence[Undo]) -> Iterator[ReadBefore]:
    back = {undo.present.table.id: undo.to for undo in undone}
    for step in steps:
        # What an earlier restart has taken back is read no more.
        for read in step_tables.last_reads(tx, step.id).values():
            # Deleted since: the step that needs it will say so.
            if table_store.find(tx, read.table) is None:
                continue
            then = tables.snapshot(tx, read.table, read.version)
            # What the restart itself takes back is no change by others.
            present = tables.snapshot(tx, read.table, back.get(read.table))
            yield ReadBefore(
                step=step,
                table=read.table,
                name=present.table.name,
                version=read.version,
                present=present.version.number,
                is_changed=table_writes.origin(tx, then) != table_writes.origin(tx, present),
            )
