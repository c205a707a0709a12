"""An empty database of each kind that stands behind the port, opened as the server opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from procession.store.blobs import Blobs
from procession.store.database import Database
from procession.store.folder import BlobFolder
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder
from procession.store.step_logs import StepLogs

Notice = Callable[[str], None]


def _sqlite(folder: Path, fatal: Notice, crash_point: Notice) -> Database:
    return SqliteDatabase(folder / "test.db", on_fatal=fatal, crash_point=crash_point)


# A second implementation is a line here: every test that asks for `opened`, `blobs` or `logs` then runs on it too.
DATABASES: dict[str, Callable[[Path, Notice, Notice], Database]] = {"sqlite": _sqlite}
BLOBS: dict[str, Callable[[Path], Blobs]] = {"folder": BlobFolder}
LOGS: dict[str, Callable[[Path], StepLogs]] = {"folder": StepLogFolder}


@dataclass
class Opened:
    """A database with a table of words; `fatal` is what the server would have ended with, `points` where it was."""

    db: Database
    fatal: list[str] = field(default_factory=list)
    points: list[str] = field(default_factory=list)


@pytest.fixture(params=DATABASES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    fatal: list[str] = []
    points: list[str] = []
    db = DATABASES[request.param](tmp_path, fatal.append, points.append)
    db.script("CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, size INTEGER)")
    points.clear()
    yield Opened(db=db, fatal=fatal, points=points)
    db.close()
    assert fatal == []


@pytest.fixture(params=BLOBS)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return BLOBS[request.param](tmp_path / "files")


@pytest.fixture(params=LOGS)
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> StepLogs:
    return LOGS[request.param](tmp_path / "logs")


class OpenedFile(SqliteDatabase):
    """`fatal` is what the server would have ended with."""

    def __init__(self, path: Path) -> None:
        self.fatal: list[str] = []
        super().__init__(path, on_fatal=self.fatal.append)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[OpenedFile]:
    opened = OpenedFile(tmp_path / "test.db")
    opened.write(lambda tx: tx.run("CREATE TABLE word (text TEXT NOT NULL UNIQUE) STRICT"))
    yield opened
    opened.close()
