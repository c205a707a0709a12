"""Takes a run: one transaction makes a scheduled or orphaned run this engine's and reads all of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from procession.clock import Clock
from procession.engine.active_run import Loaded
from procession.engine.preparation import Preparations
from procession.model.lifecycle import RUN_ACTIVE, RunStatus, StepStatus
from procession.model.runs import HistoryKind, Run
from procession.store import history, people, runs, steps, writes
from procession.store.database import Transaction
from procession.store.queueing import Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """`crashes`: how often each step was interrupted by a stopped server; None for a run that was just scheduled."""

    loaded: Loaded
    crashes: dict[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Identifies the taker: executor ids are new at every boot, so a reused one never looks alive."""

    executor: str
    preparations: Preparations
    clock: Clock

    def take(self, tx: Transaction, head: Head) -> Taken | None:
        """None if the run was cancelled or taken since it was found. Never called for a run that is active here."""
        run = runs.find(tx, head.run)
        # By the epoch: a run that waited when it was found, and runs by now, is no orphan.
        if run is None or run.epoch != head.epoch or run.status not in RUN_ACTIVE:
            return None
        now, process = self.clock.now(), self.preparations.get(tx, run.process, run.version).process
        taken = runs.take(
            tx,
            run,
            self.executor,
            now=now,
            steady=self.clock.monotonic(),
            limit_seconds=process.time_limit_seconds,
        )
        is_orphan = run.status is RunStatus.RUNNING
        # First: it closes the tries that a stopped server has left, and those that wait for people are not among them.
        crashes = _count_crashes(tx, taken, now) if is_orphan else None
        kind = HistoryKind.TAKEN_OVER if is_orphan else HistoryKind.TAKEN
        history.add(tx, taken, kind, {"executor": self.executor, "before": run.executor}, now=now)
        return Taken(
            loaded=self._load(tx, taken),
            crashes=crashes,
        )

    def _load(self, tx: Transaction, run: Run) -> Loaded:
        assert run.started_by is not None
        user = people.user(tx, run.started_by)
        assert user is not None, "started_by is a foreign key"
        prepared = self.preparations.get(tx, run.process, run.version)
        waits = bool(prepared.asks or prepared.calls)
        # Two reads less in a transaction that every run has to pass.
        has_properties = any(step.properties for step in prepared.process.steps)
        return Loaded(
            run=run,
            prepared=prepared,
            user=user,
            steps=tuple(steps.of_run(tx, run.id)),
            properties=tuple(steps.properties_of_run(tx, run.id)) if has_properties else (),
            # What a run that was just scheduled waited for was ended by its restart.
            waits=history.waiting_attempts(tx, run.id) if waits and run.status is RunStatus.RUNNING else {},
            updated=frozenset(writes.written_by_steps(tx, run.id)) if has_properties else frozenset(),
        )


# Crashes are counted by it: with other words, those of attempts before an update would be forgotten.
_STOPPED = "the server stopped"


def _count_crashes(tx: Transaction, run: Run, now: datetime) -> dict[str, int]:
    """By step key, this stop included; closes the attempts that were under way."""
    history.stop_attempts(tx, run.id, StepStatus.FAILED, _STOPPED, now, only_processes=True)
    keys = {step.id: step.key for step in steps.of_run(tx, run.id)}
    crashes: dict[str, int] = {}
    for attempt in history.attempts_of_run(tx, run.id):
        # Of this attempt at the run only: whoever restarts a step wants it tried again.
        if attempt.message == _STOPPED and attempt.attempt == run.attempt:
            crashes[keys[attempt.step]] = crashes.get(keys[attempt.step], 0) + 1
    return crashes
