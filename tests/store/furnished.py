"""A database with the newest schema, without the migrations: they take longer than most tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from procession.clock import SystemClock
from procession.store import migrations
from procession.store.sqlite import SqliteDatabase


def place(path: Path) -> None:
    """As migrations.migrate() leaves a new file; a file that is there stays as it is."""
    if path.exists():
        return
    path.write_bytes(_migrated())
    with closing(sqlite3.connect(path)) as connection, connection:
        # Nobody cuts the power meanwhile, and waiting for the disk takes longer than all else.
        connection.execute("PRAGMA synchronous = OFF")
        # What the migrations draw by lot, every database has for itself.
        connection.execute("UPDATE home SET id = lower(hex(randomblob(16)))")
        connection.execute("UPDATE proof_state SET state = random()")


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.sqlite"
        database = SqliteDatabase(path, on_fatal=_never)
        migrations.migrate(database, SystemClock().now())
        database.close()
        return path.read_bytes()


def _never(reason: str) -> None:
    raise AssertionError(reason)
