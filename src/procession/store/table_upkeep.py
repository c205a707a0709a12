"""Which tables have many small files, and which of their versions may go: every statement of their upkeep."""

from __future__ import annotations

from datetime import datetime

from procession.model.ids import TableId
from procession.store import times
from procession.store.database import Transaction


def crowded(tx: Transaction, *, parts_min: int, bytes_max: int) -> TableId | None:
    """The table whose present version has most small files, if it has so many of them."""
    row = tx.one(
        "SELECT p.table_id FROM table_part p JOIN managed_table t ON t.id = p.table_id WHERE t.is_deleted = 0"
        " AND p.until_version IS NULL AND p.size < ? GROUP BY p.table_id HAVING count(*) >= ?"
        " ORDER BY count(*) DESC, p.table_id LIMIT 1",
        *(bytes_max, parts_min),
    )
    return None if row is None else TableId(row[0])


# Kept whatever their age: the present one, what a run has read or written or begun from, and what another is the same
# as.
_OLD = (
    "v.created_at < ? AND v.number < (SELECT t.version FROM managed_table t WHERE t.id = v.table_id)"
    " AND v.run_id IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM table_read r WHERE r.table_id = v.table_id AND r.version = v.number)"
    " AND NOT EXISTS (SELECT 1 FROM table_version n WHERE n.table_id = v.table_id AND n.number = v.number + 1"
    " AND n.run_id IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM table_version s WHERE s.table_id = v.table_id AND s.same_as = v.number)"
)


def remove_old(tx: Transaction, *, before: datetime, most: int) -> int:
    """Let versions made before then go, at most so many, with the files that no other version has; how many went."""
    rows = tx.all(
        f"SELECT v.table_id, v.number FROM table_version v WHERE {_OLD} ORDER BY v.table_id, v.number LIMIT ?",
        *(times.to_column(before), most),
    )
    tx.many("DELETE FROM table_version WHERE table_id = ? AND number = ?", rows)
    gone: dict[int, list[int]] = {}
    for table, number in rows:
        gone.setdefault(table, []).append(number)
    tx.many(
        # Their contents lie in the folder still, until they are swept. Only those that a version had which goes are
        # looked at: with all of them each time, ten thousand versions go in time by the square of their number.
        "DELETE FROM table_part WHERE table_id = ? AND until_version > ? AND from_version <= ? AND NOT EXISTS"
        " (SELECT 1 FROM table_version v WHERE v.table_id = table_part.table_id AND v.number >= table_part.from_version"
        " AND v.number < table_part.until_version)",
        [(table, numbers[0], numbers[-1]) for table, numbers in gone.items()],
    )
    return len(rows)
