"""What is written about an attempt beside the changes of its run: progress, receipts, results that came too late."""

from __future__ import annotations

from datetime import datetime

from procession.actions.contract import Outcome as StepOutcome
from procession.engine.board import Work
from procession.engine.isolation.contract import Progress
from procession.model.runs import HistoryKind
from procession.store import history, moves, runs
from procession.store.database import Transaction


def told(work: Work, outcome: StepOutcome) -> dict[str, object]:
    return {"status": outcome.status, "message": outcome.message, "try": work.number}


def write_late(tx: Transaction, *, work: Work, detail: dict[str, object], now: datetime) -> None:
    step = work.board.step_ids[work.key]
    history.append(tx, work.board.run.id, HistoryKind.LATE_RESULT, detail, now=now, step=step)
    history.mark_gone(tx, work.attempt)


def write_killed(tx: Transaction, *, work: Work, receipt: dict[str, object], now: datetime) -> None:
    step = work.board.step_ids[work.key]
    history.append(tx, work.board.run.id, HistoryKind.KILLED, receipt, now=now, step=step)
    history.mark_gone(tx, work.attempt)


def write_progress(tx: Transaction, *, work: Work, progress: Progress) -> None:
    run = work.board.run
    runs.fence(tx, run.id, run.epoch, revisions=1)
    moves.show_progress(tx, work.board.step_ids[work.key], progress.fraction, progress.message)
