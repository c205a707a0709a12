"""The last runs of a process by its steps: one statement for all that a grid shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.store import times
from procession.store.database import Transaction

MESSAGE_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """A step of a run; `message` only where it failed or had a remark."""

    run: RunId
    key: str
    order: str
    name: str
    status: StepStatus
    seconds: float | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRun:
    id: RunId
    name: str
    status: RunStatus
    outcome: Outcome | None
    at: datetime


def of_process(tx: Transaction, process: ProcessId, *, runs_max: int) -> tuple[list[GridRun], list[GridCell]]:
    """The last runs that were started, newest first, and their steps in order."""
    rows = tx.all(
        "SELECT r.id, r.name, r.status, r.outcome, coalesce(r.started_at, r.created_at), s.key, s.step_order, s.name,"
        " s.status, s.duration,"
        " CASE WHEN s.status IN ('Failed', 'Warning') THEN substr(s.message, 1, ?) ELSE '' END"
        " FROM run r JOIN step s ON s.run_id = r.id AND s.is_retired = 0 WHERE r.id IN (SELECT n.id FROM run n"
        " WHERE n.process_id = ? AND n.attempt > 0 AND n.version > 0 ORDER BY n.id DESC LIMIT ?)"
        " ORDER BY r.id DESC, s.position",
        *(MESSAGE_CHARACTERS_MAX, process.number, runs_max),
    )
    runs: dict[int, GridRun] = {}
    cells = []
    for number, name, status, outcome, at, key, order, step_name, step_status, duration, message in rows:
        if number not in runs:
            runs[number] = GridRun(
                id=RunId(number),
                name=name,
                status=RunStatus(status),
                outcome=None if outcome is None else Outcome(outcome),
                at=times.from_column(at),
            )
        cells.append(
            GridCell(
                run=RunId(number),
                key=key,
                order=order,
                name=step_name,
                status=StepStatus(step_status),
                seconds=times.seconds_from_column(duration),
                message=message,
            )
        )
    return list(runs.values()), cells
