"""The writes of one decision, in one transaction: the end of a step together with the start of the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.actions.contract import StepOutcome
from procession.engine.active_run import ActiveRun, Wait, Work
from procession.engine.isolation.contract import ProcessMark
from procession.engine.options import EngineResources
from procession.engine.stages import Stage
from procession.engine.step_approvals import StepApprovals, StepAsked
from procession.engine.step_runs import StepRuns
from procession.engine.step_tables import HeldTables, StepTables, TableDraft
from procession.model import ends as model_ends
from procession.model.figures import Figures
from procession.model.ids import StepId
from procession.model.lifecycle import Outcome, RunEvent, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.store import ends, follow_ups, history, moves, runs, writes
from procession.store.database import Transaction
from procession.store.follow_ups import NewFollowUp
from procession.store.moves import Move

log = logging.getLogger(__name__)

NO_PROCESS = ProcessMark(pid=0, started_ticks=0, boot_id="")  # of what the engine does itself


class StepMove(msgspec.Struct, frozen=True):
    """A step moves, perhaps through several statuses; the history records only the last one."""

    move: Move
    detail: Mapping[str, Any]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    work: Work
    status: StepStatus
    message: str
    seconds: float
    figures: Figures = {}
    follow_up: NewFollowUp | None = None


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a try that needed no process. `attempt` is the id of its row; None: it begins in this change, too."""

    key: str
    number: int
    outcome: StepOutcome
    attempt: int | None = None
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Change:
    """Everything that one event changes, in order."""

    active: ActiveRun
    now: datetime
    steady: float
    tables: StepTables | None = None
    approvals: StepApprovals | None = None
    child_runs: StepRuns | None = None
    moves: list[StepMove] = field(default_factory=list)
    told: list[tuple[StepId, str]] = field(default_factory=list)
    begun: list[Work] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    performed: list[Performed] = field(default_factory=list)
    asked: list[Wait] = field(default_factory=list)
    called: list[Wait] = field(default_factory=list)
    continued: list[Wait] = field(default_factory=list)  # further runs may start for their rows
    written: list[writes.PropertyWrite] = field(default_factory=list)
    drafts: tuple[TableDraft, ...] = ()  # of the one attempt that ends
    outcome: Outcome | None = None  # the run is finished
    revision: int | None = None  # the run's, once it is recorded
    facts: Mapping[str, Any] = field(default_factory=dict)  # what went wrong, once it is recorded

    def is_empty(self) -> bool:
        runs_start = self.called or self.continued
        return not (self.moves or self.told or self.begun or self.ended or self.written or self.outcome or runs_start)

    def record(self, tx: Transaction) -> None:
        """Writes all of it, or raises Superseded, or TablesLate and Invalid for drafts, and writes nothing."""
        run = self.active.run
        held = runs.fence(tx, run.id, run.epoch, revisions=max(len(self.moves), 1), steady=self.steady)
        # Each move has a revision of its own, so that followers can tell them apart; what moves no step has one for
        # all.
        self.revision = held.revision + max(len(self.moves), 1) - 1
        # Ends before begins: one transaction may end a try of a step and begin the next.
        for ended in self.ended:
            self._record_end(tx, ended)
        for written in self.written:
            writes.write_property(tx, written, self.now)
        # Before the history, which tells the version numbers that only publishing gives.
        published = self._publish(tx)
        for work in self.begun:
            work.attempt = history.add_attempt(tx, self._attempt(work.key, work.number, work.worker.mark), self.now)
            self._hold_tables(tx, work)
        for performed in self.performed:
            self._record_performed(tx, performed)
        # The same: the history names the run that a step has started.
        started = self._start_runs(tx)
        if self.moves:
            moves.apply(tx, [self._timed(step.move, held.worked) for step in self.moves])
            history.write(
                tx,
                run.id,
                [self._entry(step, held.revision + n, published, started) for n, step in enumerate(self.moves)],
                self.now,
            )
        # After the moves, which begin with no progress.
        for step_id, detail in started.items():
            if child := detail.get("processRun"):
                moves.show_progress(tx, step_id, None, f"waits for process run {child}")
        self._go_on_with_rows(tx)
        if self.asked:
            self._ask(tx, held.revision)
        for step, message in self.told:
            moves.tell(tx, step, message)
        if self.outcome is not None:
            self._finish(tx, self.outcome, held.worked)

    def _record_end(self, tx: Transaction, ended: Ended) -> None:
        history.end_attempt(tx, ended.work.attempt, self._end(ended))
        if ended.follow_up is not None:
            follow_ups.add(tx, ended.follow_up, self.now)

    def _publish(self, tx: Transaction) -> Mapping[str, Any]:
        if not self.drafts:
            return {}
        held = self.ended[0].work.tables
        assert held is not None
        assert self.tables is not None
        return self.tables.publish(tx, held, self.drafts, self.now)

    def _hold_tables(self, tx: Transaction, work: Work) -> None:
        """What it reads is a row before it is read."""
        step = self.active.table_step(work)
        if step is not None:
            # A trouble of this step, not an error: the other steps of the transaction must not fail with it.
            unknown = HeldTables(step=step, trouble="this server has no tables")
            work.tables = unknown if self.tables is None else self.tables.begin(tx, step)

    def _tables_of(self, step: StepMove) -> Mapping[str, Any]:
        """The versions that a step which begins reads."""
        begun = (work for work in self.begun if self.active.step_ids[work.key] == step.move.step)
        work = next(begun, None) if step.move.begins else None
        return work.tables.detail() if work is not None and work.tables is not None else {}

    def _timed(self, move: Move, worked: float) -> Move:
        return replace(move, write=replace(move.write, began=worked)) if move.begins else move

    def _entry(
        self, step: StepMove, revision: int, published: Mapping[str, Any], started: Mapping[StepId, Mapping[str, Any]]
    ) -> history.Entry:
        return history.Entry(
            revision=revision,
            attempt=self.active.run.attempt,
            kind=HistoryKind.STEP,
            detail={
                "status": step.move.reached,
                "message": step.move.write.message,
                **step.detail,
                **(self._tables_of(step) or published),
                **(started.get(step.move.step, {}) if step.move.begins else {}),
            },
            step=step.move.step,
        )

    def _end(self, ended: Ended) -> history.AttemptEnd:
        return history.AttemptEnd(
            status=ended.status,
            message=ended.message,
            at=self.now,
            seconds=ended.seconds,
            is_gone=ended.work.stage is not Stage.KILLING,
            figures=ended.figures,
        )

    def _record_performed(self, tx: Transaction, performed: Performed) -> None:
        attempt, outcome = performed.attempt, performed.outcome
        if attempt is None:
            attempt = history.add_attempt(tx, self._attempt(performed.key, performed.number, NO_PROCESS), self.now)
        end = history.AttemptEnd(
            status=outcome.status,
            message=outcome.message,
            at=self.now,
            seconds=performed.seconds,
            figures=outcome.figures,
        )
        history.end_attempt(tx, attempt, end)

    def _ask(self, tx: Transaction, first_revision: int) -> None:
        """People are asked in the transaction that begins the step: a crash loses neither the question nor the mail."""
        assert self.approvals is not None, "a step that asks is a trouble of its own where there is nobody to ask"
        for wait in self.asked:
            step = self.active.step_ids[wait.key]
            place = next(place for place, one in enumerate(self.moves) if one.move.step == step and one.move.begins)
            self._add_wait(tx, wait)
            asked = StepAsked(
                run=self.active.run,
                step=step,
                attempt=wait.attempt,
                revision=first_revision + place,
                settings=self.active.prepared.asks[wait.key],
            )
            self.approvals.ask(tx, asked, self.now)

    def _start_runs(self, tx: Transaction) -> dict[StepId, Mapping[str, Any]]:
        """Other runs begin in the transaction that begins their step: a crash loses none, and starts none twice."""
        told: dict[StepId, Mapping[str, Any]] = {}
        for wait in self.called:
            assert self.child_runs is not None, "where there is nobody to start runs, no engine performs such a step"
            if wait.rows is None:
                self._add_wait(tx, wait)
            else:
                history.wait_on(tx, wait.attempt, wait.remark)
            call = self.active.call_of(wait)
            told[call.step] = self.child_runs.begin(tx, call, self.now)
        return told

    def _go_on_with_rows(self, tx: Transaction) -> None:
        for wait in dict.fromkeys((*(wait for wait in self.called if wait.rows is not None), *self.continued)):
            assert self.child_runs is not None, "as above"
            fraction, message = self.child_runs.go_on(tx, self.active.call_of(wait), self.now)
            moves.show_progress(tx, self.active.step_ids[wait.key], fraction, message)

    def _add_wait(self, tx: Transaction, wait: Wait) -> None:
        wait.attempt = history.add_attempt(tx, self._attempt(wait.key, wait.number, NO_PROCESS), self.now)
        history.mark_gone(tx, wait.attempt)

    def _attempt(self, key: str, number: int, mark: ProcessMark) -> history.NewAttempt:
        run = self.active.run
        return history.NewAttempt(
            run=run.id,
            step=self.active.step_ids[key],
            attempt=run.attempt,
            number=number,
            epoch=run.epoch,
            pid=mark.pid,
            started_ticks=mark.started_ticks,
            boot_id=mark.boot_id,
        )

    def _finish(self, tx: Transaction, outcome: Outcome, seconds: float) -> None:
        run = runs.finish(tx, self.active.run, outcome, now=self.now, seconds=seconds)
        self.revision = run.revision
        detail = {"status": RunStatus.FINISHED, "outcome": outcome, "durationInSeconds": seconds}
        self.facts = ends.record(tx, run, self.active.ending(HistoryKind.FINISHED, detail), self.now)

    def tell_end(self) -> None:
        """Logs the end in the server's log, after the commit."""
        fields = {"run": str(self.active.run.id), "outcome": str(self.outcome)}
        if self.outcome is Outcome.FAILED:
            log.info("run failed", extra={**fields, "place": model_ends.place(self.facts).strip()})
        else:
            log.info("run finished", extra=fields)


def begin(active: ActiveRun, resources: EngineResources) -> Change:
    """An empty one, as of now."""
    clock = resources.clock
    return Change(
        active=active,
        now=clock.now(),
        steady=clock.monotonic(),
        tables=resources.tables,
        approvals=resources.approvals,
        child_runs=resources.child_runs,
    )


def time_out(tx: Transaction, change: Change) -> None:
    """Ends a run that exceeded its time limit. Raises runs.Superseded if the run was moved meanwhile."""
    active, now = change.active, change.now
    limit = active.prepared.process.time_limit_seconds
    message = f"timed out after {limit:g} s, the time limit of the process run"
    run = runs.find(tx, active.run.id)
    # The limit's timer may come due while a cancellation is being committed.
    if run is None or run.epoch != active.run.epoch or run.status is not RunStatus.RUNNING:
        raise runs.Superseded
    seconds = max(run.worked.at(change.steady), run.worked_max or 0.0)
    ended = runs.end_early(tx, run, RunEvent.TIME_OUT, now=now, seconds=seconds)
    moves.time_out_steps(tx, run.id, message=message, now=now)
    # Before the attempts end: those under way say which runs are waited for.
    if change.child_runs is not None:
        change.child_runs.cancel(tx, ended, active.user, now)
    history.stop_attempts(tx, run.id, StepStatus.FAILED, message, now)
    ends.record(tx, ended, active.ending(HistoryKind.TIMED_OUT, {"limitInSeconds": limit}), now)
    tx.after_commit(lambda: log.info("run timed out", extra={"run": str(run.id)}))
