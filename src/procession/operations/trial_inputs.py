"""What a step that is tried is given: the first rows of files, values of properties, versions of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from procession.actions.contract import Action, ConnectionInput, FileInput, InputValue, TableFile, TableInput
from procession.actions.reading.options import FileOptions
from procession.actions.references import parse
from procession.actions.tables.contract import SAMPLE_KIND, SampleSettings, TakenSample
from procession.model import values
from procession.model.connections import plain
from procession.model.errors import Invalid
from procession.model.people import Caller, User
from procession.model.processes import Process, Property, PropertyType, Step, Value
from procession.model.table_uses import TableUse, is_table
from procession.model.tables import Snapshot
from procession.operations import rights, table_jobs, tables
from procession.operations.connections import may_use
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob
from procession.store import connections as connection_store
from procession.store import tables as table_store
from procession.store.database import Transaction

ROWS_DEFAULT = 1_000  # of each file
LOOK_SECONDS_MAX = 20.0  # at one file


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFile:
    """A file given for a property: where its bytes are, and its name for people."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOf:
    """A step, and what is given for the references in its settings; what is not has the value of its property.

    `tables`: versions by the names that the step uses. `connection` has no secrets. `asked`: whom a question is for.
    `also`: outputs that the trial itself asks for, beside those that the settings name.
    """

    process: Process
    step: Step
    files: Mapping[str, TrialFile] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    tables: Mapping[str, Snapshot] = field(default_factory=dict)
    asked: tuple[User, ...] = ()
    also: tuple[str, ...] = ()
    connection: ConnectionInput | None = None
    rows: int = ROWS_DEFAULT


def value_of(process: Process, reference: str, text: str) -> Value:
    """A value as its property takes it. Raises Invalid, also for a property that there is not."""
    item = property_of(process, reference)
    if item.type is PropertyType.FILE:
        raise Invalid(f"{reference} is a file: give it by --file")
    try:
        return values.normalise(item, text)
    except Invalid as error:
        raise Invalid(f"{reference}: {error.message}") from error


def property_of(process: Process, reference: str) -> Property:
    """Raises Invalid."""
    found = properties(process)
    if reference not in found:
        raise Invalid(f"there is no property {reference[:80]}; there are {', '.join(found)}")
    return found[reference]


def tables_now(
    tx: Transaction, caller: Caller, uses: Iterable[TableUse], numbers: Mapping[str, Value]
) -> dict[str, Snapshot]:
    """The versions that a step with these uses would begin with, by its names of them. Raises Invalid.

    What the caller may not read is not there for them."""
    found: dict[str, Snapshot] = {}
    for use in uses:
        # By its name, as publishing would look it up.
        table = table_store.by_name(tx, use.name)
        if table is None or rights.role_of(tx, caller.user, table.id) is None:
            raise Invalid(f'there is no table "{use.name}" that you may read')
        number = numbers.get(use.version) if isinstance(use.version, str) else use.version
        place = use.reference if use.mode else use.place
        found[place] = tables.snapshot(tx, table.id, None if number is None else _whole(number))
    return found


def properties(process: Process) -> dict[str, Property]:
    return {f"{step.key}.{item.key}": item for step in process.steps for item in step.properties}


def resolved(
    resources: Resources, trial: TrialOf, known: tuple[Action, Any], place: Path, remarks: list[str]
) -> dict[str, InputValue]:
    action, settings = known
    # Numbered and not named: two properties may hold files of one name.
    found, given = properties(trial.process), dict[str, InputValue]()
    (place / "inputs").mkdir()
    for number, reference in enumerate(action.reads(settings)):
        if is_table(reference):
            continue
        item = found[reference]
        if item.type is PropertyType.FILE:
            skip = _skip(action.relations(settings), reference)
            sampled = place / "inputs" / str(number)
            given[reference] = _sample(resources, trial, reference, (sampled, skip), remarks)
        else:
            given[reference] = trial.values.get(reference, item.value)
    return given


def _skip(options: Iterable[FileOptions], reference: str) -> int:
    """Lines before the heading, as the step reads the file."""
    return next((one.skip for one in options if parse(one.file) == reference), 0)


def _sample(
    resources: Resources, trial: TrialOf, reference: str, target: tuple[Path, int], remarks: list[str]
) -> FileInput:
    given, (path, skip) = trial.files[reference], target
    settings = SampleSettings(request=str(given.path), name=given.name, target=str(path), rows=trial.rows, skip=skip)
    with resources.trial_workers.temporary_folder() as place:
        job = TableJob(
            kind=SAMPLE_KIND, settings=settings, place=place, what=f"{given.name} was not sampled",
            seconds_max=LOOK_SECONDS_MAX,
        )  # fmt: skip
        taken, _ = table_jobs.perform(resources, job, TakenSample)
    if taken.is_cut:
        remarks.append(f"{given.name}: the first {trial.rows:,} rows")
    elif taken.whole:
        remarks.append(f"{given.name}: all of it, because {taken.whole}")
    # The user that a script is lent must be able to read it.
    path.chmod(0o644)
    return FileInput(path=str(path), name=given.name, size_bytes=path.stat().st_size)


def table_inputs(
    resources: Resources, trial: TrialOf, uses: Iterable[TableUse], remarks: list[str]
) -> dict[str, InputValue]:
    found: dict[str, InputValue] = {}
    for use in uses:
        if use.mode is not None:
            continue
        one = trial.tables[use.place]
        # Whole: it is a view over files that are there, and costs what the step reads of it.
        contents = table_jobs.contents(resources.blobs, one)
        files = tuple(TableFile(path=part.path, rows=part.rows) for part in contents.parts)
        found[use.place] = TableInput(
            name=one.table.name, version=one.version.number, columns=contents.columns, files=files
        )
        remarks.append(f'the table "{one.table.name}": version {one.version.number}, {one.version.rows:,} rows')
    return found


def connection_now(tx: Transaction, caller: Caller, action: Action, settings: Any) -> ConnectionInput | None:
    """The connection that the step goes by, without its secrets. Raises Invalid for one that the caller may not use."""
    name = action.connection(settings) if action.connection_kinds else ""
    if not name:
        return None
    found = connection_store.by_name(tx, name)
    # One answer for both, as where a process is published: which connections there are is not for everybody to know.
    if found is None or not may_use(tx, caller.user, found.id):
        raise Invalid(f'there is no connection "{name}" that {caller.user.login} may use')
    return ConnectionInput(
        name=name, kind=found.kind, options=plain(found.kind, found.options), private_hosts=found.private_hosts
    )


def _whole(number: Value) -> int:
    try:
        return int(str(number))
    except ValueError:
        raise Invalid(f"the version of a table is no whole number: {number}") from None
