"""What the engine asks of runs that steps start (engine/step_runs): begun once, looked at, cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.actions.kinds import run_process
from procession.engine.step_runs import RowsNext, StepCall, WaitEnd
from procession.model import ends
from procession.model.child_runs import ChildEnd, FileGiven, ProcessCall
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.lifecycle import RUN_FINAL, Outcome
from procession.model.people import SCOPES, Caller, User
from procession.model.processes import Value
from procession.model.runs import Run
from procession.operations import called_runs, copies, row_results, rows_of_steps, runs
from procession.operations.act import Act
from procession.operations.called_runs import AskedRun
from procession.operations.resources import Resources
from procession.store import child_runs as store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.child_runs import ChildRow, ChildState
from procession.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class RunsOfSteps:
    """What the engine asks of runs that steps start (engine/step_runs.StepRuns)."""

    database: Database
    resources: Resources

    def begin(self, tx: Transaction, call: StepCall, now: datetime) -> Mapping[str, Any]:
        act = called_runs.acting(tx, call, self.resources, now)
        if call.rows is not None:
            rows_of_steps.keep(act, call, call.rows)
            return {}
        child, why, told, asked = None, "", dict[str, Any](), AskedRun(call=call)
        try:
            # Apart: what is refused here must not undo what other steps do in this transaction.
            with tx.part():
                child, told = called_runs.begun(act, asked)
        except ProcessionError as error:
            why = error.message
        row = ChildRow(
            attempt=call.attempt,
            run=call.run.id,
            step=call.step,
            child=child,
            inputs=asked.sha256(),
            waits=call.call.waits,
            state=ChildState.REFUSED if child is None else ChildState.STARTED,
            why=why,
        )
        store.add(tx, row)
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

    def next_of_rows(self, tx: Transaction, call: StepCall) -> RowsNext:
        return rows_of_steps.next_of(tx, call.attempt, call.call)

    def go_on(self, tx: Transaction, call: StepCall, now: datetime) -> tuple[float, str]:
        return rows_of_steps.go_on(called_runs.acting(tx, call, self.resources, now), call)

    def collect(self, call: StepCall, targets: Mapping[str, str]) -> WaitEnd | None:
        with self.database.read() as tx:
            return row_results.collect(tx, self.resources.blobs, call, targets)

    def cancel(self, tx: Transaction, run: Run, user: User, now: datetime) -> None:
        # In the name of whoever started it: nobody else is there.
        act = Act(tx=tx, caller=Caller(user=user, scopes=SCOPES), now=now, resources=self.resources)
        for child in store.waited_for(tx, run.id):
            runs.cancel(act, child, reason=f"process run {run.id}, which waits for it, timed out")


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
