"""The state of an active run in memory, from which the executor decides. The store stays the truth; writes are fenced.

It changes before its change is committed. Changes reach the store in the order in which they were made, and when
one finds the run superseded, so do all behind it, and it is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from procession.actions.contract import FileInput, InputValue, OutputTarget, StepOutcome
from procession.engine import stages
from procession.engine.isolation.contract import Worker
from procession.engine.preparation import Prepared
from procession.engine.stages import Stage
from procession.engine.step_runs import StepCall
from procession.engine.step_tables import HeldTables, TableStep
from procession.model import flow, plans
from procession.model.child_runs import CalledRow
from procession.model.files import Content
from procession.model.ids import StepId
from procession.model.lifecycle import StepStatus
from procession.model.people import User
from procession.model.processes import PropertyType, Step, Value
from procession.model.runs import HistoryKind, Run
from procession.model.steps import PropertyRow, StepRow
from procession.model.table_uses import is_table
from procession.store.blobs import Blobs
from procession.store.ends import RunEnding


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """One attempt at one step, from the reservation of its process until that is free or gone."""

    active: ActiveRun
    key: str
    step: Step
    worker: Worker
    number: int  # try number, from 1
    began: float  # monotonic
    began_at: datetime
    stage: Stage = Stage.PREPARED
    attempt: int = 0  # the id of its row
    unwritten: bytes = b""  # of its log: there is no room for it now
    log_trouble: str = ""  # why part of its log is lost
    short_since: float | None = None  # when a shortage began to hold it up, monotonic
    limit: int | None = None  # the timer of its time limit
    shown: float = 0.0  # when its progress was last written, monotonic
    leaves: bool = False  # it is done, and processes that it started may still run
    heard: float = 0.0  # when it was last listened to, monotonic
    hearings: float = 0.0  # how often of late
    recorded: int = 0  # entries that it has asked to be kept in the step's journal
    owed: int = 0  # the number of one that is on disk and not yet acknowledged; 0 for none
    is_showing: bool = False  # its progress waits to be written
    tables: HeldTables | None = None  # None: it names none
    outcome: StepOutcome | None = None  # what it has said at its end, while that is being published
    is_ending: bool = False  # its end is being committed together with tables

    def move(self, stage: Stage) -> None:
        self.stage = stages.move(self.stage, stage)


@dataclass(slots=True, kw_only=True, eq=False)
class Wait:
    """A try of a step that waits for people, or for a run that it starts; it holds no process."""

    key: str
    number: int  # try number, from 1
    attempt: int = 0  # the id of its row
    given: Mapping[str, PropertyRow] = field(default_factory=dict)  # what it reads, as it was when the step began
    rows: tuple[CalledRow, ...] | None = None  # for which it starts runs, until they are on disk
    remark: str = ""  # what was odd about them
    is_collected: bool = False  # what their runs have given is being made a file
    short_since: float | None = None  # when a shortage began to hold that up, monotonic


@dataclass(slots=True, kw_only=True, eq=False)
class ActiveRun:
    """`run` is as taken; its epoch fences all writes."""

    run: Run
    prepared: Prepared
    plan: plans.Plan
    user: User  # who started it
    step_ids: dict[str, StepId]
    statuses: dict[str, StepStatus]
    tries: dict[str, int]
    crashes: dict[str, int]  # tries that ended with a server, of this attempt
    retry_at: dict[str, datetime]  # until a timer says that it is time: the wall clock may be set meanwhile
    properties: dict[str, PropertyRow]  # by "step.property"
    updated: set[str]
    settled: flow.Settled = field(default_factory=flow.Settled)
    told: set[str] = field(default_factory=set)
    waiting: list[str] = field(default_factory=list)  # action steps that are due and have no process yet
    works: dict[str, Work] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    leaving: set[Work] = field(default_factory=set)  # ended attempts whose processes may still live
    turn: int = 0  # when it last got a process, in turns of all runs
    is_dropped: bool = False
    is_finishing: bool = False
    limit: int | None = None  # the timer of the run's time limit

    def due(self) -> list[str]:
        """The steps that wait and may begin: their last try is gone, and their retry is not for later."""
        if not (self.retry_at or self.leaving):
            return list(self.waiting)
        leaving = {work.key for work in self.leaving}
        return [key for key in self.waiting if key not in leaving and key not in self.retry_at]

    def failures(self, key: str) -> int:
        """Tries that took a retry: a server that stops is no failure of the step."""
        return self.tries[key] - self.crashes.get(key, 0)

    def processes(self) -> int:
        """The number of processes it holds."""
        return len(self.works) + len(self.leaving)

    def ends(self) -> int:
        """Those of them that have reported their end, or are being ended."""
        return len(self.leaving) + sum(work.stage is Stage.OVER for work in self.works.values())

    def is_parked(self) -> bool:
        """Whether it has nothing to do before the moment of a retry, or before people decide."""
        is_later = bool(self.retry_at and self.waiting) or bool(self.waits)
        return is_later and not self.processes() and not self.due()

    def state(self) -> flow.FlowState:
        return flow.FlowState(
            statuses=self.statuses,
            # Only conditions look at values, and this is asked at the end of every step.
            values=self.values() if self.plan.has_conditions else {},
            updated=self.updated,
            told=self.told,
        )

    def values(self) -> dict[str, Value]:
        """Those of all properties but Files."""
        return {
            reference: row.item.value
            for reference, row in self.properties.items()
            if row.item.type is not PropertyType.FILE
        }

    def ending(self, kind: HistoryKind, detail: Mapping[str, Any]) -> RunEnding:
        """An end of this run, for ends.record()."""
        return RunEnding(kind=kind, detail=detail, login=self.user.login, when=self.prepared.process.alert_when)

    def set_value(self, reference: str, value: Value) -> None:
        row = self.properties[reference]
        self.properties[reference] = replace(row, item=replace(row.item, value=value))

    def set_file(self, reference: str, name: str, content: Content) -> None:
        row = self.properties[reference]
        assert row.file is not None
        file = replace(row.file, name=name, sha256=content.sha256, size_bytes=content.size_bytes)
        self.properties[reference] = replace(row, file=file)
        self.updated.add(reference)

    def read_by(self, key: str) -> dict[str, PropertyRow]:
        """The properties that the step reads, as they are now."""
        reads = self.prepared.touches[key].reads
        return {reference: self.properties[reference] for reference in reads if not is_table(reference)}

    def call_of(self, wait: Wait) -> StepCall:
        """The try of a step that starts runs."""
        return StepCall(
            run=self.run,
            step=self.step_ids[wait.key],
            attempt=wait.attempt,
            user=self.user,
            call=self.prepared.calls[wait.key],
            # After a restart of the server as it is now. What runs for rows are given is kept with the rows.
            given=wait.given or self.read_by(wait.key),
            rows=wait.rows,
        )

    def inputs(self, key: str, blobs: Blobs) -> Mapping[str, InputValue]:
        """What the step reads, as it is now; tables are the attempt's own."""
        reads = self.prepared.touches[key].reads
        return {reference: self._input(reference, blobs) for reference in reads if not is_table(reference)}

    def _input(self, reference: str, blobs: Blobs) -> InputValue:
        row = self.properties[reference]
        if row.file is None:
            return row.item.value
        if row.file.sha256 is None:
            return None
        return FileInput(path=str(blobs.fetch(row.file.sha256)), name=row.file.name, size_bytes=row.file.size_bytes)

    def table_step(self, work: Work) -> TableStep | None:
        """The attempt, as its tables are asked for; None for one that names none."""
        uses = self.prepared.tables.get(work.key, ())
        numbers = [use.version for use in uses if isinstance(use.version, str)]
        return (
            TableStep(
                run=self.run,
                step=self.step_ids[work.key],
                attempt=work.attempt,
                user=self.user,
                uses=uses,
                numbers={reference: self.properties[reference].item.value for reference in numbers},
            )
            if uses
            else None
        )

    def types(self, key: str) -> Mapping[str, str]:
        """Of what the step reads."""
        reads = self.prepared.touches[key].reads
        return {reference: self.properties[reference].item.type for reference in reads if not is_table(reference)}

    def targets(self, key: str) -> Mapping[str, OutputTarget]:
        """What the step writes; tables are the attempt's own."""
        writes = self.prepared.touches[key].writes
        return {reference: self._target(reference) for reference in writes if not is_table(reference)}

    def _target(self, reference: str) -> OutputTarget:
        row = self.properties[reference]
        return OutputTarget(type=row.item.type, file_name=row.file.name if row.file else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What the transaction that takes a run reads of it."""

    run: Run
    prepared: Prepared
    user: User
    steps: tuple[StepRow, ...]
    properties: tuple[PropertyRow, ...]
    updated: frozenset[int]  # numbers of the properties that a step wrote
    waits: Mapping[StepId, int] = field(
        default_factory=dict
    )  # tries that wait without a process, by the ids of their rows


def load(loaded: Loaded) -> ActiveRun:
    """Builds the state of a run that was just taken."""
    keys = {step.id: step.key for step in loaded.steps}
    properties = {f"{keys[row.step]}.{row.item.key}": row for row in loaded.properties}
    statuses = {step.key: step.status for step in loaded.steps}
    return ActiveRun(
        run=loaded.run,
        prepared=loaded.prepared,
        plan=plans.prepare(loaded.prepared.process, restarted=loaded.run.restarted_key, statuses=statuses),
        user=loaded.user,
        step_ids={step.key: step.id for step in loaded.steps},
        statuses=statuses,
        tries={step.key: step.tries for step in loaded.steps},
        crashes={},
        retry_at={step.key: step.retry_at for step in loaded.steps if step.retry_at is not None},
        properties=properties,
        updated={
            reference
            for reference, row in properties.items()
            if row.id.number in loaded.updated or (row.file is not None and row.file.sha256 is not None)
        },
        waiting=[step.key for step in loaded.steps if step.status is StepStatus.SCHEDULED],
        waits={
            step.key: Wait(key=step.key, number=step.tries, attempt=loaded.waits[step.id])
            for step in loaded.steps
            if step.id in loaded.waits and step.status is StepStatus.RUNNING
        },
    )
