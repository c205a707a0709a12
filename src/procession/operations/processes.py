"""Applies process files, publishes versions, reads processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec.structs import replace

from procession.actions.contract import Action
from procession.model import definitions, process_file
from procession.model.errors import Forbidden, Invalid
from procession.model.ids import ProcessId
from procession.model.people import Caller, Role, UserRole
from procession.model.process_file import rendering
from procession.model.process_file.documents import FileMistakes
from procession.model.processes import Process
from procession.model.rights import covers
from procession.model.steps import StepRow
from procession.operations import (
    connections_of_steps,
    editions,
    rights,
    step_tables,
)
from procession.operations.act import Act
from procession.operations.editions import Edition
from procession.store import child_runs as process_names
from procession.store import connections as connection_names
from procession.store import permissions as permission_store
from procession.store import processes, steps
from procession.store import step_tables as table_names
from procession.store.database import Transaction
from procession.store.processes import ProcessRow, VersionRow


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """`is_new`: a version was published; False when the file says what the present version says already."""

    id: ProcessId
    version: int
    is_new: bool
    steps: list[StepRow]
    remarks: tuple[str, ...] = ()  # what this server will refuse to start, or what would wait for nobody


def apply(act: Act, text: str, *, definition: Process, process: ProcessId | None = None, comment: str = "") -> Applied:
    """Create the process that the file names, or publish its next version; with `process`, only that one.

    `comment` says why, and stays with the version. `definition` is what the text was parsed to, before the transaction:
    it would hold up the writer.

    Raises Forbidden, and Invalid for a file of another process.
    """
    tx = act.tx
    # The file's name is the identity: accountants have no ids in their files.
    row = processes.by_name(tx, definition.name)
    # A PUT to one process must not create another because of a typo in the name.
    if process is not None:
        if row is not None and row.id != process:
            raise Invalid(f'the file names the process "{definition.name}", which is another one')
        row = processes.find(tx, process)
        if row is None:
            raise rights.not_found(process)
    if row is None:
        row = _create(act, definition.name)
    else:
        _require_editor(act, row)
    edition, said = editions.resolved(act, row, definition)
    applied = _publish(act, row, replace(edition, source=text, comment=comment))
    return replace(applied, remarks=said)


def remarks(act: Act, process: ProcessId, definition: Process) -> tuple[str, ...]:
    """What apply() would say of the next version. Raises what it would raise of the names in it."""
    row, _ = find(act.tx, process)
    return editions.resolved(act, row, definition)[1]


def _create(act: Act, name: str) -> ProcessRow:
    tx, user = act.tx, act.caller.user
    # The route cannot ask: only the file says whether a process is created.
    rights.require_user_role(user, UserRole.DESIGNER)
    process = processes.add(tx, name, act.author, act.now)
    permission_store.give(tx, process, Role.OWNER, holder=user.id)
    row = processes.find(tx, process)
    assert row is not None
    return row


def _require_editor(act: Act, row: ProcessRow) -> None:
    """Names are unique over all processes, so that one exists cannot be kept a secret here."""
    own = rights.role_of(act.tx, act.caller.user, row.id)
    if own is None or not covers(own, Role.EDITOR):
        raise Forbidden(f'there is a process "{row.name}" already, and changing it needs the role editor on it')


def _publish(act: Act, row: ProcessRow, edition: Edition) -> Applied:
    tx, definition = act.tx, edition.definition
    data = definitions.definition_json(definition)
    sha256 = definitions.sha256(data)
    present = processes.version(tx, row.id, row.version)
    # Applying the same file again, as pipelines do, must not publish a version each time.
    is_new = (
        present is None
        or present.sha256 != sha256
        or step_tables.is_changed(act, edition.tables, table_names.named(tx, row.id, row.version))
        or edition.called != process_names.named(tx, row.id, row.version)
        or connections_of_steps.is_changed(act, edition.connections, connection_names.named(tx, row.id, row.version))
    )
    number = row.version + int(is_new)
    if is_new:
        version = VersionRow(
            process=row.id,
            number=number,
            definition=data.decode(),
            source=edition.source,
            sha256=sha256,
            author=act.author,
            created_at=act.now,
            comment=edition.comment,
        )
        processes.publish(tx, version, definition.name)
        table_names.name(tx, row.id, number, edition.tables)
        connection_names.name(tx, row.id, number, edition.connections)
        process_names.name(tx, row.id, number, edition.called)
        steps.publish(tx, row.id, definition.steps)
    return Applied(id=row.id, version=number, is_new=is_new, steps=steps.of_process(tx, row.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyEdit:
    """Fields of one property that a version is to have otherwise; `reference` is "step.property"."""

    process: ProcessId
    version: int
    definition: str  # of that version
    reference: str
    fields: Mapping[str, object]


def change_of(tx: Transaction, process: ProcessId, reference: str, fields: Mapping[str, object]) -> PropertyEdit:
    """A change of the present version. Raises NotFound."""
    row = processes.find(tx, process)
    if row is None:
        raise rights.not_found(process)
    text = text_of(tx, process, row.version)
    return PropertyEdit(process=process, version=row.version, definition=text, reference=reference, fields=fields)


def redefined(change: PropertyEdit, actions: Mapping[str, Action]) -> Process:
    """What the process says with the change; it must hold as a file would. Raises Invalid.

    As long as a process file takes to read: never in a transaction.
    """
    process = with_property(definitions.definition_from_text(change.definition), change.reference, **change.fields)
    try:
        # Through the file, so that the API can publish nothing that a file could not say.
        return process_file.parse(rendering.to_yaml(process), actions=actions, reads_code=False)
    except FileMistakes as error:
        # The lines are those of a text that nobody has seen.
        raise Invalid("; ".join(mistake.message for mistake in error.mistakes)) from None


class Outdated(Exception):
    """Somebody else has published a version meanwhile: what was prepared would take theirs back."""


def publish(act: Act, change: PropertyEdit, definition: Process) -> None:
    """The next version, as it was redefined. Raises Outdated, NotFound."""
    row = processes.find(act.tx, change.process)
    if row is None:
        raise rights.not_found(change.process)
    if row.version != change.version:
        raise Outdated
    # What its settings say stays, and so does what they mean.
    edition = Edition(
        definition=definition,
        tables=table_names.named(act.tx, row.id, row.version),
        connections=connection_names.named(act.tx, row.id, row.version),
        called=process_names.named(act.tx, row.id, row.version),
    )
    _publish(act, row, edition)


def find(tx: Transaction, process_id: ProcessId) -> tuple[ProcessRow, Process]:
    """The process and what its present version says. Raises NotFound."""
    row = processes.find(tx, process_id)
    if row is None:
        raise rights.not_found(process_id)
    return row, definition_of(tx, process_id, row.version)


def count_run(tx: Transaction, process_id: ProcessId) -> tuple[ProcessRow, str]:
    """The process with one run more, and the definition of its present version as it is stored. Raises NotFound."""
    counted = processes.count_run(tx, process_id)
    if counted is None:
        raise rights.not_found(process_id)
    return counted


def definition_of(tx: Transaction, process: ProcessId, version: int) -> Process:
    """What that version says, which a run of it follows."""
    return definitions.definition_from_text(text_of(tx, process, version))


def parsed(definition: str) -> Process:
    """What a stored definition says."""
    return definitions.definition_from_text(definition)


def text_of(tx: Transaction, process: ProcessId, version: int) -> str:
    """The same as it is stored."""
    row = processes.version(tx, process, version)
    assert row is not None, "a run's version is a foreign key"
    return row.definition


def listed(
    tx: Transaction,
    caller: Caller,
    *,
    name: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> list[ProcessRow]:
    """What the caller may see, by name."""
    user = rights.viewer(caller)
    return processes.visible(tx, user, name=name, created_after=created_after, created_before=created_before)


def found(tx: Transaction, caller: Caller, text: str) -> list[ProcessRow]:
    """What of it has the text in its name or description; all for ""."""
    return processes.visible(tx, rights.viewer(caller), text=text or None)


def descriptions(tx: Transaction, wanted: Sequence[ProcessId]) -> dict[ProcessId, str]:
    """Of the present versions of processes that the caller may see."""
    return processes.descriptions(tx, wanted) if wanted else {}


def versions(tx: Transaction, process_id: ProcessId) -> list[VersionRow]:
    """Newest first."""
    return processes.versions(tx, process_id)


def definition(tx: Transaction, process_id: ProcessId, number: int | None = None) -> tuple[str, Process]:
    """A version, None: the present one, as a process file, as it was applied where it was a file, and as a value.

    Raises NotFound, and Invalid for a version that there never was.
    """
    row, _ = find(tx, process_id)
    version = processes.version(tx, process_id, row.version if number is None else number)
    if version is None:
        raise Invalid(f"process {process_id} has no version {number}; it has 1 to {row.version}")
    process = definitions.definition_from_text(version.definition)
    # The text as it was applied keeps comments, which the definition has not.
    return version.source or rendering.to_yaml(process), process


def steps_of(tx: Transaction, process_id: ProcessId) -> Sequence[StepRow]:
    """Of the present version, in order."""
    return steps.of_process(tx, process_id)


def with_property(process: Process, reference: str, **changes: object) -> Process:
    """The process with one property changed; `reference` is "step.property"."""
    step_key, _, key = reference.partition(".")
    return replace(
        process,
        steps=tuple(
            replace(
                step,
                properties=tuple(replace(item, **changes) if item.key == key else item for item in step.properties),
            )
            if step.key == step_key
            else step
            for step in process.steps
        ),
    )
