"""What `doctor` asks of the database."""

from __future__ import annotations

from procession.store.database import Transaction


def schema_number(tx: Transaction) -> int:
    """The newest migration that was applied, 0 for a database without any."""
    if not tx.has_table("schema_migration"):
        return 0
    row = tx.one("SELECT coalesce(max(number), 0) FROM schema_migration")
    assert row is not None
    (number,) = row
    return int(number)


def contents(tx: Transaction, part: str = "") -> set[str]:
    """The SHA-256 of every content that a file has or had, or of those that begin with `part`."""
    # Digits and letters up to f: "g" comes after all of them. So each table's index is read from there to there.
    rows = tx.all(
        "SELECT sha256 FROM file WHERE sha256 >= ? AND sha256 < ?"
        " UNION SELECT sha256 FROM property_write WHERE sha256 >= ? AND sha256 < ?"
        " UNION SELECT sha256 FROM table_part WHERE sha256 >= ? AND sha256 < ?",
        *(part, f"{part}g") * 3,
    )
    return {sha256 for (sha256,) in rows}


def count_secrets(tx: Transaction) -> int:
    """How many secrets connections have, also in the database of an earlier release."""
    if not tx.has_table("connection_secret"):
        return 0
    row = tx.one("SELECT count(*) FROM connection_secret")
    assert row is not None
    (count,) = row
    return int(count)
