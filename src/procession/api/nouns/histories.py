"""A run's history in the wire's shape: by attempt, and event by event."""

from __future__ import annotations

from procession.api.wire import shapes
from procession.api.wire import shaping as wire
from procession.model.runs import HistoryRow
from procession.operations.histories import BEGINNINGS, RunHistory
from procession.store.writes import WriteRow


def history(found: RunHistory) -> shapes.History:
    return shapes.History(
        id=str(found.run.id),
        attempts=[_attempt(row, found) for row in found.events if row.kind in BEGINNINGS],
        events=[wire.history_row(row) for row in found.events],
    )


def _attempt(row: HistoryRow, found: RunHistory) -> shapes.RunAttempt:
    detail = row.detail
    return shapes.RunAttempt(
        attempt=row.attempt,
        startedBy=row.user,
        dateScheduled=wire.moment(row.at),
        reason=detail.get("reason"),
        fromStep=None if row.step is None else str(row.step),
        version=_version(row, found),
        reset=list(detail.get("reset", ())),
        carried=list(detail.get("carried", ())),
        released=list(detail.get("released", ())),
        stepAttempts=[wire.step_attempt(item) for item in found.step_attempts if item.attempt == row.attempt],
        writes=[_write(item) for item in found.writes if item.attempt == row.attempt],
    )


def _version(row: HistoryRow, found: RunHistory) -> int:
    """The version that this attempt followed: the one the run was created from, until a restart took another."""
    told = [
        item.detail["version"] for item in found.events if item.revision <= row.revision and "version" in item.detail
    ]
    return int(told[-1])


def _write(item: WriteRow) -> shapes.Write:
    is_file = item.file is not None
    return shapes.Write(
        property=str(item.property),
        reference=item.reference,
        file=str(item.file) if is_file else None,
        step=None if item.step is None else str(item.step),
        value=item.value,
        fileName=item.file_name if is_file else None,
        sha256=item.sha256,
        sizeInBytes=item.size_bytes if is_file else None,
        dateWritten=wire.moment(item.written_at),
        undoneBy=item.undone_by,
    )
