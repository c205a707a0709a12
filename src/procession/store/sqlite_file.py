"""The database file as a whole: copied while others write, checked, disarmed after a restore, made smaller."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import IntEnum
from pathlib import Path
from urllib.parse import quote

from procession.model.errors import Unavailable
from procession.store import audit
from procession.store.database import Transaction
from procession.store.sqlite import BUSY_SECONDS
from procession.store.sqlite_transaction import SqliteTransaction

PAGES_AT_ONCE = 256  # freed in one transaction: 1 MB, for which a server's writer waits some milliseconds
FAULTS_SHOWN_MAX = 5


class _AutoVacuum(IntEnum):
    """What PRAGMA auto_vacuum answers."""

    NONE = 0
    FULL = 1
    INCREMENTAL = 2


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # As a URI, so that a missing file is an error: sqlite3 would make an empty one.
    address = f"file:{quote(str(path))}?mode={mode}"
    # Without Python's own transactions, which begin where nobody wrote BEGIN.
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Raises OSError for a full disk and Unavailable for anything else that SQLite reports."""
    try:
        yield
    except sqlite3.Error as error:
        # The same error as of the files beside it: a command has one sentence for a full disk.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise Unavailable(f"the database {path} cannot be used: {error}") from error


def copy(source: Path, target: Path) -> None:
    """One state of the database, with all that was committed, while others go on writing.

    `target` is one file, without a log beside it. Raises OSError, Unavailable.
    """
    with _in_words(source), closing(_connect(source, "rw")) as origin, closing(sqlite3.connect(target)) as copied:
        # In one step: in several, every commit of another process would begin the copy anew.
        origin.backup(copied, pages=-1)
        # A copy in WAL mode would need its log beside it, and who copies a backup takes one file.
        copied.execute("PRAGMA journal_mode = DELETE")


def home_id(path: Path) -> str | None:
    """The id of the home that the database is of; None where that cannot be read."""
    try:
        with closing(_connect(path, "ro")) as connection:
            row = connection.execute("SELECT id FROM home").fetchone()
    except sqlite3.Error:
        return None
    if row is None:
        return None
    (found,) = row
    return str(found)


def faults(path: Path) -> list[str]:
    """What is wrong with a database that nobody uses; empty when it is whole."""
    try:
        with closing(_connect(path, "ro")) as connection:
            found = [str(fault) for (fault,) in connection.execute("PRAGMA integrity_check") if fault != "ok"]
            # integrity_check looks at pages and indexes, not at references.
            rows = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError as error:
        return [str(error)]
    found += [f"row {row} of {table} names a row of {parent} that is not there" for table, row, parent, _ in rows]
    return found[:FAULTS_SHOWN_MAX]


@contextmanager
def opened(path: Path) -> Iterator[Transaction]:
    """A copy that nobody else uses, in one transaction; kept when the block ends well. Raises OSError, Unavailable."""
    with _in_words(path), closing(_connect(path, "rw")) as connection:
        # Not deferred: a lock that cannot be had is better known before anything was done.
        connection.execute("BEGIN IMMEDIATE")
        tx = SqliteTransaction(connection)
        yield tx
        audit.add(tx, tx.sealed)
        connection.execute("COMMIT")


def disarm(tx: Transaction) -> None:
    """A restored home is a copy, without processes and uploads of its own.

    Pids of the original may be alive on this machine: whoever takes the home must not look for them, and not end them.
    """
    # Nothing of the original runs in the copy, whatever its rows say.
    tx.run("UPDATE step_attempt SET is_gone = 1 WHERE is_gone = 0")
    # A backup may be older than this table.
    if tx.has_table("home"):
        # No folder has this inode: what is restored is a copy, even in the place of the original.
        tx.run("UPDATE home SET path = coalesce(path, 'its backup'), device = '', inode = ''")
    if tx.has_table("upload_session"):
        tx.run("DELETE FROM upload_chunk")
        tx.run("DELETE FROM upload_session")


def free_pages(path: Path) -> bool:
    """Give some of the space of deleted rows back; whether there is more. Raises OSError, Unavailable."""
    with _in_words(path), closing(_connect(path, "rw")) as connection:
        if _number(connection, "auto_vacuum") != _AutoVacuum.INCREMENTAL:
            return False
        found = _number(connection, "freelist_count")
        # Not by execute(): a statement that gives no rows is stepped once there, and would free a single page.
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        return found > PAGES_AT_ONCE


def rebuild(path: Path) -> None:
    """Make free_pages() work on a file that an earlier program made; only while nobody else uses it.

    It takes the size of the file once more. Raises OSError, Unavailable.
    """
    with _in_words(path), closing(_connect(path, "rw")) as connection:
        if _number(connection, "auto_vacuum") != _AutoVacuum.INCREMENTAL:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            # The setting takes effect only when the file is written anew.
            connection.execute("VACUUM")


def settle(path: Path) -> int:
    """Move the log into the file, which becomes smaller only now; gives the bytes that are free inside, still."""
    with _in_words(path), closing(_connect(path, "rw")) as connection:
        # fetchall(): the checkpoint happens while its row is read.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return _number(connection, "freelist_count") * _number(connection, "page_size")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def size_bytes(path: Path) -> int:
    """Of the file and its log."""
    return sum(place.stat().st_size for place in (path, path.with_name(f"{path.name}-wal")) if place.exists())
