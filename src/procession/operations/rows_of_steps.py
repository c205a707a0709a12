"""Runs that a step starts for many rows: kept as rows first, all of them checked, then started a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from procession.actions import references
from procession.engine.step_runs import RowsNext, StepCall
from procession.model import values
from procession.model.child_runs import CalledRow, ProcessCall
from procession.model.errors import Invalid, ProcessionError
from procession.model.lifecycle import RUN_ACTIVE
from procession.model.processes import Property, PropertyType
from procession.operations import called_runs
from procession.operations.act import Act
from procession.operations.called_runs import AskedRun
from procession.store import child_rows as store
from procession.store import child_runs
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.child_rows import RowMove, WaitingRow
from procession.store.child_runs import ChildRow, ChildState
from procession.store.database import Transaction

LOOKED_AT_MAX = 200  # rows in one transaction: most of them keep the run of an earlier try
MISTAKES_SHOWN_MAX = 3


def keep(act: Act, call: StepCall, rows: Sequence[CalledRow]) -> None:
    """All the rows wait, or none: a value that does not fit must not be found when half of the runs are done."""
    try:
        _check(act, call, rows)
    except ProcessionError as error:
        refused = ChildRow(
            attempt=call.attempt,
            run=call.run.id,
            step=call.step,
            child=None,
            inputs="",
            waits=True,
            state=ChildState.REFUSED,
            why=error.message,
        )
        child_runs.add(act.tx, refused)
        return
    store.add(act.tx, call.attempt, (call.run.id, call.step), rows)
    # Before the first of them starts: all of them get the same, whatever another step writes there meanwhile.
    named = dict.fromkeys(references.only(call.call.inputs.values()))
    store.keep_inputs(act.tx, call.attempt, [call.given[name] for name in named if name in call.given])


def _check(act: Act, call: StepCall, rows: Sequence[CalledRow]) -> None:
    """Raises Invalid."""
    called = called_runs.called(act, call)
    theirs = {row.reference: row.item for row in step_store.properties_of_process(act.tx, called)}
    # The process that read them is not believed.
    if len({row.key for row in rows}) < len(rows) or any(row.given.keys() - call.call.inputs.keys() for row in rows):
        raise Invalid("two rows have the same key")
    files = [name for name in call.call.outputs if name in theirs and theirs[name].type is PropertyType.FILE]
    if files and len(rows) > 1:
        raise Invalid(
            f"outputs: {files[0]} is a file, and can be taken from one run only; there are {len(rows):,} rows"
        )
    mistakes = list(_mistakes(call, rows, theirs))
    if mistakes:
        more = f"; and {len(mistakes) - MISTAKES_SHOWN_MAX:,} more" if len(mistakes) > MISTAKES_SHOWN_MAX else ""
        raise Invalid("; ".join(mistakes[:MISTAKES_SHOWN_MAX]) + more)


def _mistakes(call: StepCall, rows: Sequence[CalledRow], theirs: dict[str, Property]) -> Iterator[str]:
    for row in rows:
        for name, value in row.given.items():
            if said := _mistake(theirs.get(name), value):
                yield f'row {row.number} ("{row.key}"), inputs.{name} ({call.call.inputs[name]}): {said}'


def _mistake(item: Property | None, value: str | bool | None) -> str:
    if item is None:
        return "there is no such input any more"
    try:
        is_missing = values.is_missing(item, values.normalise(item, value))
    except Invalid as error:
        return error.message
    return f'property "{item.name}" needs a value, and the cell is empty' if is_missing else ""


def next_of(tx: Transaction, attempt: int, call: ProcessCall) -> RowsNext:
    started = store.started(tx, attempt)
    has_room = len(started) < call.at_once
    if any(is_over for _, is_over, _ in started) or (has_room and store.waiting(tx, attempt, limit=1)):
        return RowsNext.GO_ON
    # One that somebody restarts after its end is waited for as well: how it stands now is what counts.
    return RowsNext.WAIT if started or store.has_active(tx, attempt) else RowsNext.COLLECT


def go_on(act: Act, call: StepCall) -> tuple[float, str]:
    """Sees which runs are over, and starts further ones; the progress, and its words."""
    tx, attempt = act.tx, call.attempt
    call = replace(call, given=store.with_inputs(tx, attempt, call.given))
    started = store.started(tx, attempt)
    store.see_over(tx, attempt, [place for place, is_over, _ in started if is_over])
    has_failed = any(failed for *_, failed in started)
    if not (has_failed and call.call.stops):
        has_failed = _start(act, call, call.call.at_once - sum(not is_over for _, is_over, _ in started))
    # In the transaction that sees the failure: a crash after it starts none of them either.
    if has_failed and call.call.stops:
        store.leave_out(tx, attempt)
    over, rows = store.progress(tx, attempt)
    return (over / rows if rows else 1.0), f"{over:,} of {rows:,} process runs have ended"


def _start(act: Act, call: StepCall, room: int) -> bool:
    """Starts or keeps runs while there is room; whether one could not be started."""
    has_failed = False
    for row in store.waiting(act.tx, call.attempt, limit=LOOKED_AT_MAX):
        if room <= 0 or (has_failed and call.call.stops):
            break
        move = _moved(act, call, row)
        store.move(act.tx, call.attempt, move)
        has_failed = has_failed or move.state is ChildState.REFUSED
        room -= move.state is ChildState.STARTED
    return has_failed


def _moved(act: Act, call: StepCall, row: WaitingRow) -> RowMove:
    asked = AskedRun(call=call, key=row.key, cells=row.given)
    try:
        # Apart: what is refused here must not undo what other rows do in this transaction.
        with act.tx.part():
            child, _ = called_runs.begun(act, asked)
    except ProcessionError as error:
        return RowMove(place=row.place, state=ChildState.REFUSED, why=error.message)
    run = run_store.find(act.tx, child)
    assert run is not None, "it has just been made, or kept"
    state = ChildState.STARTED if run.status in RUN_ACTIVE else ChildState.OVER
    return RowMove(place=row.place, state=state, child=child, inputs=asked.sha256())
