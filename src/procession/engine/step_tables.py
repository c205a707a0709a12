"""The port between the engine and managed tables: what a step reads and writes (operations/tables_of_steps)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from procession.actions.contract import OutputTarget, TableInput
from procession.model.ids import StepId, TableId
from procession.model.people import User
from procession.model.processes import Value
from procession.model.runs import Run
from procession.model.table_uses import TableUse
from procession.model.tables import Draft, Snapshot
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStep:
    """A step that begins: its uses of tables, and the values of the properties that say which versions."""

    run: Run
    step: StepId
    attempt: int  # the id of its row
    user: User  # who started the run
    uses: tuple[TableUse, ...]
    numbers: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTables:
    """The tables of an attempt: what it reads by the places of its uses, what it writes by name.

    `appended` are files of its run, by "step.property", that a run which appended to a table, by name, had too: with
    the version. `trouble`: why the step cannot work with them.
    """

    step: TableStep
    sources: Mapping[str, Snapshot] = field(default_factory=dict)
    targets: Mapping[str, Snapshot] = field(default_factory=dict)  # as they are when the step begins
    appended: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    trouble: str = ""

    def detail(self) -> dict[str, Any]:
        """As the history tells it."""
        read = [
            {"table": str(one.table.id), "name": one.table.name, "version": one.version.number}
            for one in self.sources.values()
        ]
        return {"reads": read} if read else {}

    def written(self) -> frozenset[TableId]:
        return frozenset(one.table.id for one in self.targets.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDraft:
    """The next version of a table, durable and not yet published; `name` is the step's."""

    name: str
    table: TableId
    draft: Draft
    rows: int  # that the step gave
    updated: int  # of them, those with the keys of records
    counts: Mapping[str, int]  # what became of the rows that were there, by the word for it; empty for new rows alone
    remarks: tuple[str, ...] = ()  # what may be otherwise than it was meant


# No ProcessionError: no user ever sees it, since the engine prepares again.
class TablesLate(Exception):
    """Somebody else has published a version meanwhile: the drafts must be prepared again."""


class StepTables(Protocol):
    def begin(self, tx: Transaction, step: TableStep) -> HeldTables:
        """Decide and record which versions the attempt reads, in the transaction that adds its row."""

    def inputs(self, held: HeldTables) -> Mapping[str, TableInput]:
        """What its process gets, by place. Raises Invalid for `trouble`, and for a file that is lost."""

    def targets(self, held: HeldTables) -> Mapping[str, OutputTarget]:
        """What its process must fit, by reference."""

    def prepare(self, held: HeldTables, files: Mapping[str, Path], inside: Path) -> tuple[TableDraft, ...]:
        """Make drafts of rows in Parquet, by reference, in that folder; slow, in a thread that may wait.

        Raises Invalid for rows that do not fit, Conflict for a table that the step has read and others have changed,
        Unavailable where it may be tried again.
        """

    def publish(
        self, tx: Transaction, held: HeldTables, drafts: tuple[TableDraft, ...], now: datetime
    ) -> dict[str, Any]:
        """Publish all of them, in the transaction that ends the step; as the history tells it.

        Raises TablesLate, and Invalid when the right is gone.
        """
