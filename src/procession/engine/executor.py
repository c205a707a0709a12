"""Drives runs: decides on events, records the results in one transaction, then starts processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from procession.actions.contract import StepOutcome
from procession.engine import decisions, events
from procession.engine.active_run import Board, Work, lay
from procession.engine.attempts import Attempts
from procession.engine.changes import Change, time_out
from procession.engine.decisions import Result
from procession.engine.loop import Loop
from procession.engine.notes import Notes
from procession.engine.options import Tools
from procession.engine.outcomes import files_of, with_lost_log
from procession.engine.slots import Slots
from procession.engine.stages import Stage
from procession.engine.taking import Taken
from procession.model.files import Content
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.store import runs
from procession.store.database import Task

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.01  # of a process that says too much: 100 times a second it is listened to


class Executor:
    """Belongs to the loop's thread.

    Calls `left` when a run needs nothing more, `parked` when a run only waits for a retry.
    """

    def __init__(self, tools: Tools, loop: Loop, *, left: Callable[[RunId], None], parked: Callable[[], None]) -> None:
        self._tools = tools
        self._clock = tools.clock
        self._loop = loop
        self._left = left
        self._on_parked = parked
        self._attempts = Attempts(tools, loop)
        self._notes = Notes(tools, loop)
        self._slots = Slots(tools)
        self._changes: dict[RunId, Change] = {}  # of this turn
        self.boards: dict[RunId, Board] = {}
        self.dying: set[RunId] = set()  # their processes are being ended: do not take them yet
        self.is_closing = False

    def begin(self, taken: Taken) -> None:
        """Starts work on a run that was just taken."""
        board = lay(taken.loaded)
        self.boards[board.run.id] = board
        change = self._change(board)
        if taken.crashes is not None:
            decisions.recover(board, change, crashes=taken.crashes)
        for key in board.retry_at:
            self._loop.after(decisions.seconds_to_retry(board, key, change.now), events.RetryDue(board, key))
        assert board.run.worked_max is not None
        board.limit = self._loop.after(board.run.worked_max - board.run.worked.counted, events.RunTimeUp(board))
        self._advance(board)

    def handle(self, event: events.OfRuns) -> None:
        match event:
            case events.WorkerSpoke(work) | events.StepTimeUp(work) if work.stage is not Stage.RUNNING:
                pass  # its end was decided meanwhile
            case events.WorkerSpoke(work):
                self._hear(event)
            case events.BeginDue(work):
                self._let_go(work)
            case events.JobDue(job):
                self._attempts.submit(job)
            case events.StepTimeUp(work):
                self._end_early(work, f"timed out after {work.step.time_limit_seconds:g} s")
            case events.Published(work, outcome, contents):
                self._published(work, outcome, contents)
            case events.Killed():
                self._killed(event)
            case events.RunTimeUp(board):
                self._time_out(board)
            case events.RetryDue(board, key):
                board.retry_at.pop(key, None)

    def decide(self) -> None:
        """At the end of a turn: gives free slots away and records everything."""
        if not self.is_closing:
            self._slots.assign(self.boards.values(), change_of=self._change)
        changes, self._changes = self._changes, {}
        for change in changes.values():
            if not change.is_empty():
                self._loop.enlist(change.record, partial(self._recorded, change))

    def decide_for(self, taken: Iterable[RunId]) -> list[Change]:
        """The same for runs that were just taken; returns their changes, not yet recorded."""
        self._slots.assign(self.boards.values(), change_of=self._change)
        changes = [change for run in taken if (change := self._changes.pop(run, None)) is not None]
        return [change for change in changes if not change.is_empty()]

    def recorded(self, changes: Iterable[Change]) -> None:
        """The changes were part of a commit and are on disk."""
        for change in changes:
            self._go_on(change)

    def abandon(self, taken: Iterable[RunId]) -> None:
        """Forgets runs whose taking transaction failed."""
        for run in taken:
            self._changes.pop(run, None)
            if (board := self.boards.get(run)) is not None:
                self._forget(board)
                for work in board.works.values():
                    self._attempts.free(work)

    def busy(self) -> int:
        return sum(board.processes() for board in self.boards.values())

    def drop(self, board: Board) -> None:
        """Drops a run that somebody else moved, and ends its processes."""
        if board.is_dropped:
            return
        self._forget(board)
        for work in tuple(board.works.values()):
            self._loop.cancel(work.limit)
            if work.stage in (Stage.RUNNING, Stage.OVER):
                self._kill(work)
        self._leave(board)

    def close(self) -> None:
        self._attempts.close()

    def _leave(self, board: Board) -> None:
        """Lets the run go once its processes are gone."""
        if board.leaving:
            self.dying.add(board.run.id)
        else:
            self._left(board.run.id)

    def _forget(self, board: Board) -> None:
        board.is_dropped = True
        self.boards.pop(board.run.id, None)
        self._loop.cancel(board.limit)

    # --- deciding and recording

    def _change(self, board: Board) -> Change:
        """This turn's change of the run; a turn's decisions are recorded together."""
        run, clock = board.run.id, self._clock
        if run not in self._changes:
            self._changes[run] = Change(board=board, now=clock.now(), steady=clock.monotonic())
            self._loop.again()
        return self._changes[run]

    def _advance(self, board: Board) -> None:
        decisions.advance(board, self._change(board))

    def _recorded(self, change: Change, done: Task[None]) -> None:
        if done.error is not None:
            self._not_recorded(change, done.error)
        else:
            self._go_on(change)

    def _go_on(self, change: Change) -> None:
        """After the commit: announces the changes and starts processes."""
        board = change.board
        self._tools.announcements.ring(board.run.id, change.revision)
        for work in change.begun:
            work.move(Stage.COMMITTED)
            self._let_go(work)
        if board.is_finishing and change.outcome is not None:
            change.tell_end()
            self._forget(board)
            self._leave(board)

    def _let_go(self, work: Work) -> None:
        """Sends the process its job, or retries soon if there is no room or memory for it."""
        if work.board.is_dropped:
            # cancelled before it got its job
            self._attempts.free(work)
            self._notes.never_begun(work)
            return
        try:
            failed = self._attempts.let_go(work)
        except (OSError, MemoryError):
            self._loop.later(events.BeginDue(work))
            return
        if failed is not None:
            self._over(work, failed)
            return
        self._loop.watch(work.worker, events.WorkerSpoke(work))
        limit = work.step.time_limit_seconds
        work.limit = self._loop.after(limit, events.StepTimeUp(work)) if limit is not None else None

    def _not_recorded(self, change: Change, error: Exception) -> None:
        board = change.board
        for work in change.begun:
            board.works.pop(work.key, None)
            self._attempts.free(work)
        for ended in change.ended:
            self._notes.late(ended.work, ended.status, ended.message)
        if not isinstance(error, runs.Superseded):
            log.error("a change could not be recorded", exc_info=error, extra={"run": str(board.run.id)})
        self.drop(board)

    # --- what attempts tell

    def _hear(self, event: events.WorkerSpoke) -> None:
        work = event.work
        said = self._attempts.hear(work)
        if said.trouble:
            self._end_early(work, said.trouble)
            return
        if said.progress is not None:
            self._notes.progress(work, said.progress)
        if said.outcome is not None:
            self._over(work, said.outcome)
        elif said.is_short:
            self._loop.later(event)
        elif said.is_loud:
            # One process must not take the others' turns: it waits on its full pipe.
            self._loop.later(event, PAUSE_SECONDS)

    def _over(self, work: Work, outcome: StepOutcome) -> None:
        work.move(Stage.OVER)
        self._loop.forget(work.worker)
        self._loop.cancel(work.limit)
        if work.unwritten or work.leaves or files_of(outcome):
            self._attempts.publish(work, outcome)
        else:
            self._published(work, with_lost_log(work, outcome), {})

    def _published(self, work: Work, outcome: StepOutcome, contents: Mapping[str, Content]) -> None:
        if work.stage is not Stage.OVER:  # the run was dropped while the files were published
            self._notes.late(work, outcome.status, outcome.message)
            return
        self._attempts.free(work)
        self._attempts.clear(work)
        if work.board.is_dropped:
            self._notes.late(work, outcome.status, outcome.message)
        else:
            self._settle(work, Result(outcome=outcome, contents=contents, seconds=self._seconds(work)))

    def _settle(self, work: Work, result: Result) -> None:
        board = work.board
        change = self._change(board)
        decisions.settle(board, change, work, result)
        if (due := board.retry_at.get(work.key)) is not None:
            self._loop.after((due - change.now).total_seconds(), events.RetryDue(board, work.key))
            self._on_parked()
        self._advance(board)

    def _seconds(self, work: Work) -> float:
        return max(self._clock.monotonic() - work.began, 0.0)

    # --- limits and ends

    def _end_early(self, work: Work, message: str) -> None:
        """Fails the step at once with the message; killing its process may take longer."""
        self._kill(work)
        outcome = StepOutcome(status=StepStatus.FAILED, message=message)
        self._settle(work, Result(outcome=outcome, contents={}, seconds=self._seconds(work)))

    def _kill(self, work: Work) -> None:
        self._loop.forget(work.worker)
        self._loop.cancel(work.limit)
        work.board.leaving.add(work)
        self._attempts.kill(work)

    def _killed(self, event: events.Killed) -> None:
        work = event.work
        self._attempts.free(work)
        self._attempts.clear(work)
        self._notes.killed(work, event.receipt, partial(self._died, work))
        if event.late is not None:
            self._notes.late(work, event.late.status, event.late.message)

    def _died(self, work: Work) -> None:
        board = work.board
        board.leaving.discard(work)
        if board.is_dropped and not board.leaving:
            self.dying.discard(board.run.id)
            self._left(board.run.id)
        self._loop.again()

    def _time_out(self, board: Board) -> None:
        if not board.is_dropped and not board.is_finishing:
            end = partial(time_out, board=board, now=self._clock.now(), steady=self._clock.monotonic())
            self._loop.enlist(end, partial(self._timed_out, board))

    def _timed_out(self, board: Board, _: Task[None]) -> None:
        self._tools.announcements.ring(board.run.id)
        self.drop(board)
