"""Managed tables, their versions and the files of these: every statement about them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec

from procession.model.columns import RECORD_COLUMN, Column
from procession.model.files import Content
from procession.model.ids import RunId, StepId, TableId, UserId, type_of_step
from procession.model.tables import (
    VERSION_FIRST,
    Draft,
    NewPart,
    Part,
    Snapshot,
    Table,
    TableOperation,
    TableVersion,
)
from procession.store import conditions, times
from procession.store.database import Transaction

# Made once: a decoder is compiled from its type.
_columns = msgspec.json.Decoder(tuple[Column, ...])
# Most versions of a table have the columns of the one before.
_columns_of = functools.lru_cache(maxsize=16)(_columns.decode)

_TABLE = (
    "t.id, t.name, t.description, t.version, t.created_at, t.modified_at, v.row_count, v.size, t.next_record,"
    " t.next_field FROM managed_table t JOIN table_version v ON v.table_id = t.id AND v.number = t.version"
)
_VERSION = (
    "v.number, v.operation, v.author, v.created_at, v.row_count, v.size, v.columns, v.run_id, v.step_id, s.kind,"
    " v.same_as, v.first_record, v.end_record"
    " FROM table_version v LEFT JOIN step s ON s.id = v.step_id"
)


def add(tx: Transaction, name: str, description: str, *, author: str, now: datetime) -> TableId:
    """A table that has no rows, and no column but the records' ids."""
    moment = times.to_column(now)
    table = TableId(
        tx.insert(
            "INSERT INTO managed_table (name, description, version, created_at, modified_at) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id",
            *(name, description, VERSION_FIRST, moment, moment),
        )
    )
    draft = Draft(expected=0, operation=TableOperation.CREATE, columns=(RECORD_COLUMN,), next_record=1, next_field=2)
    _add_version(tx, table, VERSION_FIRST, draft, author=author, now=now)
    return table


def rename(tx: Transaction, table: TableId, name: str, description: str, *, now: datetime) -> None:
    """No new version: neither rows nor columns change."""
    tx.run(
        "UPDATE managed_table SET name = ?, description = ?, modified_at = ? WHERE id = ? AND is_deleted = 0",
        *(name, description, times.to_column(now), table.number),
    )


def remove(tx: Transaction, table: TableId, *, now: datetime) -> None:
    """Nobody sees it any more, and its name is free. Its versions stay: runs that used them can be verified."""
    tx.run(
        "UPDATE managed_table SET is_deleted = 1, modified_at = ? WHERE id = ? AND is_deleted = 0",
        *(times.to_column(now), table.number),
    )


def find(tx: Transaction, table: TableId) -> Table | None:
    row = tx.one(f"SELECT {_TABLE} WHERE t.id = ? AND t.is_deleted = 0", table.number)
    return None if row is None else _table(row)


def by_name(tx: Transaction, name: str) -> Table | None:
    """Any case."""
    row = tx.one(f"SELECT {_TABLE} WHERE lower(t.name) = lower(?) AND t.is_deleted = 0", name)
    return None if row is None else _table(row)


def visible(tx: Transaction, user: UserId | None, *, name: str | None) -> list[Table]:
    """The tables that `user` has any role on (None: all), by name; `name` is a part of it."""
    where, parameters = conditions.given(
        ("instr(lower(t.name), lower(?)) > 0", name), conditions.permitted("t.id", "table_id", user)
    )
    # As people sort, so that "ledger" does not come after "Zone".
    rows = tx.all(f"SELECT {_TABLE} WHERE t.is_deleted = 0 AND {where} ORDER BY lower(t.name)", *parameters)
    return [_table(row) for row in rows]


def version(tx: Transaction, table: TableId, number: int) -> TableVersion | None:
    row = tx.one(f"SELECT {_VERSION} WHERE v.table_id = ? AND v.number = ?", table.number, number)
    return None if row is None else _version(row)


def version_below(tx: Transaction, table: TableId, number: int) -> TableVersion | None:
    """The newest that there still is of those before this one: retention lets some of them go."""
    row = tx.one(
        f"SELECT {_VERSION} WHERE v.table_id = ? AND v.number < ? ORDER BY v.number DESC LIMIT 1",
        *(table.number, number),
    )
    return None if row is None else _version(row)


def versions(tx: Transaction, table: TableId, *, most: int | None = None) -> list[TableVersion]:
    """Newest first; `most` of them, None: all."""
    limit = -1 if most is None else most
    rows = tx.all(f"SELECT {_VERSION} WHERE v.table_id = ? ORDER BY v.number DESC LIMIT ?", table.number, limit)
    return [_version(row) for row in rows]


def count_versions(tx: Transaction, table: TableId) -> int:
    row = tx.one("SELECT count(*) FROM table_version WHERE table_id = ?", table.number)
    assert row is not None
    return int(row[0])


def written_by(tx: Transaction, table: TableId, run: RunId, steps: Collection[StepId]) -> set[int]:
    """The numbers of the versions that these steps of the run have written."""
    rows = tx.all(
        f"SELECT number FROM table_version WHERE table_id = ? AND run_id = ? AND step_id IN"
        f" ({', '.join('?' * len(steps)) or 'NULL'}) AND same_as IS NULL",
        *(table.number, run.number, *(step.number for step in steps)),
    )
    return {number for (number,) in rows}


def written_in(tx: Transaction, run: RunId, steps: Collection[StepId]) -> list[TableId]:
    """The tables that these steps of the run have written."""
    rows = tx.all(
        "SELECT DISTINCT table_id FROM table_version WHERE run_id = ? AND step_id IN"
        f" ({', '.join('?' * len(steps)) or 'NULL'}) ORDER BY table_id",
        *(run.number, *(step.number for step in steps)),
    )
    return [TableId(number) for (number,) in rows]


def snapshot(tx: Transaction, table: Table, number: int) -> Snapshot | None:
    """The table as of that version; None when it has never had it."""
    found = version(tx, table.id, number)
    if found is None:
        return None
    rows = tx.all(
        "SELECT id, sha256, size, row_count FROM table_part WHERE table_id = ? AND from_version <= ?"
        " AND (until_version IS NULL OR until_version > ?) ORDER BY id",
        *(table.id.number, number, number),
    )
    parts = tuple(
        Part(number=part, content=Content(sha256=sha256, size_bytes=size_bytes), rows=row_count)
        for part, sha256, size_bytes, row_count in rows
    )
    return Snapshot(table=table, version=found, parts=parts)


def lives_of_parts(tx: Transaction, table: TableId) -> list[tuple[Part, int, int | None]]:
    """Every file, oldest first, with the version that brought it and the first that has it no more."""
    rows = tx.all(
        "SELECT id, sha256, size, row_count, from_version, until_version FROM table_part WHERE table_id = ?"
        " ORDER BY id",
        table.number,
    )
    return [
        (Part(number=part, content=Content(sha256=sha256, size_bytes=size_bytes), rows=row_count), since, until)
        for part, sha256, size_bytes, row_count, since, until in rows
    ]


def publish(tx: Transaction, table: TableId, draft: Draft, *, author: str, now: datetime) -> int | None:
    """Make the draft the present version; its number, or None when another version was published meanwhile."""
    number = draft.expected + 1
    before = tx.one("SELECT next_record FROM managed_table WHERE id = ?", table.number)
    changed = tx.run(
        "UPDATE managed_table SET version = ?, next_record = ?, next_field = ?, modified_at = ?"
        # The one comparison on which late writers fail: the caller prepares again.
        " WHERE id = ? AND version = ? AND is_deleted = 0",
        *(number, draft.next_record, draft.next_field, times.to_column(now), table.number, draft.expected),
    )
    if not changed:
        return None
    _end_parts(tx, table, draft.removed, until=number)
    _add_parts(tx, table, draft.added, since=number)
    _add_version(tx, table, number, draft, author=author, now=now)
    assert before is not None
    if before[0] < draft.next_record:
        tx.run(
            "UPDATE table_version SET first_record = ?, end_record = ? WHERE table_id = ? AND number = ?",
            *(before[0], draft.next_record, table.number, number),
        )
    return number


def _end_parts(tx: Transaction, table: TableId, removed: Iterable[int], *, until: int) -> None:
    tx.many(
        # Nothing is deleted: runs read the version that they began with.
        "UPDATE table_part SET until_version = ? WHERE id = ? AND table_id = ? AND until_version IS NULL",
        [(until, part, table.number) for part in removed],
    )


def _add_parts(tx: Transaction, table: TableId, added: Iterable[NewPart], *, since: int) -> None:
    tx.many(
        "INSERT INTO table_part (table_id, sha256, size, row_count, from_version) VALUES (?, ?, ?, ?, ?)",
        [(table.number, part.content.sha256, part.content.size_bytes, part.rows, since) for part in added],
    )


def _add_version(tx: Transaction, table: TableId, number: int, draft: Draft, *, author: str, now: datetime) -> None:
    totals = tx.one(
        # Counted anew from the parts: sums carried along would carry a mistake along.
        "SELECT coalesce(sum(row_count), 0), coalesce(sum(size), 0) FROM table_part WHERE table_id = ?"
        " AND until_version IS NULL",
        table.number,
    )
    assert totals is not None
    tx.run(
        "INSERT INTO table_version (table_id, number, operation, author, created_at, row_count, size, columns,"
        " run_id, step_id, same_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(table.number, number, draft.operation, author, times.to_column(now), *totals),
        msgspec.json.encode(draft.columns).decode(),
        *(draft.run and draft.run.number, draft.step and draft.step.number, draft.same_as),
    )


def _table(row: tuple[Any, ...]) -> Table:
    (
        number,
        name,
        description,
        version_number,
        created_at,
        modified_at,
        row_count,
        size_bytes,
        next_record,
        next_field,
    ) = row
    return Table(
        id=TableId(number),
        name=name,
        description=description,
        version=version_number,
        created_at=times.from_column(created_at),
        modified_at=times.from_column(modified_at),
        rows=row_count,
        size_bytes=size_bytes,
        next_record=next_record,
        next_field=next_field,
    )


def _version(row: tuple[Any, ...]) -> TableVersion:
    version_number, operation, author, created_at, row_count, size_bytes, columns, run, step, step_kind, *more = row
    same_as, first_record, end_record = more
    return TableVersion(
        number=version_number,
        operation=TableOperation(operation),
        author=author,
        created_at=times.from_column(created_at),
        rows=row_count,
        size_bytes=size_bytes,
        columns=_columns_of(columns),
        run=None if run is None else RunId(run),
        step=_step(step, step_kind),
        same_as=same_as,
        records=(first_record, end_record),
    )


def _step(number: int | None, kind: str | None) -> StepId | None:
    if number is None:
        return None
    return type_of_step["ds" if kind == "Data" else "as"](number)
