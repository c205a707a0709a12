"""A row of the table run as a Run."""

from __future__ import annotations

from procession.model.ids import ProcessId, RunId, UserId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.runs import Run
from procession.store import times
from procession.store.database import Row

RUN = (
    "r.id, r.process_id, r.version, r.name, r.description, r.alert_email, r.alert_sms, r.status, r.outcome, r.attempt,"
    " r.epoch, r.revision, r.created_at, r.modified_at, r.modified_by, r.started_by, r.scheduled_at, r.started_at,"
    " r.finished_at, r.duration, r.worked, r.beat, r.worked_max, r.restarted_key, r.executor,"
    " r.is_held"
)
# Of a statement that names no alias, such as INSERT.
RUN_UNNAMED = RUN.replace("r.", "")


def run_of(row: Row) -> Run:
    (
        number, process, version, name, description, alert_email, alert_sms, status, outcome, attempt, epoch,
        revision, created_at, modified_at, modified_by, started_by, scheduled_at, started_at, finished_at,
        duration, worked, beat, worked_max, restarted_key, executor, is_held,
    ) = row  # fmt: skip
    return Run(
        id=RunId(number),
        process=ProcessId(process),
        version=version,
        name=name,
        description=description,
        alert_email=alert_email,
        alert_sms=alert_sms,
        status=RunStatus(status),
        outcome=None if outcome is None else Outcome(outcome),
        attempt=attempt,
        epoch=epoch,
        revision=revision,
        created_at=times.from_column(created_at),
        modified_at=times.from_column(modified_at),
        modified_by=modified_by,
        started_by=None if started_by is None else UserId(started_by),
        scheduled_at=times.maybe_from_column(scheduled_at),
        started_at=times.maybe_from_column(started_at),
        finished_at=times.maybe_from_column(finished_at),
        duration_seconds=times.seconds_from_column(duration),
        worked=times.stopwatch(worked, beat),
        worked_max=times.seconds_from_column(worked_max),
        restarted_key=restarted_key,
        executor=executor,
        is_held=bool(is_held),
    )
