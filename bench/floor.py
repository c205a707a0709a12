"""The floors: what raw Python and plain SQLite need on this machine, in this very run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from time import perf_counter

COMMITS_SECONDS = 1.0


def python_process(code: str = "pass") -> None:
    """A new Python runs this code."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def commits_a_second(folder: Path) -> float:
    """Durable commits of one small row each, by plain sqlite3 with the settings of our own database."""
    path = folder / "floor.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS step (id INTEGER PRIMARY KEY, text TEXT)")
    count, began = 0, perf_counter()
    while (passed := perf_counter() - began) < COMMITS_SECONDS:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO step (text) VALUES (?)", ("a small row of text, as a step's would be",))
        connection.execute("COMMIT")
        count += 1
    connection.close()
    path.unlink()
    return count / passed
