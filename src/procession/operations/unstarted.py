"""Runs that nobody has started yet: named, filled in as another, emptied, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from procession.model import values
from procession.model.errors import Invalid
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RunStatus
from procession.model.processes import Flow, PropertyType, Value
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import processes, rights
from procession.operations.act import Act
from procession.store import approvals, history, past_runs, retention, runs, steps
from procession.store.database import Transaction

NAME_CHARACTERS_MAX = 255
_NUMBERED = " : run #"  # the tail of every run's name
# Whoever fills in a form never gives these.
_NOT_TYPED = frozenset({PropertyType.FILE, PropertyType.SYSTEM_VARIABLE})


def named(prefix: str | None, process_name: str, number: int) -> str:
    """The name of a process's run with that number. Raises Invalid."""
    prefix = (prefix or "").strip()
    if len(prefix) > NAME_CHARACTERS_MAX or not prefix.isprintable():
        raise Invalid(f"namePrefix must be one line of at most {NAME_CHARACTERS_MAX} characters")
    return f"{prefix or process_name}{_NUMBERED}{number}"


def prefix_of(run: Run) -> str:
    """What stands before its number in the run's name."""
    return run.name.rpartition(_NUMBERED)[0]


def short_name(name: str, process_name: str) -> str:
    """Of a run, beside another of its process: what somebody called it, else its number."""
    prefix, _, number = name.rpartition(_NUMBERED)
    return f"run #{number}" if prefix in {"", process_name} else prefix


def rename(act: Act, run: Run, prefix: str) -> None:
    """Its number stays. Raises Invalid, also once it has started."""
    row, _ = processes.find(act.tx, run.process)
    number = int(run.name.rpartition(_NUMBERED)[2])
    name = named(prefix, row.name, number)
    if name != run.name:
        _require_unstarted(run)
        runs.touch(act.tx, run, author=act.author, now=act.now)
        runs.rename(act.tx, run, name)


def values_of(tx: Transaction, source: RunId, process: ProcessId) -> Mapping[str, Value]:
    """The values of an earlier run's INPUTs by "step.property", without files. Raises NotFound for another process's.

    For whoever may execute the process, and so may read its runs.
    """
    run = runs.find(tx, source)
    if run is None or run.process != process:
        raise rights.not_found(source)
    return {
        row.reference: row.item.value
        for row in steps.properties_of_run(tx, source)
        if row.item.flow is Flow.INPUT and row.item.type not in _NOT_TYPED
    }


def fitting(rows: Sequence[PropertyRow], given: Mapping[str, Value]) -> list[tuple[PropertyRow, Value]]:
    """Those of an earlier run's values that the properties take: a version since may have others."""
    found = []
    for row in rows:
        if row.reference in given and row.item.flow is Flow.INPUT and row.item.type not in _NOT_TYPED:
            # What a dropdown no longer offers is left to the person who fills it in.
            with suppress(Invalid):
                found.append((row, values.normalise(row.item, given[row.reference])))
    return found


def fill_in_as(act: Act, run: Run, source: RunId) -> int:
    """Give the run the values of an earlier one; gives how many were taken. Raises NotFound, Invalid."""
    _require_unstarted(run)
    rows = steps.properties_of_run(act.tx, run.id)
    found = fitting(rows, values_of(act.tx, source, run.process))
    runs.touch(act.tx, run, author=act.author, now=act.now)
    approvals.copy_preparers(act.tx, source, run.id)
    for row, value in found:
        steps.update_property(act.tx, row.id, replace(row.item, value=value))
    return len(found)


def _require_unstarted(run: Run) -> None:
    if run.status is not RunStatus.NOT_STARTED:
        raise Invalid(f"process run {run.id} was started: its name and its inputs stay as they are")


def last_filled_in(tx: Transaction, process: ProcessId) -> Run | None:
    """The run to fill in the next one as."""
    return past_runs.last_started(tx, process)


def copied_from(tx: Transaction, run: Run) -> str:
    """The id of the run whose inputs this one was made with; "" for none."""
    created = history.of_run(tx, run.id, limit=1)
    return str(created[0].detail.get("copiedFrom", "")) if created else ""


def delete(act: Act, run_id: RunId) -> None:
    """Its steps, values and history go; contents that nothing else names are swept later.

    Raises NotFound, and Invalid for one that was ever started: it is evidence.
    """
    tx = act.tx
    run = runs.find(tx, run_id)
    if run is None:
        raise rights.not_found(run_id)
    if run.status is not RunStatus.NOT_STARTED or run.attempt:
        raise Invalid(f"process run {run_id} was started and stays as evidence; only a run that never was is deleted")
    process, _ = processes.find(tx, run.process)
    retention.remove_unstarted(tx, run_id)
    message = f'Process run {run_id} "{run.name}" of process "{process.name}" was deleted before it was ever started'
    history.add_log(tx, act.author, message, act.now)
