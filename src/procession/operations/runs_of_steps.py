"""What the engine asks of runs that steps start (engine/step_runs): begun once, looked at, cancelled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from procession.actions import references
from procession.actions.kinds import run_process
from procession.engine.step_runs import StepCall, WaitEnd
from procession.model import ends, values
from procession.model.child_runs import DEPTH_MAX, ChildEnd, FileGiven, ProcessCall
from procession.model.errors import Invalid, ProcessionError
from procession.model.files import Content
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_ACTIVE, RUN_FINAL, Outcome, RunStatus
from procession.model.people import SCOPES, Caller, User
from procession.model.processes import Flow, Value
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import called_processes, copies, runs
from procession.operations.act import Act
from procession.operations.resources import Resources
from procession.store import approvals, files, people
from procession.store import child_runs as store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.child_runs import ChildRow
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True)
class RunsOfSteps:
    """What the engine asks of runs that steps start (engine/step_runs.StepRuns)."""

    resources: Resources

    def begin(self, tx: Transaction, call: StepCall, now: datetime) -> Mapping[str, Any]:
        child, why, told = None, "", dict[str, Any]()
        # As of now: the run may have waited for hours.
        user = people.user(tx, call.user.id) or call.user
        # It is a part of what has begun, which a disk that is nearly full does not end.
        resources = replace(self.resources, reserve=None)
        act = Act(tx=tx, caller=Caller(user=user, scopes=SCOPES), now=now, resources=resources)
        try:
            # Apart: what is refused here must not undo what other steps do in this transaction.
            with tx.part():
                child, told = _begun(act, call)
        except ProcessionError as error:
            why = error.message
        store.add(
            tx,
            ChildRow(
                attempt=call.attempt,
                run=call.run.id,
                step=call.step,
                child=child,
                inputs=_hash(call),
                waits=call.call.waits,
                why=why,
            ),
        )
        return told

    def end(self, tx: Transaction, attempt: int, call: ProcessCall) -> WaitEnd | None:
        row = store.of_attempt(tx, attempt)
        # Its own transaction has not been committed yet: there is another look after it.
        if row is None:
            return None
        if row.child is None:
            return WaitEnd(outcome=run_process.refused(row.why))
        # Retention keeps it as long as this row.
        run = run_store.find(tx, row.child)
        assert run is not None, "a foreign key"
        if call.waits and run.status not in RUN_FINAL:
            return None
        given, contents = _given(tx, run, call) if call.waits else ({}, {})
        problem = ends.first_problem(run, step_store.of_run(tx, run.id)) if run.outcome is Outcome.FAILED else None
        said = "" if problem is None else f'step {problem.order} "{problem.name}": {problem.message}'
        end = ChildEnd(run=run.id, status=run.status, outcome=run.outcome, problem=said, given=given)
        return WaitEnd(outcome=run_process.settle(call, end), contents=contents)

    def cancel(self, tx: Transaction, run: Run, user: User, now: datetime) -> None:
        # In the name of whoever started it: nobody else is there.
        act = Act(tx=tx, caller=Caller(user=user, scopes=SCOPES), now=now, resources=self.resources)
        for child in store.waited_for(tx, run.id):
            runs.cancel(act, child, reason=f"process run {run.id}, which waits for it, timed out")


def _begun(act: Act, call: StepCall) -> tuple[RunId, dict[str, Any]]:
    """The run, and what the history tells. Raises Invalid, NotFound and Unavailable."""
    found = store.named(act.tx, call.run.process, call.run.version)
    if said := called_processes.trouble(act.tx, found, call.call, act.caller.user):
        raise Invalid(said)
    called = found[call.call.process]  # trouble() would have said that it is not there
    # Asked again, although publishing asked: a process below may have a newer version since.
    chain = store.chain(act.tx, call.run.id, limit=DEPTH_MAX)
    _require_shallow(chain, called)
    # Before anything is made: the run of an earlier try may be all that is needed.
    kept = None if call.call.starts_anew else _kept(act.tx, call, called)
    if kept is not None:
        return kept, {"processRun": str(kept), "isKept": True}
    detail = {"parentRun": str(call.run.id), "parentStep": str(call.step)}
    run = runs.create_told(act, called, _values(call), detail)
    _copy_files(act, run, call)
    # Else a run of its own would launder what somebody prepared who is to approve it, there or further up.
    approvals.copy_preparers(act.tx, call.run.id, run.id)
    for above, _ in chain:
        approvals.add_author(act.tx, above, of=run.id)
    runs.start(act, run.id)
    return run.id, {"processRun": str(run.id)}


def _require_shallow(chain: Sequence[tuple[RunId, ProcessId]], called: ProcessId) -> None:
    if called in {process for _, process in chain}:
        raise Invalid("it would run itself: " + " in ".join(f"{one}" for one, _ in chain) + " is a run of it")
    # A chain that was cut off there is as long, and refused as well.
    if len(chain) == DEPTH_MAX:
        raise Invalid(f"there are {DEPTH_MAX} runs below one another already, and no more may be")


def _kept(tx: Transaction, call: StepCall, called: ProcessId) -> RunId | None:
    """The run of an earlier try with the same inputs, unless it came to nothing."""
    last = store.latest_of_step(tx, call.step)
    # With other inputs its results would be those of another question.
    if last is None or last.child is None or last.inputs != _hash(call):
        return None
    run = run_store.find(tx, last.child)
    # The name may mean another process since a restart took over a newer version.
    if run is None or run.process != called:
        return None
    # Somebody may have mended it by a restart of its own: it is waited for, not run a second time.
    has_succeeded = run.status is RunStatus.FINISHED and run.outcome is not Outcome.FAILED
    return run.id if has_succeeded or run.status in RUN_ACTIVE else None


def _values(call: StepCall) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, given in call.call.inputs.items():
        row = _row(call, given)
        if row is None:
            found[name] = given
        # Files follow when the run has places for them.
        elif row.file is None:
            found[name] = row.item.value
    return found


def _row(call: StepCall, given: object) -> PropertyRow | None:
    reference = references.parse(given)
    return None if reference is None else call.given[reference]


def _copy_files(act: Act, run: Run, call: StepCall) -> None:
    """By their contents: no byte is copied. Raises Invalid for what takes no file."""
    # After the run was made: only then its properties have ids of their own.
    rows = step_store.by_reference(act.tx, run.id)
    for name, given in call.call.inputs.items():
        source = _row(call, given)
        if source is None or source.file is None:
            continue
        target = rows.get(name)
        # Checked when the process was published, against a version that may be older than this run's.
        if target is None or target.file is None or target.item.flow is not Flow.INPUT:
            raise Invalid(f'"{call.call.process}" has no input {name} that takes a file')
        # Also an empty one: what the process has there itself is not what was given.
        files.fill(act.tx, target.file.id, name=source.file.name, content=copies.content_of(source))


def _hash(call: StepCall) -> str:
    """Of the process and of all that it is given."""
    given: dict[str, object] = {}
    for name, one in call.call.inputs.items():
        row = _row(call, one)
        if row is None:
            # The text "1" is not the number 1.
            given[name] = repr(one)
        else:
            given[name] = [values.to_text(row.item.value), row.file and row.file.sha256, row.file and row.file.name]
    # Sorted: the order of a mapping in a file means nothing.
    text = json.dumps([call.call.process, given], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _given(tx: Transaction, run: Run, call: ProcessCall) -> tuple[dict[str, Value | FileGiven], dict[str, Content]]:
    """What the run left in the outputs, and the contents of files by where they go."""
    rows = step_store.by_reference(tx, run.id)
    given, contents = dict[str, Value | FileGiven](), dict[str, Content]()
    for theirs, ours in call.outputs.items():
        row = rows.get(theirs)
        # A later version may have dropped it.
        if row is None:
            continue
        if row.file is None:
            given[theirs] = row.item.value
        elif (content := copies.content_of(row)) is not None:
            given[theirs], contents[ours] = FileGiven(name=row.file.name), content
    return given, contents
