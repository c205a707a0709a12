"""What a run must have before it is started."""

from __future__ import annotations

from collections.abc import Sequence

from procession.model import inputs
from procession.model.errors import Invalid
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import processes
from procession.store import steps
from procession.store.database import Transaction

SHOWN_MAX = 50


def require(tx: Transaction, run: Run, rows: Sequence[PropertyRow]) -> None:
    """Raises Invalid, which names all that is missing; `rows` are the properties of the run."""
    if not any(inputs.is_missing(row) for row in rows):
        return
    process = processes.definition_of(tx, run.process, run.version)
    keys = {step.id: step.key for step in steps.of_run(tx, run.id)}
    found = list(inputs.wanting(process, rows, keys))
    if found:
        more = f"; and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
        raise Invalid(f"the run cannot start: {'; '.join(found[:SHOWN_MAX])}{more}")
