"""Steps and their properties, of processes and of runs: found, read and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import fields, replace

from procession.model import values
from procession.model.errors import Invalid, NotFound
from procession.model.figures import EarlierFigures, Figures
from procession.model.ids import DataStepId, PropertyId, RunId, StepId
from procession.model.lifecycle import RUN_ACTIVE, STEP_ACTIVE, STEP_DONE, RunStatus, StepStatus
from procession.model.people import Caller, Role
from procession.model.processes import Flow, Process, Property, PropertyType, StepKind
from procession.model.runs import Run
from procession.model.steps import PropertyRow, StepRow
from procession.operations import processes, rights
from procession.operations.act import Act
from procession.store import figures as figure_store
from procession.store import history, runs, steps
from procession.store.database import Transaction

# Word for word what SolveXia answers (docs/wire.md).
NOT_A_DATA_STEP = "Supplied step id is not of type Data Step"


def find(tx: Transaction, step_id: StepId, *, run: RunId | None = None) -> StepRow:
    """The step; with `run`, only if it belongs to that run. Raises NotFound."""
    step = steps.find(tx, step_id)
    if run is not None and (step is None or step.run != run):
        # In the same words for both: whether another run has such a step is not for everybody to know.
        raise NotFound(f"there is no step {step_id} in process run {run}")
    if step is None:
        raise rights.not_found(step_id)
    return step


def find_data_step(tx: Transaction, step_id: StepId) -> StepRow:
    """Raises NotFound, and Invalid for an action step."""
    if not isinstance(step_id, DataStepId):
        raise Invalid(NOT_A_DATA_STEP)
    return find(tx, step_id)


def status(tx: Transaction, run: RunId, step_id: StepId) -> StepRow:
    """The step of that run, of either kind. Raises NotFound."""
    return find(tx, step_id, run=run)


def figures(tx: Transaction, row: StepRow) -> tuple[Figures, EarlierFigures | None]:
    """What the last try of an action step that is over has given, and the same step in the run before."""
    if row.run is None or row.kind is StepKind.DATA or row.status not in STEP_DONE:
        return {}, None
    found = figure_store.of_step(tx, row.id)
    run = runs.find(tx, row.run) if found else None
    return found, None if run is None else figure_store.before(tx, run, row.key).get(row.key)


def action_of(tx: Transaction, row: StepRow) -> str:
    """The kind of action that this step of a run is; "" for a data step."""
    run = None if row.run is None or row.kind is StepKind.DATA else runs.find(tx, row.run)
    step = None if run is None else processes.definition_of(tx, run.process, run.version).step(row.key)
    return "" if step is None else step.action


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All steps of a run in order, the action of each action step by key, and a step id for each attempt."""

    steps: Sequence[StepRow]
    actions: Mapping[str, str]
    attempts: Sequence[StepId]


def overview(tx: Transaction, run: Run) -> Overview:
    process = processes.definition_of(tx, run.process, run.version)
    return Overview(
        steps=steps.of_run(tx, run.id),
        # From the definition: a step's row does not say which action it is.
        actions={step.key: step.action for step in process.steps},
        attempts=[attempt.step for attempt in history.attempts_of_run(tx, run.id)],
    )


def of_run(tx: Transaction, run: RunId) -> list[StepRow]:
    """In order."""
    return steps.of_run(tx, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """The tries of a step that may have logs, oldest first; `is_over`: nothing more will be written."""

    numbers: Sequence[int]
    is_over: bool

    @property
    def latest(self) -> int | None:
        """None before the first."""
        return self.numbers[-1] if self.numbers else None

    def after(self, number: int | None) -> Sequence[int]:
        """What is left to read for a reader of that try: the rest of it, and every try since. None: the latest try."""
        return self.numbers[-1:] if number not in self.numbers else self.numbers[self.numbers.index(number) :]


def tries(tx: Transaction, run_id: RunId, step_id: StepId, *, attempt: int | None = None) -> Tries:
    """Of the latest try, or of the last one in that attempt at the run. Raises NotFound, Invalid."""
    step = find(tx, step_id, run=run_id)
    run = runs.find(tx, run_id)
    assert run is not None
    if attempt is not None and not 1 <= attempt <= run.attempt:
        raise Invalid(f"{run_id} has no attempt {attempt}; it has {run.attempt}")
    numbers = [row.id for row in history.attempts_of_step(tx, step_id) if attempt in {None, row.attempt}]
    # A follower of a step whose turn is still to come waits for it.
    may_begin = run.status in RUN_ACTIVE and step.status is StepStatus.NOT_STARTED
    return Tries(numbers=numbers, is_over=step.status not in STEP_ACTIVE and not may_begin)


def properties(tx: Transaction, step_id: StepId) -> list[PropertyRow]:
    """In order. Raises NotFound, Invalid."""
    return steps.properties_of(tx, find_data_step(tx, step_id).id)


def find_property(tx: Transaction, step_id: StepId, property_id: PropertyId) -> PropertyRow:
    """Raises NotFound, Invalid."""
    step = find_data_step(tx, step_id)
    row = steps.property_of(tx, step.id, property_id)
    if row is None:
        raise NotFound(f"there is no property {property_id} in data step {step_id}")
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Redefined:
    """A change of a process's property, and what the process says then."""

    change: processes.PropertyEdit
    definition: Process


def change(act: Act, row: PropertyRow, wanted: Property, redefined: Redefined | None) -> PropertyRow:
    """Make the property what `wanted` says; gives it as it is then. Nothing to change changes nothing.

    `redefined` is what to_redefine() asked for. Raises Forbidden, Invalid, and processes.Outdated where that is old.
    """
    tx, wanted = act.tx, _checked(wanted)
    step = _step_to_change(tx, act.caller, row, wanted)
    if step is None:
        return row
    if step.run is not None:
        _change_run(act, step.run, row, wanted)
    elif redefined is None:
        raise processes.Outdated
    else:
        # A property of a process is part of its definition, so changing it is a version.
        processes.publish(act, redefined.change, redefined.definition)
    return find_property(tx, row.step, row.id)


def to_redefine(tx: Transaction, caller: Caller, row: PropertyRow, wanted: Property) -> processes.PropertyEdit | None:
    """The change of the process that this is; None for a run's property, and for nothing to change.

    Raises Forbidden, Invalid.
    """
    wanted = _checked(wanted)
    step = _step_to_change(tx, caller, row, wanted)
    if step is None or step.run is not None:
        return None
    changes = {field.name: getattr(wanted, field.name) for field in fields(Property)}
    return processes.change_of(tx, step.process, f"{step.key}.{wanted.key}", changes)


def _step_to_change(tx: Transaction, caller: Caller, row: PropertyRow, wanted: Property) -> StepRow | None:
    """The property's step, where the caller may change it so; None for nothing to change.

    The value of an INPUT of a run that has not started takes an executor, all else an editor with the scope process.
    """
    # By what differs: a client that posts the whole property back may only have meant its value.
    changes = {field.name for field in fields(Property) if getattr(wanted, field.name) != getattr(row.item, field.name)}
    if not changes:
        return None
    step = find(tx, row.step)
    # Whoever may run a process may fill it in, and change nothing else of it.
    is_value_of_input = changes == {"value"} and row.item.flow is Flow.INPUT
    if step.run is None or not is_value_of_input:
        rights.require_scope(caller, "process")
        rights.require(tx, caller, row.step, Role.EDITOR)
    else:
        rights.require(tx, caller, row.step, Role.EXECUTOR)
    return step


def _checked(item: Property) -> Property:
    """With a value that fits the property as it will be: its options, its decimal points."""
    # Their values are made by the server and are never a client's text.
    if item.type in {PropertyType.FILE, PropertyType.SYSTEM_VARIABLE}:
        return item
    return replace(item, value=values.normalise(item, item.value))


def _change_run(act: Act, run_id: RunId, row: PropertyRow, wanted: Property) -> None:
    run = runs.find(act.tx, run_id)
    assert run is not None
    if run.status is not RunStatus.NOT_STARTED:
        raise Invalid(
            f"the properties of process run {run_id} were frozen when it started; create a new run to change"
            f' "{row.item.name}"'
        )
    runs.touch(act.tx, run, author=act.author, now=act.now)
    steps.update_property(act.tx, row.id, wanted)
