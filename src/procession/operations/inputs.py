"""What a run is asked for before it is started, and what it must have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from procession.model import inputs
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.processes import Process
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import processes
from procession.store import steps
from procession.store.database import Transaction
from procession.store.processes import ProcessRow

SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedInputs:
    """The properties of a run, or of its process where there is no run yet, and the version that it follows."""

    process: ProcessRow
    definition: Process
    version: int
    rows: Sequence[PropertyRow]
    run: Run | None = None


def of_process(tx: Transaction, process_id: ProcessId) -> AskedInputs:
    """Raises NotFound."""
    row, definition = processes.find(tx, process_id)
    rows = steps.properties_of_process(tx, process_id)
    return AskedInputs(process=row, definition=definition, version=row.version, rows=rows)


def of_run(tx: Transaction, run: Run) -> AskedInputs:
    row, _ = processes.find(tx, run.process)
    definition = processes.definition_of(tx, run.process, run.version)
    rows = steps.properties_of_run(tx, run.id)
    return AskedInputs(process=row, definition=definition, version=run.version, rows=rows, run=run)


def require(process: Process, rows: Sequence[PropertyRow]) -> None:
    """Raises Invalid, which names all that is missing; `rows` are the properties of a run of this version."""
    # The cheap question first: naming what is missing walks the conditions of all steps.
    if not any(inputs.is_missing(row) for row in rows):
        return
    found = list(inputs.wanting(process, rows))
    if found:
        more = f"; and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
        raise Invalid(f"the run cannot start: {'; '.join(found[:SHOWN_MAX])}{more}")
