"""Bring a database to this program's schema: numbered SQL files, applied once, in order, never edited after release."""

from __future__ import annotations

from datetime import datetime
from importlib import resources

from procession.model.errors import Invalid
from procession.store import audit, times
from procession.store.database import Database, Transaction


def migrate(db: Database, now: datetime) -> int:
    """Apply what is missing, all or nothing; gives how many. Raises Invalid for a database of a later release."""
    known = available()
    done = db.write(_applied)
    # An older program would write rows that break the newer one's promises.
    if done and max(done) > max(known):
        raise Invalid(
            f"this data was written by a later release of Procession (schema {max(done)}, this program knows"
            f" {max(known)}); install that release again"
        )
    missing = [number for number in sorted(known) if number not in done]
    # All in one transaction, with their records: an upgrade that is cut off leaves the schema of the release before.
    if missing:
        sql = "".join(known[number][1] + _record(number, known[number][0], now) for number in missing)
        # With the last of them: rows that an earlier release wrote must not lie about unsealed.
        db.script(sql, then=audit.begin)
    return len(missing)


def available() -> dict[int, tuple[str, str]]:
    """Every migration of this release: number to name and SQL."""
    files = (item for item in resources.files(__name__).iterdir() if item.name.endswith(".sql"))
    return {int(item.name.partition("_")[0]): (item.name, item.read_text("utf-8")) for item in files}


def _applied(tx: Transaction) -> set[int]:
    if not tx.has_table("schema_migration"):
        return set()
    return {number for (number,) in tx.all("SELECT number FROM schema_migration")}


def _record(number: int, name: str, now: datetime) -> str:
    # Our own file name and two numbers: nothing here comes from outside.
    return f"\nINSERT INTO schema_migration VALUES ({number}, '{name}', {times.to_column(now)});"
