"""Processes and their versions: every statement about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.model.ids import ProcessId, UserId
from procession.store import conditions, times
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """A process as a list shows it; what it does is in its versions."""

    id: ProcessId
    name: str
    version: int
    runs_created: int
    created_at: datetime
    modified_at: datetime
    modified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One published version; `definition` is canonical JSON, `source` the file as it was applied, if it was a file."""

    process: ProcessId
    number: int
    definition: str
    source: str | None
    sha256: str
    author: str
    created_at: datetime
    comment: str = ""  # why it was published


_PROCESS = "p.id, p.name, p.version, p.runs_created, p.created_at, p.modified_at, p.modified_by"
_VERSION = "process_id, number, definition, source, sha256, author, created_at, comment"


def add(tx: Transaction, name: str, author: str, now: datetime) -> ProcessId:
    """A process without a version yet; publish() follows in the same transaction."""
    moment = times.to_column(now)
    return ProcessId(
        tx.insert(
            # Version 0: publish() raises it by one in the same way as any other.
            "INSERT INTO process (name, version, created_at, modified_at, modified_by) VALUES (?, 0, ?, ?, ?)"
            " RETURNING id",
            *(name, moment, moment, author),
        )
    )


def add_version(tx: Transaction, version: VersionRow) -> None:
    """A row that runs can follow; below zero it is of a try-out, and no version that anybody published."""
    tx.run(
        f"INSERT INTO process_version ({_VERSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        version.process.number,
        version.number,
        version.definition,
        version.source,
        version.sha256,
        version.author,
        times.to_column(version.created_at),
        version.comment,
    )


def lowest_version(tx: Transaction, process: ProcessId) -> int:
    """0 while there was no try-out."""
    row = tx.one("SELECT min(number) FROM process_version WHERE process_id = ? AND number < 0", process.number)
    return row[0] if row is not None and row[0] is not None else 0


def publish(tx: Transaction, version: VersionRow, name: str) -> None:
    """Make this the process's present version; it follows the one that was read in this transaction."""
    add_version(tx, version)
    moment = times.to_column(version.created_at)
    changed = tx.run(
        # By the version that was read: of two who publish at once, one has to look again.
        "UPDATE process SET version = ?, name = ?, modified_at = ?, modified_by = ? WHERE id = ? AND version = ?",
        *(version.number, name, moment, version.author, version.process.number, version.number - 1),
    )
    assert changed == 1


def find(tx: Transaction, process: ProcessId) -> ProcessRow | None:
    row = tx.one(f"SELECT {_PROCESS} FROM process p WHERE p.id = ?", process.number)
    return None if row is None else _process(row)


def by_name(tx: Transaction, name: str) -> ProcessRow | None:
    row = tx.one(f"SELECT {_PROCESS} FROM process p WHERE p.name = ?", name)
    return None if row is None else _process(row)


def version(tx: Transaction, process: ProcessId, number: int) -> VersionRow | None:
    row = tx.one(f"SELECT {_VERSION} FROM process_version WHERE process_id = ? AND number = ?", process.number, number)
    return None if row is None else _version(row)


def versions(tx: Transaction, process: ProcessId) -> list[VersionRow]:
    """Newest first."""
    published = f"SELECT {_VERSION} FROM process_version WHERE process_id = ? AND number > 0"
    rows = tx.all(f"{published} ORDER BY number DESC", process.number)
    return [_version(row) for row in rows]


def with_alerts(tx: Transaction, field: str) -> list[str]:
    """Names of the processes whose present version has an address in `field`, alert_email or alert_sms."""
    rows = tx.all(
        "SELECT p.name, v.definition FROM process p JOIN process_version v"
        " ON v.process_id = p.id AND v.number = p.version ORDER BY p.name"
    )
    found = ((name, json.loads(definition)) for name, definition in rows)
    return [name for name, said in found if said.get(field) and said.get("alert_when") not in (None, "never")]


# In its present version; only there.
_DESCRIPTION = (
    "(SELECT json_extract(v.definition, '$.description') FROM process_version v"
    " WHERE v.process_id = p.id AND v.number = p.version)"
)


def descriptions(tx: Transaction, processes: Sequence[ProcessId]) -> dict[ProcessId, str]:
    """Of the present versions."""
    rows = tx.all(
        f"SELECT p.id, {_DESCRIPTION} FROM process p WHERE p.id IN ({', '.join('?' * len(processes))})",
        *(process.number for process in processes),
    )
    return {ProcessId(number): text or "" for number, text in rows}


def visible(
    tx: Transaction,
    user: UserId | None,
    *,
    name: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    text: str | None = None,
) -> list[ProcessRow]:
    """The processes that `user` has any role on (None: all), by name; bounds are strict, `name` is a part of it.

    `text` is a part of the name or the description.
    """
    where, parameters = conditions.given(
        ("instr(lower(p.name), lower(?)) > 0", name),
        (f"(instr(lower(p.name), lower(?)) > 0 OR instr(lower({_DESCRIPTION}), lower(?)) > 0)", text, text),
        ("p.created_at > ?", times.maybe_to_column(created_after)),
        ("p.created_at < ?", times.maybe_to_column(created_before)),
        conditions.permitted("p.id", "process_id", user),
    )
    rows = tx.all(f"SELECT {_PROCESS} FROM process p WHERE {where} ORDER BY p.name", *parameters)
    return [_process(row) for row in rows]


def count_run(tx: Transaction, process: ProcessId) -> tuple[ProcessRow, str] | None:
    """One more run: `runs_created` is its number, 1, 2, ...; with the definition of the present version.

    None when there is no such process.
    """
    row = tx.one(
        f"UPDATE process SET runs_created = runs_created + 1 WHERE id = ? RETURNING {_PROCESS.replace('p.', '')}",
        process.number,
    )
    if row is None:
        return None
    counted = _process(row)
    # Not in the same statement: one that waited while a version was published does not see it in every database.
    found = tx.one(
        "SELECT definition FROM process_version WHERE process_id = ? AND number = ?", process.number, counted.version
    )
    assert found is not None, "a process has its present version"
    (definition,) = found
    return counted, definition


def _process(row: Sequence[Any]) -> ProcessRow:
    number, name, version_number, runs_created, created_at, modified_at, modified_by = row
    return ProcessRow(
        id=ProcessId(number),
        name=name,
        version=version_number,
        runs_created=runs_created,
        created_at=times.from_column(created_at),
        modified_at=times.from_column(modified_at),
        modified_by=modified_by,
    )


def _version(row: tuple[Any, ...]) -> VersionRow:
    process, version_number, definition, source, sha256, author, created_at, comment = row
    return VersionRow(
        process=ProcessId(process),
        number=version_number,
        definition=definition,
        source=source,
        sha256=sha256,
        author=author,
        created_at=times.from_column(created_at),
        comment=comment,
    )
