"""What SQLite says when its own calls fail, and what becomes of who waits for a commit."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.model.errors import Unavailable
from procession.store import sqlite_errors
from procession.store.database import Transaction
from procession.store.sqlite import SqliteDatabase
from tests.shortage.sqlite_calls import failing


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SqliteDatabase]:
    fatal: list[str] = []
    made = SqliteDatabase(tmp_path / "test.db", on_fatal=fatal.append)
    made.write(create)
    yield made
    made.close()
    assert fatal == []


def create(tx: Transaction) -> None:
    tx.run("CREATE TABLE word (text TEXT)")


def add(tx: Transaction) -> None:
    tx.run("INSERT INTO word VALUES ('a')")


def count(db: SqliteDatabase) -> int:
    with db.read() as tx:
        [(found,)] = tx.all("SELECT count(*) FROM word")
    return int(found)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
def test_no_room_refuses_a_commit_and_changes_nothing(
    db: SqliteDatabase, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_errors, "_has_room", lambda folder: False)

    with failing("pwrite", code, times=1), pytest.raises(Unavailable, match="disk is full"):
        db.write(add)

    assert count(db) == 0
    db.write(add)
    assert count(db) == 1


def test_what_is_refused_for_an_hour_takes_no_more_memory_than_what_is_refused_once(db: SqliteDatabase) -> None:
    """One error for all kept the frames of each time that it was raised, and what they held."""
    told = [refused(db) for _ in range(3)]

    assert len({id(error) for error in told}) == 3
    assert len({len(traceback.extract_tb(error.__traceback__)) for error in told}) == 1


def refused(db: SqliteDatabase) -> Unavailable:
    with failing("pwrite", errno.ENOSPC, times=1), pytest.raises(Unavailable) as stopped:
        db.write(add)
    return stopped.value


def test_a_write_that_fails_where_there_is_room_leaves_a_commit_in_doubt(tmp_path: Path) -> None:
    fatal: list[str] = []
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=fatal.append)
    db.write(create)

    with failing("pwrite", errno.EIO, times=1), pytest.raises(Unavailable, match="restarting"):
        db.write(add)

    assert len(fatal) == 1
    db.close()


def test_a_read_that_fails_before_the_commit_refuses_it_and_ends_nothing(db: SqliteDatabase) -> None:
    # Another connection has changed what this one remembers: it must read.
    other = SqliteDatabase(db.path, on_fatal=print)
    other.write(add)
    other.close()

    with failing("pread", errno.EIO, times=1), pytest.raises(Unavailable, match="could not be read"):
        db.write(add)

    assert count(db) == 1
    db.write(add)
    assert count(db) == 2


def test_a_read_that_fails_is_said_in_words(db: SqliteDatabase) -> None:
    db.write(add)

    with failing("pread", errno.EIO, times=1), pytest.raises(Unavailable, match="cannot be read now"):
        count(db)

    assert count(db) == 1
