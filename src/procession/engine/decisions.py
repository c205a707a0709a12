"""Decides what follows from an event, and collects it in a change. Nothing here waits or writes.

The rules are those of docs/crash.md and docs/process-file.md; the flow itself is in model/flow.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from procession.actions.contract import StepOutcome
from procession.engine import performing, step_moves
from procession.engine.active_run import ActiveRun, Work
from procession.engine.changes import Change, Ended
from procession.model import figures, flow
from procession.model.errors import Invalid
from procession.model.files import Content
from procession.model.lifecycle import StepEvent, StepStatus
from procession.model.processes import Effect, Retry, Step
from procession.model.steps import UNDER_WAY
from procession.model.table_uses import is_table
from procession.store.follow_ups import NewFollowUp
from procession.store.moves import StepWrite
from procession.store.writes import PropertyWrite

CRASHES_MAX = 3  # a step interrupted so often is not tried again (docs/crash.md)
RETRY_SECONDS_MAX = 86_400.0


def advance(active: ActiveRun, change: Change) -> None:
    """Skips, blocks and performs what it can, queues the action steps that are due, finishes a run that is done."""
    # A data step that is performed may make others due, or its values decide a condition.
    while True:
        moves = flow.next_moves(active.plan, active.state(), active.settled)
        for key, message in moves.skip:
            step_moves.move(change, key, (StepEvent.SKIP,), StepWrite(message=message))
        for key, message in moves.blocked:
            active.told.add(key)
            change.told.append((active.step_ids[key], message))
        active.waiting += [key for key in moves.start if key not in active.waiting]
        if not performing.perform_at_once(active, change):
            break
    if moves.finished and not active.waiting and not active.works:
        active.is_finishing = True
        change.outcome = flow.outcome(active.prepared.process, active.statuses)


def begin(active: ActiveRun, change: Change, work: Work) -> None:
    """Starts the step in this worker; it runs once the change is committed."""
    status = active.statuses[work.key]
    events = (StepEvent.BEGIN,) if status is StepStatus.SCHEDULED else (StepEvent.SCHEDULE, StepEvent.BEGIN)
    write = StepWrite(message=UNDER_WAY, started_at=change.now)
    step_moves.move(change, work.key, events, write)
    active.tries[work.key] = work.number
    active.retry_at.pop(work.key, None)
    active.waiting.remove(work.key)
    active.works[work.key] = work
    change.begun.append(work)


def line_up(active: ActiveRun, change: Change, key: str) -> None:
    """Marks a due step Scheduled when all slots are taken."""
    step_moves.move(change, key, (StepEvent.SCHEDULE,), StepWrite(message="waiting for a free process"))


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, its files published."""

    outcome: StepOutcome
    contents: Mapping[str, Content]
    seconds: float


def settle(active: ActiveRun, change: Change, work: Work, result: Result) -> None:
    """Settles a finished attempt: outputs, and a status or another try; or it goes on with runs for its rows."""
    if result.outcome.rows is not None and result.outcome.status is not StepStatus.FAILED:
        performing.wait_for_rows(active, change, work, result.outcome)
        return
    status, message, written = result.outcome.status, result.outcome.message, list[PropertyWrite]()
    # Of a failed attempt too: what an action gives although it fails shows why, such as the exceptions of a check.
    try:
        written = [
            step_moves.written(active, work.key, reference, value, result.contents)
            for reference, value in result.outcome.outputs.items()
            if not is_table(reference)
        ]
    except Invalid as refused:
        # What failed before says more than an output that could not be kept.
        message = message if status is StepStatus.FAILED else refused.message
        status, written = StepStatus.FAILED, []
    message = message[: step_moves.MESSAGE_CHARS_MAX]
    del active.works[work.key]
    found = result.outcome.figures
    # What a step that failed has fetched is nobody's: it stays where it is.
    asked = None if status is StepStatus.FAILED else _follow_up(active, work, result.outcome)
    ended = Ended(work=work, status=status, message=message, seconds=result.seconds, figures=found, follow_up=asked)
    change.ended.append(ended)
    told = {"figures": {name: figures.text(one) for name, one in found.items()}} if found else {}
    detail = {"try": work.number, **told}
    if status is StepStatus.FAILED and _may_retry(work.step, active.failures(work.key)):
        _retry(active, change, work, message, detail)
        return
    for item in written:
        step_moves.apply(active, item)
    change.written += written
    write = StepWrite(message=message, finished_at=change.now, duration_seconds=result.seconds)
    step_moves.move(change, work.key, (step_moves.EVENT_OF[status],), write, detail)


def _follow_up(active: ActiveRun, work: Work, outcome: StepOutcome) -> NewFollowUp | None:
    # By the connection that the step itself goes by: whatever its process may say, it reaches no other.
    connection = active.prepared.connections.get(work.key)
    if outcome.follow_up is None or connection is None:
        return None
    return NewFollowUp(
        attempt=work.attempt,
        run=active.run.id,
        step=active.step_ids[work.key],
        action=work.step.action,
        connection=connection,
        asked=outcome.follow_up,
    )


def recover(active: ActiveRun, change: Change, *, crashes: Mapping[str, int]) -> None:
    """Recovers steps that a stopped server left running; `crashes` includes this stop."""
    active.crashes.update(crashes)
    # A copy: each recovery changes the status of its step.
    for key, status in tuple(active.statuses.items()):
        if status is StepStatus.RUNNING and key not in active.waits:
            step = active.prepared.process.step(key)
            assert step is not None
            _recover_step(active, change, step, crashes.get(key, 1))


def _recover_step(active: ActiveRun, change: Change, step: Step, crashes: int) -> None:
    if step.effect is Effect.ONCE:
        message = (
            "the server stopped while this step was under way; it must not happen twice (effect: once), so it was not"
            " repeated: check whether it took effect, then release it by name to restart"
        )
    elif crashes >= CRASHES_MAX:
        message = f"the server stopped {crashes} times while this step was under way; it is not tried again"
    else:
        message = "the server stopped while this step was under way; it runs again"
        step_moves.move(change, step.key, (StepEvent.RETRY,), StepWrite(message=message))
        active.waiting.append(step.key)
        return
    step_moves.move(change, step.key, (StepEvent.FAIL,), StepWrite(message=message, finished_at=change.now))


def _may_retry(step: Step, failures: int) -> bool:
    return step.retry is not None and failures <= step.retry.times and step.effect is not Effect.ONCE


def _retry(active: ActiveRun, change: Change, work: Work, message: str, detail: Mapping[str, object]) -> None:
    retry = work.step.retry
    assert retry is not None
    failures = active.failures(work.key)
    seconds = retry_seconds(retry, failures)
    active.retry_at[work.key] = change.now + timedelta(seconds=seconds)
    active.waiting.append(work.key)
    text = f"{message}; try {failures + 1} of {retry.times + 1} follows in {seconds:g} s"
    write = StepWrite(message=text, retry_at=active.retry_at[work.key])
    step_moves.move(change, work.key, (StepEvent.RETRY,), write, detail)


def retry_seconds(retry: Retry, failures: int) -> float:
    """Seconds to wait after so many failures."""
    return min(retry.wait_seconds * retry.backoff ** (failures - 1), RETRY_SECONDS_MAX)


def seconds_to_retry(active: ActiveRun, key: str, now: datetime) -> float:
    """Seconds left after a restart of the server: from stored dates, at most the whole wait."""
    step = active.prepared.process.step(key)
    left = (active.retry_at[key] - now).total_seconds()
    return left if step is None or step.retry is None else min(left, retry_seconds(step.retry, active.failures(key)))
