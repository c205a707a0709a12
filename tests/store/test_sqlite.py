"""What is SQLite's own: other programs at the same file, full disks, and commits in doubt."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future
from pathlib import Path

import pytest

from procession.model.errors import ProcessionError, Unavailable
from procession.store.database import Database
from procession.store.sqlite import SqliteDatabase, require_version
from tests.store.conftest import OpenedFile
from tests.support import wait_until


def add(db: Database, text: str | None) -> Future[int]:
    return db.submit(lambda tx: tx.run("INSERT INTO word VALUES (?)", text))


def words(db: Database) -> list[str]:
    with db.read() as tx:
        return [row[0] for row in tx.all("SELECT text FROM word ORDER BY text")]


@pytest.mark.parametrize(("found", "is_taken"), [((3, 36, 9), False), ((3, 37, 0), True), ((4, 0, 0), True)])
def test_an_old_library_is_refused_with_the_version_that_is_needed(found: tuple[int, int, int], is_taken: bool) -> None:
    """element-hq/synapse#17577: without RETURNING each statement would be a syntax error."""
    if is_taken:
        require_version(found)
    else:
        with pytest.raises(ProcessionError, match=r"has SQLite 3\.36\.9; Procession needs 3\.37\.0 or newer"):
            require_version(found)


def test_what_was_answered_is_on_the_disk_for_others(db: OpenedFile) -> None:
    add(db, "a").result(5)

    other = sqlite3.connect(db.path)
    found = other.execute("SELECT text FROM word").fetchall()
    other.close()

    assert found == [("a",)]


def test_a_full_disk_is_said_and_survived(db: OpenedFile) -> None:
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
