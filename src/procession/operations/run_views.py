"""Everything that is told of one run on one page, read in one snapshot; also as it was in an earlier attempt."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from procession.model import values
from procession.model.errors import Invalid
from procession.model.figures import EarlierFigures
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import STEP_ACTIVE, STEP_DONE, Outcome, RunStatus, StepStatus
from procession.model.people import Caller, Role
from procession.model.processes import Process
from procession.model.rights import covers
from procession.model.runs import HistoryKind, HistoryRow, Run
from procession.model.steps import AttemptRow, PropertyRow, StepRow
from procession.operations import processes, rights, runs
from procession.store import figures, history, run_facts, steps, unsolved, writes
from procession.store import processes as process_store
from procession.store.database import Transaction
from procession.store.writes import WriteRow

USUAL_OF = 20  # runs whose median is what a run usually takes
BEFORE_SHOWN_MAX = 100  # of a queue; more is "100+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRun:
    """A run in the attempt that is shown: its present one, or an earlier one with what it ended with.

    `attempts` and `events` are of all attempts up to the shown one; `names` are people's by login. `is_gone`: nothing
    that the shown attempt started is left.
    """

    run: Run
    attempt: int
    attempts_made: int
    process_name: str
    process: Process
    definition_sha256: str
    steps: Sequence[StepRow]
    properties: Sequence[PropertyRow]
    attempts: Sequence[AttemptRow]
    events: Sequence[HistoryRow]
    names: Mapping[str, str]
    orders: Mapping[str, str]  # of steps, by their ids
    usual_seconds: float | None
    waiting_before: int
    may_execute: bool
    needs_person: bool  # it ended badly or with remarks, and nobody has dealt with it
    figures_before: Mapping[str, EarlierFigures]  # by step key; empty where this run has none to compare

    @property
    def is_present(self) -> bool:
        return self.attempt == self.attempts_made

    @property
    def is_gone(self) -> bool:
        return all(item.is_gone for item in self.attempts)

    def step(self, text: str) -> StepRow | None:
        """By its number ("3.1")."""
        return next((row for row in self.steps if row.order == text), None)

    def who(self, login: str | None) -> str:
        return "Procession" if login is None else self.names.get(login, login)


def of_run(tx: Transaction, caller: Caller, run_id: RunId, *, attempt: int | None = None) -> ShownRun:
    """`attempt` None: the present one. Raises NotFound, and Invalid for an attempt that there is not."""
    run = runs.find(tx, run_id)
    made = run.attempt
    shown = made if attempt is None else attempt
    if attempt is not None and not 1 <= attempt <= run.attempt:
        raise Invalid(f"{run_id} has no attempt {attempt}; it has {run.attempt}")
    events = [row for row in history.of_run(tx, run_id) if row.attempt <= shown]
    version = process_store.version(tx, run.process, _version(events, run))
    assert version is not None, "a run's version is a foreign key"
    rows, properties = steps.of_run(tx, run_id), steps.properties_of_run(tx, run_id)
    tries = [row for row in history.attempts_of_run(tx, run_id) if row.attempt <= shown]
    if shown != made:
        run, rows = _as_ended(run, events), _replayed(rows, events, tries)
        properties = _as_written(tx, run_id, properties, shown)
    process_row = process_store.find(tx, run.process)
    assert process_row is not None, "a run's process is a foreign key"
    return ShownRun(
        run=run,
        attempt=shown,
        attempts_made=made,
        process_name=process_row.name,
        process=processes.definition_of(tx, run.process, version.number),
        definition_sha256=version.sha256,
        steps=rows,
        properties=properties,
        attempts=tries,
        events=events,
        orders={str(row.id): row.order for row in rows},
        names=run_facts.names(tx, {row.user for row in events if row.user is not None}),
        usual_seconds=usual_seconds(tx, run.process),
        waiting_before=_waiting_before(tx, run),
        may_execute=may_execute(tx, caller, run_id),
        needs_person=unsolved.needs(tx, run_id),
        figures_before=figures.before(tx, run) if any(row.figures for row in tries) else {},
    )


def may_execute(tx: Transaction, caller: Caller, run_id: RunId) -> bool:
    """Whether the caller may cancel it, restart it and copy its inputs."""
    role = rights.role_of(tx, caller.user, run_id)
    return role is not None and covers(role, Role.EXECUTOR)


def usual_seconds(tx: Transaction, process: ProcessId) -> float | None:
    """The median of the last runs of the process that ended well; None before there was one."""
    found = run_facts.durations(tx, process, limit=USUAL_OF)
    return statistics.median(found) if found else None


def _waiting_before(tx: Transaction, run: Run) -> int:
    if run.status is not RunStatus.SCHEDULED:
        return 0
    return run_facts.waiting_before(tx, run, most=BEFORE_SHOWN_MAX + 1)


def _version(events: Sequence[HistoryRow], run: Run) -> int:
    """The version that the last of these attempts followed."""
    told = [row.detail["version"] for row in events if "version" in row.detail]
    return int(told[-1]) if told else run.version


# --- an earlier attempt -------------------------------------------------------------------------------------------

_ENDS = {
    HistoryKind.FINISHED: RunStatus.FINISHED,
    HistoryKind.CANCELLED: RunStatus.CANCELLED,
    HistoryKind.TIMED_OUT: RunStatus.TIMED_OUT,
}


# What store/moves.time_out_steps makes of a step under way.
_OF_TIME_OUT = {StepStatus.RUNNING: StepStatus.FAILED, StepStatus.SCHEDULED: StepStatus.CANCELLED}


def _as_ended(run: Run, events: Sequence[HistoryRow]) -> Run:
    """The run as it was when the last of the events had happened; a restart comes only after an end."""
    end = next((row for row in reversed(events) if row.kind in _ENDS), None)
    if end is None:
        return run
    begun = next((row for row in reversed(events) if row.kind is HistoryKind.TAKEN), None)
    outcome = end.detail.get("outcome")
    return replace(
        run,
        status=_ENDS[end.kind],
        outcome=Outcome(outcome) if outcome and end.kind is HistoryKind.FINISHED else None,
        attempt=end.attempt,
        started_at=None if begun is None else begun.at,
        finished_at=end.at,
        duration_seconds=end.detail.get("durationInSeconds"),
    )


def _replayed(rows: Sequence[StepRow], events: Sequence[HistoryRow], tries: Sequence[AttemptRow]) -> list[StepRow]:
    """The steps as the events left them."""
    states: dict[str, tuple[StepStatus, str]] = {}
    for event in events:
        _replay(states, event)
    last = {str(item.step): item for item in tries}
    return [_replayed_step(row, states.get(str(row.id)), last.get(str(row.id))) for row in rows]


def _replay(states: dict[str, tuple[StepStatus, str]], event: HistoryRow) -> None:
    detail = event.detail
    match event.kind:
        case HistoryKind.STEP:
            states[str(event.step)] = StepStatus(detail["status"]), str(detail.get("message", ""))
        case HistoryKind.RESTARTED:
            for step in detail.get("reset", ()):
                states.pop(step, None)
        case HistoryKind.CANCELLED:
            states.update(dict.fromkeys(detail["steps"], (StepStatus.CANCELLED, "the process run was cancelled")))
        case HistoryKind.TIMED_OUT:
            message = f"timed out after {detail['limitInSeconds']:g} s, the time limit of the process run"
            for step, (status, _) in tuple(states.items()):
                if status in STEP_ACTIVE:
                    states[step] = _OF_TIME_OUT[status], message
        case _:
            pass


def _replayed_step(row: StepRow, state: tuple[StepStatus, str] | None, tried: AttemptRow | None) -> StepRow:
    status, message = state or (StepStatus.NOT_STARTED, "")
    begun = tried if status in STEP_DONE or status is StepStatus.CANCELLED else None
    return replace(
        row,
        status=status,
        message=message,
        started_at=begun and begun.started_at,
        finished_at=begun and begun.finished_at,
        duration_seconds=begun and begun.duration_seconds,
        # The stopwatch of another attempt says nothing about this one.
        began=None,
        run_worked=None,
        retry_at=None,
        progress=None,
        progress_message="",
    )


def _as_written(tx: Transaction, run: RunId, properties: Sequence[PropertyRow], attempt: int) -> list[PropertyRow]:
    """The properties with what they held when that attempt had ended."""
    counted = {
        item.property: item
        for item in writes.of_run(tx, run)
        # What a later restart took back still counted then.
        if item.attempt <= attempt and (item.undone_by is None or item.undone_by > attempt)
    }
    return [_at(row, counted.get(row.id)) for row in properties]


def _at(row: PropertyRow, written: WriteRow | None) -> PropertyRow:
    if row.file is not None:
        name, sha256, size = (
            ("", None, 0) if written is None else (written.file_name, written.sha256, written.size_bytes)
        )
        return replace(row, file=replace(row.file, name=name, sha256=sha256, size_bytes=size))
    value = None if written is None else values.from_text(row.item.type, written.value)
    return replace(row, item=replace(row.item, value=value))
