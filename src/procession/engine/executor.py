"""Drives runs: an event comes, the board decides, one transaction records it, then processes are let go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from procession.actions.contract import Outcome as StepOutcome
from procession.engine import decisions
from procession.engine.attempts import Attempts, Post, receipt_detail
from procession.engine.board import Board, Work, lay
from procession.engine.changes import Change, time_out
from procession.engine.decisions import Result
from procession.engine.isolation.contract import KillReceipt, Progress, Worker
from procession.engine.options import Tools
from procession.engine.taking import Taken
from procession.engine.timers import Timers
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.model.runs import HistoryKind
from procession.store import history, moves, runs
from procession.store.database import Transaction

log = logging.getLogger(__name__)


class Executor:
    """Belongs to one thread; `post` brings calls into it. `left` is told when a run needs nothing more from here."""

    def __init__(
        self, tools: Tools, *, post: Post, timers: Timers, watch: Callable[[Worker, Callable[[], None] | None], None]
    ) -> None:
        self._tools = tools
        self._post = post
        self._timers = timers
        self._watch = watch
        self._pool = ThreadPoolExecutor(max_workers=tools.settings.workers_max + 4, thread_name_prefix="attempt")
        self._attempts = Attempts(tools, self._pool, post=post, settled=self._on_settled)
        self._attempts.progressed = self._on_progress
        self._attempts.broken = self._on_broken
        self.boards: dict[RunId, Board] = {}
        self.dying: dict[RunId, int] = {}  # processes of a run that are being ended: it must not be taken meanwhile
        self.is_closing = False
        self.left: Callable[[RunId], None] = lambda run: None

    def begin(self, taken: Taken) -> None:
        """Work on a run that was just taken."""
        board = lay(taken.loaded, began=self._tools.clock.monotonic())
        self.boards[board.run.id] = board
        change = self._change(board)
        if taken.crashes is not None:
            decisions.recover(board, change, crashes=taken.crashes)
        for key, moment in board.retry_at.items():
            self._await_retry(board, key, (moment - change.now).total_seconds())
        if board.run.deadline_at is not None:
            seconds = (board.run.deadline_at - change.now).total_seconds()
            board.limit = self._timers.after(seconds, lambda: self._time_out(board))
        self._go_on(board, change)

    def fill_slots(self) -> None:
        """A process became ready, a slot free or a retry due: let steps begin that wait."""
        waiting = [board for board in self.boards.values() if board.waiting and not board.is_dropped]
        for board in sorted(waiting, key=lambda board: len(board.works)):
            if self.busy() >= self._tools.settings.workers_max:
                return
            change = self._change(board)
            self._begin_waiting(board, change)
            self._submit(board, change)

    def busy(self) -> int:
        return sum(len(board.works) for board in self.boards.values())

    def drop(self, board: Board) -> None:
        """Somebody else moved the run: stop working on it and end what it has under way."""
        if board.is_dropped:
            return
        self._forget(board)
        for work in tuple(board.works.values()):
            self._timers.cancel(work.limit)
            if not work.is_killed and work.attempt is not None:
                self._kill(board, work)
            elif work.attempt is None:
                self._attempts.free(work)
        if not self.dying.get(board.run.id):
            self.left(board.run.id)
        self._wake_waiting()

    def _forget(self, board: Board) -> None:
        board.is_dropped = True
        self.boards.pop(board.run.id, None)
        self._timers.cancel(board.limit)

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    # --- deciding and recording

    def _change(self, board: Board) -> Change:
        return Change(board=board, now=self._tools.clock.now())

    def _go_on(self, board: Board, change: Change) -> None:
        decisions.advance(board, change, monotonic=self._tools.clock.monotonic())
        self._begin_waiting(board, change)
        self._submit(board, change)

    def _submit(self, board: Board, change: Change) -> None:
        if not change.is_empty():
            future = self._tools.database.submit(change.record)
            future.add_done_callback(lambda done: self._post(lambda: self._recorded(board, change, done)))

    def _begin_waiting(self, board: Board, change: Change) -> None:
        for key in tuple(board.waiting):
            due = board.retry_at.get(key)
            if self.is_closing or (due is not None and due > change.now):
                continue
            if self.busy() >= self._tools.settings.workers_max:
                decisions.line_up(board, change, key)
                continue
            if (work := self._prepare(board, key, change.now)) is not None:
                decisions.begin(board, change, work)

    def _prepare(self, board: Board, key: str, now: datetime) -> Work | None:
        """A process for the step; None while none is ready, fill_slots() comes again then."""
        step = board.prepared.process.step(key)
        assert step is not None
        action = self._tools.actions.get(step.action)
        is_users = action is None or action.runs_user_code
        worker = self._tools.isolation.acquire(user_code=is_users, network=key in board.prepared.networked)
        if worker is None:
            return None
        return Work(
            key=key,
            step=step,
            worker=worker,
            number=board.tries.get(key, 0) + 1,
            began=self._tools.clock.monotonic(),
            began_at=now,
        )

    def _recorded(self, board: Board, change: Change, done: Future[None]) -> None:
        error = done.exception()
        if error is not None:
            self._not_recorded(board, change, error)
            return
        self._tools.announcements.ring(board.run.id)
        for work in change.begun:
            self._let_go(board, work)
        if board.is_finishing and change.outcome is not None:
            change.tell_end()
            self._forget(board)
            self.left(board.run.id)

    def _let_go(self, board: Board, work: Work) -> None:
        if work.is_killed:
            return
        if board.is_dropped:
            # Cancelled between the commit and now: the process has not been told anything.
            self._attempts.free(work)
            self._record(lambda tx: history.mark_gone(tx, work.attempt or 0))
            return
        self._watch(work.worker, lambda: self._attempts.hear(board, work))
        limit = work.step.time_limit_seconds
        if limit is not None:
            work.limit = self._timers.after(limit, lambda: self._limit(board, work, limit))
        self._attempts.let_go(board, work)

    def _not_recorded(self, board: Board, change: Change, error: BaseException) -> None:
        for work in change.begun:
            board.works.pop(work.key, None)
            if not work.is_killed:
                work.attempt = None
                self._attempts.free(work)
        for ended in change.ended:
            detail = {"status": ended.status, "message": ended.message, "try": ended.work.number}
            self._record_late(board, ended.work, detail)
        if not isinstance(error, runs.Superseded):
            log.error("a change could not be recorded", exc_info=error, extra={"run": str(board.run.id)})
        self.drop(board)

    # --- what attempts tell

    def _on_settled(self, board: Board, work: Work, result: Result) -> None:
        self._watch(work.worker, None)
        self._timers.cancel(work.limit)
        if board.is_dropped:
            detail = {"status": result.outcome.status, "message": result.outcome.message, "try": work.number}
            self._record_late(board, work, detail)
            return
        change = self._change(board)
        decisions.settle(board, change, work, result)
        if (due := board.retry_at.get(work.key)) is not None:
            self._await_retry(board, work.key, (due - change.now).total_seconds())
        self._go_on(board, change)
        self._wake_waiting(but=board)

    def _wake_waiting(self, *, but: Board | None = None) -> None:
        """Slots became free: let steps of other runs begin that wait for one."""
        if any(other.waiting for other in self.boards.values() if other is not but):
            self._post(self.fill_slots)

    def _await_retry(self, board: Board, key: str, seconds: float) -> None:
        def due() -> None:  # by the monotonic clock: a clock that was set back must not put it off
            board.retry_at.pop(key, None)
            self.fill_slots()

        self._timers.after(seconds, due)

    def _record_late(self, board: Board, work: Work, detail: dict[str, object]) -> None:
        now, step, run = self._tools.clock.now(), board.step_ids[work.key], board.run.id

        def late(tx: Transaction) -> None:
            history.append(tx, run, HistoryKind.LATE_RESULT, detail, now=now, step=step)
            if work.attempt is not None:
                history.mark_gone(tx, work.attempt)

        self._record(late)

    def _on_progress(self, board: Board, work: Work, progress: Progress) -> None:
        moment = self._tools.clock.monotonic()
        if board.is_dropped or moment - work.shown < self._tools.settings.progress_seconds:
            return
        work.shown = moment
        step, run = board.step_ids[work.key], board.run

        def show(tx: Transaction) -> None:
            runs.fence(tx, run.id, run.epoch, revisions=1)
            moves.show_progress(tx, step, progress.fraction, progress.message)

        self._tools.database.submit(show).add_done_callback(lambda _: self._tools.announcements.ring(run.id))

    # --- limits and ends

    def _limit(self, board: Board, work: Work, seconds: float) -> None:
        if board.works.get(work.key) is not work or work.is_over or work.is_killed:
            return
        self._end_early(board, work, f"timed out after {seconds:g} s")

    def _on_broken(self, board: Board, work: Work) -> None:
        """An attempt whose process cannot be listened to. If its end was being decided, the board is in doubt."""
        if work.is_over and not board.is_dropped:
            self.drop(board)
        elif not work.is_over and not work.is_killed:
            self._end_early(board, work, "what the step's process said could not be taken in; see the server's log")

    def _end_early(self, board: Board, work: Work, message: str) -> None:
        """Kill the process; the step has failed with the message."""
        self._watch(work.worker, None)

        def ended(receipt: KillReceipt, _: StepOutcome | None) -> None:
            outcome = StepOutcome(status=StepStatus.FAILED, message=message)
            took = max(self._tools.clock.monotonic() - work.began, 0.0)
            self._on_settled(
                board, work, Result(outcome=outcome, contents={}, seconds=took, receipt=receipt_detail(receipt))
            )

        self._attempts.kill(work, ended)

    def _time_out(self, board: Board) -> None:
        if board.is_dropped or board.is_finishing:
            return
        now = self._tools.clock.now()
        future = self._tools.database.submit(lambda tx: time_out(tx, board, now=now))
        future.add_done_callback(lambda _: self._post(lambda: self._timed_out(board)))

    def _timed_out(self, board: Board) -> None:
        self._tools.announcements.ring(board.run.id)
        self.drop(board)

    def _kill(self, board: Board, work: Work) -> None:
        """End a process of a dropped run; the run's history gets the receipt."""
        run, step = board.run.id, board.step_ids[work.key]
        self._watch(work.worker, None)
        self.dying[run] = self.dying.get(run, 0) + 1

        def ended(receipt: KillReceipt, late: StepOutcome | None) -> None:
            now = self._tools.clock.now()

            def record(tx: Transaction) -> None:
                history.append(tx, run, HistoryKind.KILLED, receipt_detail(receipt), now=now, step=step)
                history.mark_gone(tx, work.attempt or 0)

            self._record(record, lambda: self._died(run))
            if late is not None:
                self._record_late(board, work, {"status": late.status, "message": late.message, "try": work.number})

        self._attempts.kill(work, ended)

    def _died(self, run: RunId) -> None:
        self._tools.announcements.ring(run)
        self.dying[run] -= 1
        if not self.dying[run]:
            del self.dying[run]
            self.left(run)

    def _record(self, operation: Callable[[Transaction], None], then: Callable[[], None] | None = None) -> None:
        future = self._tools.database.submit(operation)
        if then is not None:
            future.add_done_callback(lambda _: self._post(then))
