"""Process runs: created as a copy of their process, started, cancelled, restarted from a step, listed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import msgspec

from procession.model import definitions, values
from procession.model import restart as restarts
from procession.model.errors import Invalid, Unavailable
from procession.model.ids import ProcessId, RunId, StepId
from procession.model.lifecycle import RUN_ACTIVE, RUN_FINAL, Outcome, RunEvent, RunStatus, StepStatus
from procession.model.processes import AlertWhen, Flow, Process
from procession.model.restart import Wish
from procession.model.runs import HistoryKind, Run, RunProgress
from procession.model.steps import PropertyRow, StepRow
from procession.operations import (
    approved_tables,
    copies,
    needs,
    planning,
    processes,
    rights,
    steps,
    table_writes,
    unstarted,
    upgrades,
)
from procession.operations import inputs as required
from procession.operations.act import Act
from procession.operations.resources import Resources
from procession.store import child_runs, ends, follow_ups, history, moves, people, unsolved, writes
from procession.store import runs as store
from procession.store import step_tables as table_store
from procession.store import steps as step_store
from procession.store.database import Transaction

REASON_CHARACTERS_MAX = 1_000


def create(
    act: Act,
    process_id: ProcessId,
    *,
    prefix: str | None = None,
    inputs: Mapping[str, object] | None,
    start: bool = False,
) -> Run:
    """A new run with ids of its own, its INPUTs set by "step.property", started at once if asked; all or nothing.

    Raises NotFound, and Invalid with everything that is wrong with the inputs.
    """
    made = _create(act, process_id, prefix or "", inputs or {}, {})
    return _start(act, made) if start else made.run


def create_told(act: Act, process: ProcessId, inputs: Mapping[str, object], detail: Mapping[str, object]) -> Run:
    """The same, and the history tells more of where it comes from. Raises as create() does."""
    return _create(act, process, "", inputs, detail).run


def _create(
    act: Act, process_id: ProcessId, prefix: str, inputs: Mapping[str, object], detail: Mapping[str, object]
) -> _Ready:
    act.resources.require_room()
    tx, now = act.tx, act.now
    # First: an unknown process is refused before anything is copied.
    row, definition = processes.count_run(tx, process_id)
    process = definitions.definition_from_text(definition)
    given = copies.checked(process, inputs)
    run = store.add(
        tx,
        store.NewRun(
            process=process_id,
            version=row.version,
            name=unstarted.named(prefix, row.name, row.runs_created),
            description=process.description,
            alert_email=process.alert_email,
            alert_sms=process.alert_sms,
            author=act.author,
        ),
        now,
    )
    step_store.copy(tx, run, has_properties=_has_properties(process))
    step_store.set_values(tx, run.id, given)
    history.add(tx, run, HistoryKind.CREATED, {"version": row.version, **detail}, now=now, user=act.author)
    return _Ready(run, definition)


def start(act: Act, run_id: RunId, *, reason: str | None = None) -> Run:
    """Scheduled, its inputs frozen; one that is under way already stays as it is.

    Raises NotFound, and Invalid for a run that ran before or that lacks inputs.
    """
    tx = act.tx
    run = find(tx, run_id)
    if run.status in RUN_ACTIVE:
        return run
    if run.status in RUN_FINAL:
        raise Invalid(f"process run {run_id} already ran; restart a step or create a new run")
    return _start(act, _Ready(run, processes.text_of(tx, run.process, run.version), reason))


class _Ready(msgspec.Struct, frozen=True):
    """A run that has not started, the definition that it follows, and why it is to start."""

    run: Run
    definition: str
    reason: str | None = None


def _start(act: Act, ready: _Ready) -> Run:
    act.resources.require_room()
    tx, now = act.tx, act.now
    needs.require(act, ready.run, ready.definition)
    process = definitions.definition_from_text(ready.definition)
    # A process of actions only is started without reading a property.
    rows = step_store.properties_of_run(tx, ready.run.id) if _has_properties(process) else []
    required.require(process, rows)
    inputs = _hash_of_inputs(rows)
    run = store.start(tx, ready.run, act.caller.user.id, inputs_sha256=inputs, author=act.author, now=now)
    if rows:
        writes.freeze(tx, run.id, now)
    detail = {"inputsSha256": inputs, **_reason(ready.reason)}
    history.add(tx, run, HistoryKind.STARTED, detail, now=now, user=act.author)
    # In the transaction: the engine may take the run in the same commit.
    tx.look(run.id)
    return run


def _has_properties(process: Process) -> bool:
    return any(step.properties for step in process.steps)


def _hash_of_inputs(rows: Sequence[PropertyRow]) -> str:
    inputs = [
        [row.reference, values.to_text(row.item.value), row.file and row.file.sha256]
        for row in rows
        # Outputs are empty at a start, and whoever compares two runs compares what went in.
        if row.item.flow is Flow.INPUT
    ]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def cancel(act: Act, run_id: RunId, *, reason: str | None = None) -> Run:
    """Cancelled at once; one that has not started or has ended stays as it is. Raises NotFound."""
    tx, now = act.tx, act.now
    run = find(tx, run_id)
    if run.status not in RUN_ACTIVE:
        return run
    tx.ends(run_id)
    # Before the attempts end: those under way say which runs are waited for.
    for child in child_runs.waited_for(tx, run_id):
        cancel(act, child, reason=f"process run {run_id}, which waits for it, was cancelled")
    # By the stopwatch: a clock that was set would make a duration of a day.
    seconds = None if run.started_at is None else run.worked.at(act.resources.steady())
    run = store.end_early(tx, run, RunEvent.CANCEL, now=now, seconds=seconds)
    # After the run's new epoch: what the engine writes meanwhile is refused by it.
    stopped = moves.cancel_steps(tx, run_id)
    history.stop_attempts(tx, run_id, StepStatus.CANCELLED, "the process run was cancelled", now)
    detail = {"steps": [str(step) for step in stopped], **_reason(reason)}
    _record_cancel(act, run, detail)
    tx.look(run_id)
    return run


def _record_cancel(act: Act, run: Run, detail: Mapping[str, object]) -> None:
    tx = act.tx
    starter = None if run.started_by is None else people.user(tx, run.started_by)
    # The definition is read only where it matters: a cancel is answered at once.
    when = processes.definition_of(tx, run.process, run.version).alert_when if run.alert_email else AlertWhen.NEVER
    ending = ends.RunEnding(
        kind=HistoryKind.CANCELLED,
        detail=detail,
        login=starter.login if starter else run.modified_by,
        when=when,
        user=act.author,
    )
    ends.record(tx, run, ending, act.now)


def see(act: Act, run_id: RunId) -> Run:
    """Whoever acts has seen how the run ended, and it needs nobody any more; seeing it again changes nothing.

    In its history, which is its evidence: an auditor reads there who passed what remark. Raises NotFound, and Invalid
    for a run that has not ended.
    """
    run = find(act.tx, run_id)
    if run.status not in RUN_FINAL:
        raise Invalid(f"process run {run_id} is {run.status}; there is no result yet that could be seen")
    if unsolved.seen(act.tx, run_id):
        history.see(act.tx, run_id, user=act.author, now=act.now)
    return find(act.tx, run_id)


def restart(act: Act, run_id: RunId, step_id: StepId, *, wish: Wish) -> StepRow:
    """Scheduled again from that step on; gives the step as it waits for its turn.

    Raises NotFound, and Invalid for a run that is under way or never started, a disabled step, a step declared `once`
    that nobody released, a newest version that differs in what comes before the step, or newest tables behind an
    approval of older ones.
    """
    act.resources.require_room()
    tx = act.tx
    # The same plan that was shown, made anew: the run may have changed since.
    planned = restart_plan(tx, act.resources, run_id, step_id)
    approved_tables.require(tx, planned, wish)
    newer = upgrades.find(tx, planned) if wish.takes_latest else None
    if newer is not None:
        upgrades.require(planned, newer)
    # Twice: under the old version here, and under the one that the run follows afterwards.
    restarts.check_release(planned.process, planned.plan, wish.release)
    run = planned.run if newer is None else store.follow(tx, planned.run, newer.version, newer.process)
    definition = processes.text_of(tx, run.process, run.version)
    needs.require(act, run, definition)
    run = store.restart(tx, run, planned.plan.key, act.caller.user.id, author=act.author, now=act.now)
    told = table_writes.take_back(act, run.id, table_writes.plan(tx, run.id, planned.reset))
    # From the last to the first: each undoes to what was there before it.
    for key in reversed(planned.plan.again):
        step = planned.steps[key]
        writes.undo_writes(tx, step.id, run.attempt)
        if wish.reads_latest:
            table_store.forget_reads(tx, step.id, run.attempt)
        moves.reset_step(tx, step)
    again = planned if newer is None else _upgraded(act, run, planned, newer)
    restarts.check_release(again.process, again.plan, wish.release)
    released = sorted(wish.release & {*planned.plan.needs_release, *again.plan.needs_release})
    # What was decided and why is in the history: nobody can work it out afterwards.
    detail = {**planning.detail(again), "version": run.version, "versionBefore": planned.run.version}
    detail = {**detail, "released": released, **({"tables": told} if told else {}), **_reason(wish.reason)}
    entry = history.Entry(
        revision=run.revision,
        attempt=run.attempt,
        kind=HistoryKind.RESTARTED,
        detail=detail,
        user=act.author,
        step=step_id,
    )
    history.write(tx, run.id, [entry], act.now)
    tx.look(run_id)
    return steps.find(tx, step_id)


def _upgraded(act: Act, run: Run, planned: planning.Planned, newer: upgrades.Newer) -> planning.Planned:
    upgrades.follow(act.tx, run, planned.process, newer, act.now)
    return planning.make(act.tx, act.resources, run, steps.find(act.tx, planned.steps[planned.plan.key].id))


def restart_plan(tx: Transaction, resources: Resources, run_id: RunId, step_id: StepId) -> planning.Planned:
    """What restart() would do. Raises what it would raise, but for steps that need a release."""
    run = find(tx, run_id)
    step = steps.find(tx, step_id, run=run_id)
    if run.status in RUN_ACTIVE:
        raise Invalid(f"process run {run_id} is {run.status}; cancel it or wait for its end before restarting a step")
    if run.status is RunStatus.NOT_STARTED:
        raise Invalid(f"process run {run_id} was never started; start it instead of restarting a step")
    planned = planning.make(tx, resources, run, step)
    table_writes.plan(tx, run_id, planned.reset)
    # The files would be moved away under the hands of whoever fetches them again.
    if follow_ups.is_at_work(tx, [planned.steps[key].id for key in planned.plan.again]):
        raise Unavailable("what the step was to do afterwards is being done right now; try again in a moment")
    return planned


def _reason(reason: str | None) -> dict[str, str]:
    if not reason:
        return {}
    if len(reason) > REASON_CHARACTERS_MAX:
        raise Invalid(f"the reason is longer than {REASON_CHARACTERS_MAX} characters")
    return {"reason": reason}


def find(tx: Transaction, run_id: RunId) -> Run:
    """Raises NotFound."""
    run = store.find(tx, run_id)
    if run is None:
        raise rights.not_found(run_id)
    return run


def progress(tx: Transaction, run_id: RunId) -> RunProgress:
    """Raises NotFound."""
    found = store.progress(tx, run_id)
    if found is None:
        raise rights.not_found(run_id)
    return found


def failed_steps(tx: Transaction, run: RunProgress) -> list[StepId]:
    """In order; none is looked for while nothing can have failed."""
    # Status is polled more than anything else, and each statement counts.
    if run.outcome is Outcome.SUCCESS or run.status in (RunStatus.NOT_STARTED, RunStatus.SCHEDULED):
        return []
    return moves.failed_steps(tx, run.id)
