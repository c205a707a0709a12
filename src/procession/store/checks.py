"""What `doctor` asks of the database."""

from __future__ import annotations

from procession.store.database import Transaction


def schema_number(tx: Transaction) -> int:
    """The newest migration that was applied, 0 for a database without any."""
    if tx.one("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migration'") is None:
        return 0
    row = tx.one("SELECT coalesce(max(number), 0) FROM schema_migration")
    assert row is not None
    return int(row[0])


def quick_check(tx: Transaction) -> list[str]:
    """What SQLite finds wrong with its file; empty when it is whole."""
    rows = [str(row[0]) for row in tx.all("PRAGMA quick_check")]
    return [] if rows == ["ok"] else rows


def names_of(tx: Transaction, sha256: str) -> str:
    """What people call a content: the first file that has or had it, and where."""
    row = tx.one(
        "SELECT name, run_id, step, key FROM ("
        " SELECT f.name AS name, s.run_id AS run_id, s.key AS step, p.key AS key FROM file f"
        " JOIN property p ON p.id = f.property_id JOIN step s ON s.id = p.step_id WHERE f.sha256 = ?"
        " UNION ALL SELECT w.file_name, s.run_id, s.key, p.key FROM property_write w"
        " JOIN property p ON p.id = w.property_id JOIN step s ON s.id = p.step_id WHERE w.sha256 = ?) LIMIT 1",
        sha256,
        sha256,
    )
    if row is not None:
        where = f"pr-{row[1]}" if row[1] is not None else "a process"
        return f'"{row[0]}" ({row[2]}.{row[3]} of {where})'
    row = tx.one(
        "SELECT t.name FROM table_part p JOIN managed_table t ON t.id = p.table_id WHERE p.sha256 = ? LIMIT 1",
        (sha256,),
    )
    return f'rows of the table "{row[0]}"' if row is not None else "a file"


def contents(tx: Transaction) -> set[str]:
    """The SHA-256 of every content that a file has or had."""
    rows = tx.all(
        "SELECT sha256 FROM file WHERE sha256 IS NOT NULL"
        " UNION SELECT sha256 FROM property_write WHERE sha256 IS NOT NULL"
        " UNION SELECT sha256 FROM table_part"
    )
    return {row[0] for row in rows}
