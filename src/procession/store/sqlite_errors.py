"""What SQLite's errors say, and in which words: of one statement, of the transaction, of a machine that is short."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

# Texts: each who is refused is given an error of their own. One that is raised again keeps the frames of every time.
FULL = "nothing was saved because the disk is full; try again in a moment"
ENDING = (
    "the disk is full: the steps of the process run are being ended, and its end is recorded as soon as there is room"
)
UNREAD = "nothing was saved because the database could not be read; try again in a moment"
BUSY = "nothing was saved because the database is in use by another program; try again in a moment"
IN_DOUBT = "the server could not save this; it is restarting, try again in a moment"
CLOSING = "the server is shutting down; try again in a moment"

# A probe of one byte fits into a block that the file has already.
PROBE_BYTES = 65_536  # more than one commit of a few pages

# Primary codes: the extended ones differ between releases of SQLite.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,  # what SQLite calls a read that ends in EIO, too
    }
)


def is_of_transaction(error: Exception) -> bool:
    """Whether the error is one of the whole transaction, and not of one statement."""
    # Python raises it for a bad statement too, whose code is SQLITE_ERROR.
    if isinstance(error, sqlite3.OperationalError):
        return _code(error) != sqlite3.SQLITE_ERROR
    return is_passing(error)


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed when a shortage is over."""
    # SQLITE_NOMEM is a MemoryError of Python's.
    return isinstance(error, MemoryError) or _code(error) & 0xFF in _PASSING


def is_full(error: Exception, *, folder: Path) -> bool:
    """A write that found no room, in the folder of the database; it changes nothing.

    SQLite knows ENOSPC and takes a disk quota for a fault of the disk: another file tells the two apart.
    """
    return _code(error) == sqlite3.SQLITE_FULL or (_code(error) == sqlite3.SQLITE_IOERR_WRITE and not _has_room(folder))


def _has_room(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(b"\0" * PROBE_BYTES)
            # A quota or a network disk may refuse only when the bytes are really written.
            os.fsync(file.fileno())
    # Any other error says nothing about room: then SQLite's own word counts.
    except OSError as error:
        return error.errno not in (errno.ENOSPC, errno.EDQUOT)
    return True


def is_busy(error: Exception) -> bool:
    return _code(error) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: Exception) -> int:
    """The extended code; 0 where the driver has none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)
