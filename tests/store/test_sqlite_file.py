"""The database file as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.model.errors import Unavailable
from procession.store import sqlite_file
from procession.store.sqlite import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a database with 10 MB of free pages."""
    path = tmp_path / "a b%41.db"
    database = SqliteDatabase(path, on_fatal=lambda _reason: None)
    database.script(
        "CREATE TABLE t (c BLOB);\nCREATE TABLE kept (c INTEGER PRIMARY KEY);\nINSERT INTO kept VALUES (7);"
    )
    database.write(lambda tx: tx.many("INSERT INTO t VALUES (zeroblob(?))", [(500_000,)] * 20))
    database.script("DROP TABLE t;")
    database.close()
    return path


def test_space_is_given_back_in_pieces_of_a_megabyte(path: Path) -> None:
    """A statement without rows is stepped once by execute(), which frees one page: the file would stay as it is."""
    before, pieces = path.stat().st_size, 1

    while sqlite_file.free_pages(path):
        pieces += 1

    assert sqlite_file.settle(path) == 0
    assert (before > 10_000_000, path.stat().st_size < 50_000) == (True, True)
    assert pieces == pytest.approx(before / (sqlite_file.PAGES_AT_ONCE * 4_096), abs=1)


def test_a_copy_is_one_whole_file(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    database = SqliteDatabase(path, on_fatal=lambda _reason: None)
    database.script("INSERT INTO kept VALUES (8);")  # in the log only

    sqlite_file.copy(path, copy)

    database.close()
    assert sqlite_file.faults(copy) == []
    with sqlite_file.opened(copy) as tx:
        assert tx.all("SELECT c FROM kept") == [(7,), (8,)]
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy"]


def test_damage_is_found(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"x" * 4096 + content[8192:])
    assert sqlite_file.faults(path)

    path.write_bytes(b"no database at all, and longer than a header of one hundred bytes " * 20)
    assert sqlite_file.faults(path) == ["file is not a database"]
    with pytest.raises(Unavailable, match="file is not a database"):
        sqlite_file.copy(path, path.with_name("copy"))


def test_a_row_that_names_nothing_is_found(path: Path) -> None:
    with sqlite_file.opened(path) as tx:
        tx.run("CREATE TABLE child (id INTEGER REFERENCES kept (c))")
        tx.run("INSERT INTO child VALUES (9)")

    assert sqlite_file.faults(path) == ["row 1 of child names a row of kept that is not there"]
