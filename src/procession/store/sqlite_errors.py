"""What SQLite's errors say: of one statement, of the whole transaction, or of a machine that is short of something."""

from __future__ import annotations

import sqlite3

_PASSING = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def is_of_transaction(error: Exception) -> bool:
    """Whether the error is one of the whole transaction, and not of one statement."""
    if isinstance(error, sqlite3.OperationalError):
        return _code(error) != sqlite3.SQLITE_ERROR
    return isinstance(error, MemoryError)  # SQLITE_NOMEM, as Python has it


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed when a shortage is over."""
    return isinstance(error, MemoryError) or _code(error) & 0xFF in _PASSING


def is_full(error: Exception) -> bool:
    return _code(error) == sqlite3.SQLITE_FULL


def is_busy(error: Exception) -> bool:
    return _code(error) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: Exception) -> int:
    """The extended code; 0 where the driver has none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0)
