"""A new run with the inputs of an earlier one, values and files: for another try with one of them changed."""

from __future__ import annotations

from collections.abc import Sequence

from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.model.processes import Flow, Process, PropertyType, Value
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import copies, processes, runs
from procession.operations.act import Act
from procession.store import approvals, files
from procession.store import steps as step_store


def copy_inputs(act: Act, run_id: RunId) -> Run:
    """Not started, of the newest version. Inputs that this version lacks, or takes no longer, are left as it has them.

    Raises NotFound, and Unavailable where the disk has no room.
    """
    source = runs.find(act.tx, run_id)
    rows = [row for row in step_store.properties_of_run(act.tx, run_id) if row.item.flow is Flow.INPUT]
    _, process = processes.find(act.tx, source.process)
    run = runs.create_told(act, source.process, _values(process, rows), {"copiedFrom": str(source.id)})
    copy_files(act, run, rows)
    # Else a copy would launder what somebody uploaded who is to approve it.
    approvals.copy_preparers(act.tx, run_id, run.id)
    return run


def _values(process: Process, rows: Sequence[PropertyRow]) -> dict[str, Value]:
    """What the version takes of them."""
    found: dict[str, Value] = {}
    for row in rows:
        if row.file is not None or row.item.type is PropertyType.SYSTEM_VARIABLE:
            continue
        try:
            found |= copies.checked(process, {row.reference: row.item.value})
        # An input that was renamed, or an option that is gone: the form shows it as the new version has it.
        except Invalid:
            continue
    return found


def copy_files(act: Act, run: Run, rows: Sequence[PropertyRow]) -> None:
    """Those of the rows that are inputs of the run too."""
    present = step_store.by_reference(act.tx, run.id)
    for row in rows:
        content, target = copies.content_of(row), present.get(row.reference)
        takes = target is not None and target.file is not None and target.item.flow is Flow.INPUT
        if row.file is None or content is None or not takes:
            continue
        assert target is not None and target.file is not None
        files.fill(act.tx, target.file.id, name=row.file.name, content=content)
