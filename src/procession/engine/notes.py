"""Writes about attempts outside the changes of a run: progress, journals, receipts, late results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from procession.engine.active_run import Work
from procession.engine.attempts import receipt_detail
from procession.engine.events import OverLimit, WorkerSpoke
from procession.engine.isolation.contract import KillReceipt, Progress, Record
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.engine.stages import Stage
from procession.model.lifecycle import StepStatus
from procession.model.runs import HistoryKind
from procession.store import history, journals, moves, runs
from procession.store.database import Task, Transaction

log = logging.getLogger(__name__)


class Notes:
    """Adds each to the next commit. Belongs to the loop's thread."""

    def __init__(self, resources: EngineResources, loop: Loop) -> None:
        self._resources = resources
        self._loop = loop

    def late(self, work: Work, status: StepStatus, message: str) -> None:
        """Records the end of an attempt whose run was moved meanwhile."""
        self._end(work, HistoryKind.LATE_RESULT, {"status": status, "message": message, "try": work.number})

    def killed(self, work: Work, receipt: KillReceipt, then: Callable[[], None] | None = None) -> None:
        """Records its kill receipt and calls `then` after the commit."""
        self._end(work, HistoryKind.KILLED, receipt_detail(receipt), then)

    def never_begun(self, work: Work) -> None:
        """Records that its process never got the job and is free."""
        self._loop.enlist(partial(history.mark_gone, attempt=work.attempt), partial(self._is_written, work, None))

    def progress(self, work: Work, progress: Progress) -> None:
        """Stores progress a few times a second at most; skips values in between."""
        moment = self._resources.clock.monotonic()
        # One at a time: while the disk is slow, the next would only wait behind it.
        if work.is_showing or moment - work.shown < self._resources.settings.progress_seconds:
            return
        work.shown, work.is_showing = moment, True
        self._loop.enlist(
            partial(_write_progress, work=work, progress=progress, steady=moment),
            partial(self._is_written, work, partial(setattr, work, "is_showing", False)),
        )

    def record(self, work: Work, record: Record) -> None:
        """Adds to the step's journal; its process hears that after the commit, one that was superseded never."""
        active, now = work.active, self._resources.clock.now()
        # With the epoch under which it was taken: what another server goes on with is no longer this one's to record.
        new = journals.NewEntry(
            run=active.run.id,
            epoch=active.run.epoch,
            attempt=work.attempt,
            number=record.number,
            entry=record.entry,
        )
        self._loop.enlist(partial(journals.add, new=new, now=now), partial(self._recorded, work, record))

    def _recorded(self, work: Work, record: Record, done: Task[None]) -> None:
        if done.error is None:
            work.owed = record.number
            self._loop.post(WorkerSpoke(work))  # as if it had: the acknowledgement is sent before it is heard
        elif not isinstance(done.error, runs.Superseded):
            log.error("a journal could not be kept", exc_info=done.error, extra={"attempt": work.attempt})
            self._loop.post(OverLimit(work, "what the step has done could not be recorded; see the server's log"))

    def _end(
        self, work: Work, kind: HistoryKind, detail: Mapping[str, object], then: Callable[[], None] | None = None
    ) -> None:
        # Here and not in the transaction: until its commit the process may have been given to another.
        now, is_gone = self._resources.clock.now(), work.stage is Stage.FREED
        self._loop.enlist(
            partial(_write_end, work=work, kind=kind, detail=detail, now=now, is_gone=is_gone),
            partial(self._is_written, work, then),
        )

    def _is_written(self, work: Work, then: Callable[[], None] | None, _: Task[None]) -> None:
        self._resources.announcements.ring(work.active.run.id)
        if then is not None:
            then()


def _write_end(
    tx: Transaction, *, work: Work, kind: HistoryKind, detail: Mapping[str, object], now: datetime, is_gone: bool
) -> None:
    history.append(tx, work.active.run.id, kind, detail, now=now, step=work.active.step_ids[work.key])
    if is_gone:
        history.mark_gone(tx, work.attempt)


def _write_progress(tx: Transaction, *, work: Work, progress: Progress, steady: float) -> None:
    run = work.active.run
    runs.fence(tx, run.id, run.epoch, revisions=1, steady=steady)
    moves.show_progress(tx, work.active.step_ids[work.key], progress.fraction, progress.message)
