"""Which tables the names in a process mean, and which versions its steps read: every statement about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from procession.model.ids import ProcessId, RunId, StepId, TableId, UserId
from procession.store.database import Transaction


class NamedTable(msgspec.Struct, frozen=True):
    """The table behind a name of a process's version, and who vouches for its use."""

    table: TableId
    user: UserId


def name(tx: Transaction, process: ProcessId, number: int, tables: Mapping[str, NamedTable]) -> None:
    """Keep what the names in this new version mean."""
    tx.many(
        "INSERT INTO process_version_table (process_id, number, name, table_id, user_id) VALUES (?, ?, ?, ?, ?)",
        [(process.number, number, name, one.table.number, one.user.number) for name, one in tables.items()],
    )


def named(tx: Transaction, process: ProcessId, number: int) -> dict[str, NamedTable]:
    """What the names in the version mean."""
    rows = tx.all(
        "SELECT name, table_id, user_id FROM process_version_table WHERE process_id = ? AND number = ?",
        *(process.number, number),
    )
    return {name: NamedTable(TableId(table), UserId(user)) for name, table, user in rows}


class TableRead(msgspec.Struct, frozen=True):
    """`place` as in model/table_uses.TableUse."""

    place: str
    table: TableId
    version: int


def add_reads(tx: Transaction, attempt: int, reads: Iterable[TableRead]) -> None:
    """Record what the attempt, by the id of its row, is to read."""
    tx.many(
        "INSERT INTO table_read (attempt_id, place, table_id, version) VALUES (?, ?, ?, ?)",
        [(attempt, read.place, read.table.number, read.version) for read in reads],
    )


def last_reads(tx: Transaction, step: StepId) -> dict[str, TableRead]:
    """What the step's last attempts have read, by place; without what a restart has taken back."""
    rows = tx.all(
        "SELECT t.place, t.table_id, t.version FROM table_read t JOIN step_attempt a ON a.id = t.attempt_id"
        # What was approved is shown anew by the next try, and never as it was.
        " WHERE a.step_id = ? AND t.undone_by IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM approval p WHERE p.attempt_id = a.id) ORDER BY a.id",
        step.number,
    )
    return {place: TableRead(place, TableId(table), version) for place, table, version in rows}


def approved(tx: Transaction, run: RunId) -> dict[TableId, int]:
    """The versions of tables that people have approved in this run, as it is now: of each step's last try."""
    # A step that a restart has reset asks again, and what was approved before counts no more.
    return _approved(tx, "s.run_id", run.number)


def approved_by(tx: Transaction, step: StepId) -> dict[TableId, int]:
    """The same of one step."""
    return _approved(tx, "s.id", step.number)


def _approved(tx: Transaction, column: str, number: int) -> dict[TableId, int]:
    rows = tx.all(
        "SELECT t.table_id, t.version FROM step s JOIN approval p ON p.step_id = s.id"
        " JOIN table_read t ON t.attempt_id = p.attempt_id"
        # Running, too: the step behind it begins in the transaction that ends it.
        f" WHERE {column} = ? AND s.status IN ('Running', 'Success', 'Warning') AND p.decision = 'approved'"
        " AND p.attempt_id = (SELECT max(l.attempt_id) FROM approval l WHERE l.step_id = s.id) ORDER BY p.attempt_id",
        number,
    )
    return {TableId(table): version for table, version in rows}


def forget_reads(tx: Transaction, step: StepId, attempt: int) -> None:
    """From this attempt at its run on, the step reads the present versions."""
    # Marked, not deleted: what an attempt has read is evidence.
    tx.run(
        "UPDATE table_read SET undone_by = ? WHERE undone_by IS NULL AND attempt_id IN"
        " (SELECT id FROM step_attempt WHERE step_id = ?)",
        *(attempt, step.number),
    )


def appended_before(tx: Transaction, run: RunId, step: StepId, table: TableId) -> dict[str, int]:
    """Files of the run, as "step.property", that a run had too which appended rows to the table: with that version.

    Not what another version has replaced or taken back since, and nothing that the step itself has appended.
    """
    rows = tx.all(
        # From the run's own few files to others of their content: a table may have many thousand versions.
        "SELECT s.key || '.' || p.key, max(v.number) FROM step s JOIN property p ON p.step_id = s.id"
        " JOIN file f ON f.property_id = p.id JOIN file ef ON ef.sha256 = f.sha256"
        " JOIN property ep ON ep.id = ef.property_id JOIN step es ON es.id = ep.step_id"
        " JOIN table_version v ON v.run_id = es.run_id"
        " WHERE s.run_id = ? AND v.table_id = ? AND v.operation = 'append' AND v.step_id IS NOT ?"
        " AND NOT EXISTS (SELECT 1 FROM table_version w WHERE w.table_id = v.table_id AND w.number > v.number"
        " AND (w.operation = 'replace' OR w.operation = 'takeBack' AND w.same_as < v.number))"
        " GROUP BY s.key, p.key",
        *(run.number, table.number, step.number),
    )
    return dict(rows)
