"""A database that a test writes to by write_database, whole or cut off at any point."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from procession.actions.contract import ConnectionInput, StepOutcome
from procession.actions.kinds import write_database
from procession.model.lifecycle import StepStatus
from tests.actions import postgres as servers
from tests.actions.asking import Connect
from tests.actions.context import Played, play
from tests.support import wait_until

ROWS = b"entry,account,amount\n2,0400,20.50\n4,0420,-0.10\n"
COLUMNS = {"entry": {"type": "Number"}, "account": {"type": "Text"}, "amount": {"type": "Money"}}
BEFORE = [(1, "0400", "10.00"), (2, "0400", "20.00"), (3, "0410", "30.00")]
MODES: dict[str, dict[str, Any]] = {
    "upsert": {"mode": "upsert", "key": ["entry"]},
    "replace_where": {"mode": "replace_where", "key": ["account"]},
    "batch": {"mode": "append", "batch": "batch"},
    "append": {"mode": "append"},
}
# What each mode makes of BEFORE; appended are rows that are new.
AFTER = {
    "upsert": [(1, "0400", "10.00"), (2, "0400", "20.50"), (3, "0410", "30.00"), (4, "0420", "-0.10")],
    "replace_where": [(2, "0400", "20.50"), (3, "0410", "30.00"), (4, "0420", "-0.10")],
    "batch": [*BEFORE, (4, "0420", "20.50"), (5, "0420", "-0.10")],
    "append": [*BEFORE, (4, "0420", "20.50"), (5, "0420", "-0.10")],
}
NEW_ROWS = b"entry,account,amount\n4,0420,20.50\n5,0420,-0.10\n"


class Written:
    """A database that a test writes to, a PostgreSQL."""

    into = "finance.ledger"

    connect: Connect = staticmethod(servers.connection)

    def __init__(self, server: Any, folder: Path, script: str) -> None:
        self.server, self.folder = server, folder
        self.database = server.fresh(script)
        self.times = 0

    def reach(self, hook: Callable[[bytes], None]) -> ConnectionInput:
        """A connection whose every piece is shown to `hook`."""
        return self.connect(self.server, self.database, hook=hook)

    def write(
        self, content: Any = ROWS, /, connection: ConnectionInput | None = None, recorded: Any = (), **settings: Any
    ) -> Played:
        self.times += 1
        source = {"file": "${files.rows}", "columns": COLUMNS} if content in (ROWS, NEW_ROWS) else "${files.rows}"
        given = {"connection": "erp", "source": source, "into": self.into} | settings
        return play(
            write_database.ACTION,
            self.folder / f"{self.times}",
            given,
            {"files.rows": content},
            connection=connection or self.connect(self.server, self.database),
            recorded=recorded,
        )

    def refused(self, content: Any = ROWS, /, **settings: Any) -> str:
        before = self.rows()
        played = self.write(content, **settings)
        assert played.outcome.status is StepStatus.FAILED, played.outcome.message
        assert self.rows() == before
        return played.outcome.message

    def rows(self, sql: str = "SELECT entry, account, amount::text FROM finance.ledger ORDER BY entry") -> list[Any]:
        with self.server.admin(self.database) as admin:
            return list(admin.execute(sql).fetchall())

    def is_quiet(self) -> bool:
        """Whether no session of ours is left, so that what it did is done or gone."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'erp' AND datname = current_database()"
        return self.rows(sql) == [(0,)]


def parquet(sql: str) -> tuple[str, bytes]:
    # A connection of its own: that of the module may hold the unfinished result of another test.
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        connection.execute(f"COPY ({sql}) TO '{file.name}' (FORMAT parquet)")
        return "rows.parquet", Path(file.name).read_bytes()


def rows_of(mode: str) -> bytes:
    return NEW_ROWS if mode in {"batch", "append"} else ROWS


class Cutter:
    """Ends the line at the n-th piece that a session sends, before or after it has arrived."""

    def __init__(self, at: int, error: type[Exception]) -> None:
        self.at, self.error, self.seen = at, error, 0

    def __call__(self, data: bytes) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise self.error


def pieces(written: Written, mode: str) -> int:
    counter = Cutter(0, servers.Cut)
    written.write(rows_of(mode), connection=written.reach(counter), **MODES[mode])
    return counter.seen


def points(mode: str, count: int, *, is_thorough: bool) -> list[int]:
    """Of these pieces; in `make test` those around the commit, and of the mode that nothing protects each third before."""
    if is_thorough:
        return list(range(1, count + 1))
    stride = 3 if mode == "append" else count
    return sorted({*range(1, count - 3, stride), *range(count - 3, count + 1)})


def cuts(before: type[Exception], behind: type[Exception], *, begins_with: type[Exception]) -> list[Any]:
    """Each mode with a line cut before a piece, and behind it; `make test` takes turns, from one of them."""
    quick = [begins_with, before if begins_with is behind else behind]
    return [
        pytest.param(mode, error, marks=() if error is quick[number % 2] else pytest.mark.thorough)
        for number, mode in enumerate(MODES)
        for error in (before, behind)
    ]


class Kept(list[str]):
    """A journal on disk, as that of a server is before the step goes on."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def append(self, entry: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{entry}\n")
        super().append(entry)


class Reached(Exception):
    """It is the point."""


def kill(cutter: Cutter, pids: list[int], data: bytes) -> None:
    try:
        cutter(data)
    except Reached:
        os.kill(wait_until(lambda: pids)[0], signal.SIGKILL)


def write_recording(written: Written, connection: ConnectionInput, journal: Path, mode: str) -> None:
    def run(context: Any) -> StepOutcome:
        context.recorded = Kept(journal)
        return write_database.run(context)

    source = {"file": "${files.rows}", "columns": COLUMNS}
    given = {"connection": "erp", "source": source, "into": written.into} | MODES[mode]
    action = replace(write_database.ACTION, run=run)
    play(action, journal.parent / "killed", given, {"files.rows": rows_of(mode)}, connection=connection)
