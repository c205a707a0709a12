"""What is in a home, read without the code under test."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from procession.commands.console import Console
from procession.commands.pruning import PruneOptions, prune
from procession.store.crash import pass_by


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{home / 'procession.db'}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def change(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "procession.db", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


RUNS = "SELECT id, name, status, outcome, attempt FROM run ORDER BY id"
WRITES = "SELECT property_id, step_id, value, file_name, sha256, size FROM property_write ORDER BY id"
HISTORY = "SELECT run_id, revision, kind, detail FROM history ORDER BY run_id, revision"


def state(home: Path) -> list[list[tuple[Any, ...]]]:
    return [ask(home, question) for question in (RUNS, WRITES, HISTORY)]


def contents(home: Path) -> set[str]:
    """Of those on disk, each looked at."""
    found = set()
    for path in (home / "files").glob("??/*"):
        name = path.parent.name + path.name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name
        found.add(name)
    return found


def named(home: Path) -> set[str]:
    rows = ask(
        home,
        "SELECT sha256 FROM file WHERE sha256 IS NOT NULL UNION SELECT sha256 FROM property_write"
        " WHERE sha256 IS NOT NULL UNION SELECT sha256 FROM table_part",
    )
    return {row[0] for row in rows}


def logs(home: Path) -> set[int]:
    return {int(path.stem) for path in (home / "logs").glob("*/*.log")}


def check_whole(home: Path) -> None:
    assert ask(home, "PRAGMA integrity_check") == [("ok",)]
    assert ask(home, "PRAGMA foreign_key_check") == []
    assert named(home) <= contents(home)


def size_bytes(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())


def prune_at_once(
    home: Path, *, keep: int | None = None, age: timedelta | None = None, crash_point: Callable[[str], None] = pass_by
) -> int:
    wanted = PruneOptions(age=age, keep=keep, processes=(), is_meant=True)
    return prune(Console(home=str(home), json=True), wanted, crash_point=crash_point)
