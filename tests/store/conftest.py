"""An empty database, opened as the server opens it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.store.sqlite import SqliteDatabase


class Opened(SqliteDatabase):
    """`fatal` is what the server would have ended with."""

    def __init__(self, path: Path) -> None:
        self.fatal: list[str] = []
        super().__init__(path, on_fatal=self.fatal.append)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "test.db")
    opened.write(lambda tx: tx.run("CREATE TABLE word (text TEXT NOT NULL UNIQUE) STRICT"))
    yield opened
    opened.close()
