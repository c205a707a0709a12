"""The writer thread: what is queued together is committed together, and no operation spoils another."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from procession.model.errors import Unavailable
from procession.store.database import Database, Transaction
from procession.store.sqlite import SqliteDatabase
from tests.store.conftest import Opened
from tests.support import wait_until


def add(db: Database, text: str | None) -> Future[int]:
    return db.submit(lambda tx: tx.run("INSERT INTO word VALUES (?)", text))


def words(db: Database) -> list[str]:
    with db.read() as tx:
        return [row[0] for row in tx.all("SELECT text FROM word ORDER BY text")]


def held(db: Database) -> threading.Event:
    """Keep the writer busy, so that what follows is one batch."""
    go_on = threading.Event()
    db.submit(lambda tx: go_on.wait(10))
    return go_on


def test_a_bad_operation_does_not_spoil_its_batch(db: Opened) -> None:
    go_on = held(db)
    good, bad, twice, last = add(db, "good"), add(db, None), add(db, "good"), add(db, "last")
    go_on.set()

    assert (good.result(5), last.result(5)) == (1, 1)
    assert isinstance(bad.exception(5), sqlite3.IntegrityError)
    assert isinstance(twice.exception(5), sqlite3.IntegrityError)
    assert words(db) == ["good", "last"]
    assert db.fatal == []


def test_an_operation_that_fails_halfway_leaves_no_trace_and_calls_nobody(db: Opened) -> None:
    called: list[str] = []

    def half(tx: Transaction) -> None:
        tx.run("INSERT INTO word VALUES ('half')")
        tx.after_commit(lambda: called.append("half"))
        raise ValueError("no")

    def whole(tx: Transaction) -> None:
        tx.run("INSERT INTO word VALUES ('whole')")
        tx.after_commit(lambda: called.append("whole"))

    go_on = held(db)
    first, second = db.submit(half), db.submit(whole)
    go_on.set()
    second.result(5)

    assert isinstance(first.exception(5), ValueError)
    assert words(db) == ["whole"]
    assert called == ["whole"]


def test_what_is_queued_together_is_one_commit(tmp_path: Path) -> None:
    points: list[str] = []
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=points.append, crash_point=points.append)
    db.write(lambda tx: tx.run("CREATE TABLE word (text TEXT)"))
    began = threading.Event()
    go_on = threading.Event()

    def hold(tx: Transaction) -> None:
        began.set()
        go_on.wait(10)

    db.submit(hold)
    assert began.wait(5)
    points.clear()

    futures = [add(db, str(number)) for number in range(100)]
    go_on.set()
    for future in futures:
        future.result(5)
    db.close()

    assert points == ["before commit", "after commit"] * 2


def test_what_was_answered_is_on_the_disk_for_others(db: Opened) -> None:
    add(db, "a").result(5)

    other = sqlite3.connect(db.path)
    found = other.execute("SELECT text FROM word").fetchall()
    other.close()

    assert found == [("a",)]


def test_a_full_disk_is_said_and_survived(db: Opened) -> None:
    with db.read() as tx:
        pages = tx.one("PRAGMA page_count")
    assert pages is not None
    db.write(lambda tx: tx.one(f"PRAGMA max_page_count = {pages[0]}"))

    with pytest.raises(Unavailable, match="the disk is full"):
        add(db, "x" * 100_000).result(5)
    assert words(db) == []
    db.write(lambda tx: tx.one("PRAGMA max_page_count = 1000000"))

    add(db, "x" * 100_000).result(5)
    assert len(words(db)) == 1
    assert db.fatal == []


def test_another_program_that_holds_the_file_is_said_and_survived(tmp_path: Path) -> None:
    fatal: list[str] = []
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=fatal.append, busy_seconds=0.05)
    db.write(lambda tx: tx.run("CREATE TABLE word (text TEXT)"))
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable, match="in use by another program"):
        add(db, "a").result(5)
    other.execute("ROLLBACK")
    other.close()

    assert add(db, "a").result(5) == 1
    db.close()
    assert fatal == []


def test_any_other_error_of_a_commit_ends_the_server(tmp_path: Path) -> None:
    fatal: list[str] = []

    def break_(point: str) -> None:
        if point == "before commit" and armed:
            raise sqlite3.OperationalError("disk I/O error")

    armed: list[bool] = []
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=fatal.append, crash_point=break_)
    db.write(lambda tx: tx.run("CREATE TABLE word (text TEXT)"))
    armed.append(True)

    with pytest.raises(Unavailable):
        add(db, "a").result(5)

    wait_until(lambda: fatal)
    assert "in doubt" in fatal[0]
    db.close()


def test_a_closed_database_refuses_what_comes_later_and_keeps_what_came_before(tmp_path: Path) -> None:
    db = SqliteDatabase(tmp_path / "test.db", on_fatal=print)
    db.write(lambda tx: tx.run("CREATE TABLE word (text TEXT)"))
    before = [add(db, str(number)) for number in range(50)]

    db.close()

    assert [future.result(0) for future in before] == [1] * 50
    with pytest.raises(Unavailable):
        add(db, "late").result(0)


def test_a_reader_cannot_write(db: Opened) -> None:
    with db.read() as tx, pytest.raises(sqlite3.OperationalError, match="readonly"):
        tx.run("INSERT INTO word VALUES ('no')")
