"""Performs what needs no process, in the change that decides it: data steps, and actions of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from procession.actions.contract import StepOutcome
from procession.actions.in_engine import EngineContext
from procession.engine import step_moves
from procession.engine.active_run import ActiveRun, Wait, Work
from procession.engine.changes import Change, Performed
from procession.engine.step_runs import WaitEnd
from procession.model import figures, inputs
from procession.model.conditions import Facts
from procession.model.errors import Invalid
from procession.model.lifecycle import StepEvent, StepStatus
from procession.model.processes import Property, PropertyType, Step, StepKind, SystemVariable, Value
from procession.store.moves import StepWrite
from procession.store.writes import PropertyWrite


def perform_at_once(active: ActiveRun, change: Change) -> bool:
    """Performs the waiting steps that need no process, and ends those that cannot begin. Returns whether any was."""
    if not active.waiting:
        return False
    steps = [step for step in active.prepared.process.steps if step.key in active.waiting and _is_ours(active, step)]
    # Data steps first: what they find may be what the others ask about.
    for step in sorted(steps, key=lambda step: step.kind is not StepKind.DATA):
        if step.kind is StepKind.DATA:
            _perform_data(active, change, step)
        elif (trouble := active.prepared.troubles.get(step.key)) is not None:
            _end_at_once(change, step, StepEvent.FAIL, trouble)
        elif step.key in active.prepared.asks:
            change.asked.append(_wait(active, change, step, "waits for people to decide"))
        elif step.key in active.prepared.calls:
            wait = _wait(active, change, step, "starts a process run")
            # As it is now: another step may write to it in the same change.
            wait.given = active.read_by(step.key)
            change.called.append(wait)
        else:
            _perform_action(active, change, step)
        active.waiting.remove(step.key)
    return bool(steps)


def _is_ours(active: ActiveRun, step: Step) -> bool:
    prepared, key = active.prepared, step.key
    # A process reads the rows first, where there is to be a run for each.
    is_single = key in prepared.calls and not prepared.calls[key].at_once
    is_special = key in prepared.troubles or key in prepared.performs or key in prepared.asks or is_single
    return step.kind is StepKind.DATA or is_special


def _perform_action(active: ActiveRun, change: Change, step: Step) -> None:
    """Runs an action of the engine. All of it is one transaction, so a crash leaves either all or nothing to redo."""
    perform, settings = active.prepared.performs[step.key]
    try:
        outcome = perform(EngineContext(settings=settings, facts=_facts(active), properties=_properties(active)))
    # A mistake of the step, not of the engine: the other steps of this change go on.
    except Invalid as refused:
        outcome = StepOutcome(status=StepStatus.FAILED, message=refused.message)
    outcome = _with_outputs(active, change, step.key, WaitEnd(outcome=outcome))
    number = active.tries[step.key] = active.tries.get(step.key, 0) + 1
    change.performed.append(Performed(key=step.key, number=number, outcome=outcome))
    _end_at_once(change, step, step_moves.EVENT_OF[outcome.status], outcome.message, _told(number, outcome))


def _with_outputs(active: ActiveRun, change: Change, key: str, settled: WaitEnd) -> StepOutcome:
    """Writes what the step gives; what cannot be kept fails it."""
    outcome = settled.outcome
    try:
        written = [
            step_moves.written(active, key, reference, value, settled.contents)
            for reference, value in outcome.outputs.items()
        ]
    except Invalid as refused:
        return StepOutcome(status=StepStatus.FAILED, message=refused.message)
    # All of them or none: what the first wrote must not stay where the second is refused.
    for item in written:
        step_moves.apply(active, item)
    change.written += written
    return replace(outcome, message=outcome.message[: step_moves.MESSAGE_CHARS_MAX])


def _told(number: int, outcome: StepOutcome) -> dict[str, object]:
    found = {name: figures.text(one) for name, one in outcome.figures.items()}
    return {"try": number, **({"figures": found} if found else {})}


def _wait(active: ActiveRun, change: Change, step: Step, message: str) -> Wait:
    """Begins to wait for people or for another run: a row, and no process."""
    status = active.statuses[step.key]
    # One that waited for its turn among others is scheduled already.
    first = () if status is StepStatus.SCHEDULED else (StepEvent.SCHEDULE,)
    write = StepWrite(message=message, started_at=change.now)
    step_moves.move(change, step.key, (*first, StepEvent.BEGIN), write)
    # In memory only until the commit, which gives the wait the id of its row.
    number = active.tries[step.key] = active.tries.get(step.key, 0) + 1
    active.waits[step.key] = wait = Wait(key=step.key, number=number)
    return wait


def wait_for_rows(active: ActiveRun, change: Change, work: Work, outcome: StepOutcome) -> None:
    """The process has read the rows and is free; its try goes on as one that waits for their runs."""
    del active.works[work.key]
    wait = Wait(key=work.key, number=work.number, attempt=work.attempt, rows=outcome.rows)
    wait.given = active.read_by(work.key)
    wait.remark = outcome.message if outcome.status is StepStatus.WARNING else ""
    active.waits[work.key] = wait
    change.called.append(wait)


def settle(active: ActiveRun, change: Change, wait: Wait, settled: WaitEnd, *, seconds: float) -> None:
    """Ends a step by what it waited for; that took so many seconds of the run's stopwatch."""
    # First: what cannot be written below fails the step, and must not be settled again in the next turn.
    del active.waits[wait.key]
    outcome = _with_outputs(active, change, wait.key, settled)
    performed = Performed(key=wait.key, number=wait.number, outcome=outcome, attempt=wait.attempt, seconds=seconds)
    change.performed.append(performed)
    write = StepWrite(message=outcome.message, finished_at=change.now, duration_seconds=seconds)
    step_moves.move(change, wait.key, (step_moves.EVENT_OF[outcome.status],), write, _told(wait.number, outcome))


def _facts(active: ActiveRun) -> Facts:
    # The ends as the flow has just found them: a blocked step has none of its own.
    return Facts(
        ends=active.settled.ends,
        causes={},
        values=active.values(),
        updated=active.updated,
        may_read_properties=True,
    )


def _properties(active: ActiveRun) -> Mapping[str, Property]:
    return {reference: row.item for reference, row in active.properties.items()}


def _perform_data(active: ActiveRun, change: Change, step: Step) -> None:
    """Runs a data step, which needs no process: checks required INPUTs and resolves system variables."""
    for item in step.properties:
        if item.type is PropertyType.SYSTEM_VARIABLE:
            _resolve(active, change, step, item)
    rows = (active.properties[f"{step.key}.{item.key}"] for item in step.properties)
    missing = [row.item.name for row in rows if inputs.is_missing(row)]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        noun = "the required input" if len(missing) == 1 else "the required inputs"
        event, message = StepEvent.FAIL, f"{noun} {names} {'has' if len(missing) == 1 else 'have'} no value"
    else:
        event, message = StepEvent.SUCCEED, ""
    _end_at_once(change, step, event, message)


def _end_at_once(
    change: Change, step: Step, event: StepEvent, message: str, detail: Mapping[str, object] | None = None
) -> None:
    write = StepWrite(message=message, started_at=change.now, finished_at=change.now, duration_seconds=0.0)
    status = change.active.statuses[step.key]
    first = () if status is StepStatus.SCHEDULED else (StepEvent.SCHEDULE,)
    step_moves.move(change, step.key, (*first, StepEvent.BEGIN, event), write, detail)


def _resolve(active: ActiveRun, change: Change, step: Step, item: Property) -> None:
    reference = f"{step.key}.{item.key}"
    row = active.properties[reference]
    value = _variable(active, row.item.variable, change.now)
    written = PropertyWrite(property=row.id, step=active.step_ids[step.key], attempt=active.run.attempt, value=value)
    active.set_value(reference, value)
    change.written.append(written)


def _variable(active: ActiveRun, variable: SystemVariable | None, now: datetime) -> Value:
    known: dict[SystemVariable | None, Value] = {
        SystemVariable.USERNAME: active.user.login,
        SystemVariable.USER_ID: str(active.user.id),
        SystemVariable.USER_EMAIL: active.user.email,
        SystemVariable.PROCESS_ID: str(active.run.process),
        SystemVariable.PROCESS_NAME: active.prepared.process.name,
        SystemVariable.CURRENT_DATE_TIME: now.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    return known.get(variable)
