"""Drives runs: decides on events, records the results in one transaction, then starts processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from procession.actions.contract import StepOutcome
from procession.engine import changes, decisions, events
from procession.engine.active_run import ActiveRun, Work, load
from procession.engine.attempts import Attempts
from procession.engine.changes import Change, time_out
from procession.engine.decisions import Result
from procession.engine.loop import Loop
from procession.engine.notes import Notes
from procession.engine.options import EngineResources
from procession.engine.outcomes import failed, files_of, with_lost_log
from procession.engine.runs_at_work import RunsAtWork
from procession.engine.slots import Slots
from procession.engine.stages import Stage
from procession.engine.table_ends import TableEnds
from procession.engine.taking import Taken
from procession.engine.waits import Waits
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.store import runs
from procession.store.database import Task

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.01  # of a process that says too much: 100 times a second it is listened to


class Executor:
    """Belongs to the loop's thread. Calls `left` when a run needs nothing more, `parked` when one only waits."""

    def __init__(
        self, resources: EngineResources, loop: Loop, *, left: Callable[[RunId], None], parked: Callable[[], None]
    ) -> None:
        self._resources = resources
        self._clock = resources.clock
        self._loop = loop
        self._on_parked = parked
        self._attempts = Attempts(resources, loop)
        self._notes = Notes(resources, loop)
        self._slots = Slots(resources)
        self._tables = TableEnds(resources, loop, again=self._attempts.publish, ended=self._ended_with_tables)
        self._changes: dict[RunId, Change] = {}  # of this turn
        self._waits = Waits(resources, loop, self._attempts, change_of=self._change, parked=parked)
        self.settle_waits, self.collected = self._waits.settle, self._waits.collected
        self._runs = RunsAtWork(loop, left)
        self.active_runs, self.dying = self._runs.active, self._runs.dying
        self.is_closing = False

    def begin(self, taken: Taken) -> None:
        """Starts work on a run that was just taken."""
        active = load(taken.loaded)
        self.active_runs[active.run.id] = active
        change = self._change(active)
        if taken.crashes is not None:
            decisions.recover(active, change, crashes=taken.crashes)
        for key in active.retry_at:
            self._loop.after(decisions.seconds_to_retry(active, key, change.now), events.RetryDue(active, key))
        assert active.run.worked_max is not None
        active.limit = self._loop.after(active.run.worked_max - active.run.worked.counted, events.RunTimeUp(active))
        decisions.advance(active, self._change(active))
        self._waits.look(active)

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
            case events.Published():
                self._published(event)
            case events.Killed():
                self._killed(event)
            case events.OverLimit(work, reason):
                # Also when its end is being published: what it left running may take what it likes.
                if work.stage in (Stage.RUNNING, Stage.OVER) and not work.is_ending:
                    self._end_early(work, reason, grace_seconds=0)
            case events.RunTimeUp(active):
                self._time_out(active)
            case events.RetryDue(active, key):
                active.retry_at.pop(key, None)

    def decide(self) -> None:
        """At the end of a turn: gives free slots away and records everything."""
        if not self.is_closing:
            self._slots.assign(self.active_runs.values(), change_of=self._change)
        made, self._changes = self._changes, {}
        for change in made.values():
            if not change.is_empty():
                self._loop.enlist(change.record, partial(self._recorded, change))

    def decide_for(self, taken: Iterable[RunId]) -> list[Change]:
        """The same for runs that were just taken; returns their changes, not yet recorded."""
        self._slots.assign(self.active_runs.values(), change_of=self._change)
        made = [change for run in taken if (change := self._changes.pop(run, None)) is not None]
        return [change for change in made if not change.is_empty()]

    def recorded(self, made: Iterable[Change]) -> None:
        """The changes were part of a commit and are on disk."""
        for change in made:
            self._go_on(change)

    def abandon(self, taken: Iterable[RunId]) -> None:
        """Forgets runs whose taking transaction failed."""
        for run in taken:
            self._changes.pop(run, None)
            if (active := self.active_runs.get(run)) is not None:
                self._runs.forget(active)
                for work in active.works.values():
                    self._attempts.free(work)

    def busy(self, *, ends_alone: bool = False) -> int:
        return sum(active.ends() if ends_alone else active.processes() for active in self.active_runs.values())

    def drop(self, active: ActiveRun) -> None:
        """Drops a run that somebody else moved, and ends its processes."""
        if active.is_dropped:
            return
        self._runs.forget(active)
        self.halt(active)
        self._runs.leave(active)

    def halt(self, active: ActiveRun) -> None:
        """Ends its processes."""
        for work in tuple(active.works.values()):
            self._loop.cancel(work.limit)
            if work.stage in (Stage.RUNNING, Stage.OVER):
                self._kill(work)

    def start(self) -> None:
        self._attempts.start()

    def close(self) -> None:
        self._attempts.close()

    def _change(self, active: ActiveRun) -> Change:
        """This turn's change of the run; a turn's decisions are recorded together."""
        run = active.run.id
        if run not in self._changes:
            self._changes[run] = changes.begin(active, self._resources)
            self._loop.again()
        return self._changes[run]

    def _recorded(self, change: Change, done: Task[None]) -> None:
        if done.error is not None:
            self._not_recorded(change, done.error)
        else:
            self._go_on(change)

    def _go_on(self, change: Change) -> None:
        """After the commit: announces the changes and starts processes."""
        active = change.active
        self._resources.announcements.ring(active.run.id, change.revision)
        for work in change.begun:
            work.move(Stage.COMMITTED)
            self._let_go(work)
        if change.asked or change.called or change.continued:
            self._waits.begun(change)
        if active.is_finishing and change.outcome is not None:
            change.tell_end()
            self._runs.forget(active)
            self._runs.leave(active)

    def _let_go(self, work: Work) -> None:
        """Sends the process its job, or retries soon if there is no room or memory for it."""
        if work.active.is_dropped:
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
        active = change.active
        for work in change.begun:
            active.works.pop(work.key, None)
            self._attempts.free(work)
        for ended in change.ended:
            self._notes.late(ended.work, ended.status, ended.message)
        if not isinstance(error, runs.Superseded):
            log.error("a change could not be recorded", exc_info=error, extra={"run": str(active.run.id)})
        self.drop(active)

    def _hear(self, event: events.WorkerSpoke) -> None:
        work = event.work
        said = self._attempts.hear(work)
        if said.trouble:
            self._end_early(work, said.trouble)
            return
        if said.progress is not None:
            self._notes.progress(work, said.progress)
        if said.record is not None:
            self._notes.record(work, said.record)
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
            self._tables.line_up(work, outcome, partial(self._attempts.publish, work, outcome))
        else:
            self._published(events.Published(work, with_lost_log(work, outcome), {}))

    def _published(self, event: events.Published) -> None:
        work, outcome = event.work, event.outcome
        is_dropped = work.active.is_dropped or work.stage is not Stage.OVER  # while the files were published
        result = self._result(work, outcome, event.contents)
        if event.drafts and not is_dropped:
            self._tables.end(work, result, event.drafts)
            return
        self._release(work)
        self._notes.late(work, outcome.status, outcome.message) if is_dropped else self._settle(work, result)

    def _ended_with_tables(self, work: Work, result: Result, change: Change, error: Exception | None) -> None:
        if isinstance(error, ProcessionError):
            self._published(events.Published(work, failed(result.outcome, error.message), {}))
        elif error is not None:
            self._not_recorded(change, error)
        else:
            self._release(work)
            self._go_on(change)
            # Once more, now in memory: it is on disk already.
            self._settle(work, result, changes.begin(work.active, self._resources))

    def _release(self, work: Work, *, is_gone: bool = False) -> None:
        """Nothing of the attempt is needed any more; one that is being ended is released by its receipt."""
        if is_gone or work.stage is Stage.OVER:
            self._attempts.free(work)
            self._attempts.clear(work)
            self._tables.leave(work)

    def _settle(self, work: Work, result: Result, change: Change | None = None) -> None:
        active = work.active
        change = change or self._change(active)
        decisions.settle(active, change, work, result)
        if (due := active.retry_at.get(work.key)) is not None:
            self._loop.after((due - change.now).total_seconds(), events.RetryDue(active, work.key))
            self._on_parked()
        decisions.advance(active, self._change(active))

    def _result(self, work: Work, outcome: StepOutcome, contents: Mapping[str, Content]) -> Result:
        return Result(outcome=outcome, contents=contents, seconds=max(self._clock.monotonic() - work.began, 0.0))

    def _end_early(self, work: Work, message: str, *, grace_seconds: float | None = None) -> None:
        """Fails the step at once with the message; killing its process may take longer."""
        self._kill(work, grace_seconds)
        self._settle(work, self._result(work, StepOutcome(status=StepStatus.FAILED, message=message), {}))

    def _kill(self, work: Work, grace_seconds: float | None = None) -> None:
        self._loop.forget(work.worker)
        self._loop.cancel(work.limit)
        work.active.leaving.add(work)
        self._attempts.kill(work, grace_seconds)

    def _killed(self, event: events.Killed) -> None:
        work = event.work
        self._release(work, is_gone=True)
        self._notes.killed(work, event.receipt, partial(self._runs.died, work))
        if event.late is not None:
            self._notes.late(work, event.late.status, event.late.message)

    def _time_out(self, active: ActiveRun) -> None:
        if not active.is_dropped and not active.is_finishing:
            end = partial(time_out, change=changes.begin(active, self._resources))
            self._loop.enlist(end, partial(self._timed_out, active))

    def _timed_out(self, active: ActiveRun, _: Task[None]) -> None:
        self._resources.announcements.ring(active.run.id)
        self.drop(active)
