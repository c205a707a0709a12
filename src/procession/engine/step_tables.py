"""The port between the engine and managed tables: what a step reads of them. operations/step_tables implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from procession.actions.contract import TableInput
from procession.model.ids import StepId
from procession.model.people import User
from procession.model.processes import Value
from procession.model.runs import Run
from procession.model.table_uses import TableUse
from procession.model.tables import Snapshot
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
    """The versions that an attempt reads, by the places of its uses; `trouble`: why the step cannot work with them."""

    sources: Mapping[str, Snapshot] = field(default_factory=dict)
    trouble: str = ""

    def detail(self) -> dict[str, Any]:
        """As the history tells it."""
        read = [
            {"table": str(one.table.id), "name": one.table.name, "version": one.version.number}
            for one in self.sources.values()
        ]
        return {"reads": read} if read else {}


class StepTables(Protocol):
    def begin(self, tx: Transaction, step: TableStep) -> HeldTables:
        """Decide and record which versions the attempt reads, in the transaction that adds its row."""

    def inputs(self, held: HeldTables) -> Mapping[str, TableInput]:
        """What its process gets, by place. Raises Invalid for `trouble`, and for a file that is lost."""
