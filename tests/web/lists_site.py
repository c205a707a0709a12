"""Runs that have ended in every way, for the tests of Home and of lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunEvent, StepEvent, StepStatus
from procession.model.processes import AlertWhen
from procession.model.runs import HistoryKind, Run
from procession.operations import runs
from procession.store import ends, moves
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.database import Transaction
from tests.api.house import House

_EVENTS = {Outcome.FAILED: StepEvent.FAIL, Outcome.WARNING: StepEvent.WARN, Outcome.SUCCESS: StepEvent.SUCCEED}
NO_COLUMN = 'the file Orders has no column "order_id"'


def new(home: House, name: str = "", *, start: bool = True, amount: int = 10, who: str = "owner") -> str:
    """A run, queued unless it is not to start."""
    body: dict[str, Any] = {"start": start, "inputs": {"parameters.amount": amount}}
    if name:
        body["namePrefix"] = name
    return str(home.post(f"processes/{home.process}/processruns", json=body, who=who)["id"])


def ended(
    home: House, name: str = "", *, amount: int = 10, outcome: Outcome = Outcome.FAILED, who: str = "owner"
) -> str:
    """A run whose last step ended like that, with a message where it did not end well."""
    run = new(home, name, amount=amount, who=who)
    home.take(run)
    home.clock.advance(60)
    home.database.write(lambda tx: _end(home, tx, RunId.parse(run), outcome))
    return run


def _end(home: House, tx: Transaction, run_id: RunId, outcome: Outcome) -> None:
    """As the engine ends a run: the steps, the run, and what is recorded of its end, in one transaction."""
    run, now = runs.find(tx, run_id), home.clock.now()
    for row in step_store.of_run(tx, run_id):
        if row.status is StepStatus.NOT_STARTED:
            home._begin(tx, run, row.id)
        is_last = row.key == "pay"
        event = _EVENTS[outcome] if is_last else StepEvent.SUCCEED
        message = NO_COLUMN if is_last and outcome is not Outcome.SUCCESS else "done"
        moves.move(
            tx,
            row.id,
            StepStatus.RUNNING,
            event,
            moves.StepWrite(message=message, finished_at=now, duration_seconds=2.0),
        )
    run = run_store.finish(tx, run, outcome, now=now, seconds=60.0)
    _record(tx, run, HistoryKind.FINISHED, now)


def timed_out(home: House, name: str = "") -> str:
    run = new(home, name)
    home.take(run)
    home.clock.advance(7_200)

    def operation(tx: Transaction) -> None:
        found, now = runs.find(tx, RunId.parse(run)), home.clock.now()
        found = run_store.end_early(tx, found, RunEvent.TIME_OUT, now=now, seconds=7_200.0)
        moves.time_out_steps(tx, found.id, message="stopped after 2 h, its time limit", now=now)
        _record(tx, found, HistoryKind.TIMED_OUT, now)

    home.database.write(operation)
    return run


def _record(tx: Transaction, run: Run, kind: HistoryKind, now: Any) -> None:
    detail = {"outcome": run.outcome} if run.outcome else {}
    ends.record(tx, run, ends.RunEnding(kind=kind, detail=detail, login="owner", when=AlertWhen.NEVER), now)


def later(home: House, **delta: float) -> None:
    home.clock.advance(timedelta(**delta).total_seconds())
    home.renew_tokens()
