"""Which runs wait: the first of each line, in the same time however long the lines are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from procession.model.ids import RunId
from procession.store import queueing
from procession.store.queueing import Lines
from procession.store.sqlite_transaction import SqliteTransaction

SCHEMA = Path(queueing.__file__).parent / "schema.sql"
STEPS_COUNTED = 100  # of SQLite's machine, between two calls


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Runs without anything that they refer to."""
    opened = sqlite3.connect(":memory:")
    opened.executescript(SCHEMA.read_text())
    opened.execute("PRAGMA foreign_keys = OFF")
    yield opened
    opened.close()


def put(connection: sqlite3.Connection, user: int, process: int, count: int = 1, status: str = "Scheduled") -> None:
    """So many more runs, the first of them first in its line."""
    (given,) = connection.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()
    required = {
        row[1]: "''" if row[2] == "TEXT" else "0"
        for row in connection.execute("PRAGMA table_info(run)")
        if row[3] and row[4] is None and row[1] not in {"id", "status", "process_id"}
    }
    values: dict[str, object] = {
        **required,
        "status": f"'{status}'",
        "process_id": process,
        "started_by": user,
        "scheduled_at": "value",
    }
    if status == "Running":
        values |= {"executor": "'somebody'", "started_at": 0}
    connection.execute(
        f"INSERT INTO run (id, {', '.join(values)}) WITH RECURSIVE n (value) AS (SELECT ? UNION ALL SELECT value + 1"
        f" FROM n WHERE value < ?) SELECT value, {', '.join(map(str, values.values()))} FROM n",
        (given + 1, given + count),
    )


def found(connection: sqlite3.Connection, *without: int) -> list[int]:
    heads = queueing.heads(SqliteTransaction(connection), without=[RunId(number) for number in without])
    return [head.run.number for head in heads]


def steps_of(connection: sqlite3.Connection, *without: int) -> int:
    """How much SQLite does to find the heads."""
    calls: list[None] = []
    connection.set_progress_handler(partial(calls.append, None), STEPS_COUNTED)
    found(connection, *without)
    connection.set_progress_handler(None, 0)
    return len(calls) * STEPS_COUNTED


def test_the_oldest_of_each_line_is_found(connection: sqlite3.Connection) -> None:
    for user, process in ((2, 9), (1, 7), (1, 7), (1, 8), (2, 7), (2, 9)):
        put(connection, user, process)
    put(connection, 3, 7, status="Running")

    assert found(connection) == [2, 4, 5, 1]
    assert found(connection, 2, 5) == [3, 4, 1]
    assert [head.run.number for head in queueing.running(SqliteTransaction(connection))] == [7]


def test_nothing_is_found_where_nothing_waits(connection: sqlite3.Connection) -> None:
    put(connection, 1, 1, status="Running")

    assert found(connection) == []


def test_a_line_s_next_comes_to_the_front_when_its_first_is_passed_by(connection: sqlite3.Connection) -> None:
    put(connection, 1, 7, count=2)
    put(connection, 1, 8)
    lines = Lines(SqliteTransaction(connection), without=[])

    seen = []
    while heads := sorted(lines.heads(), key=lambda head: head.run.number):
        seen.append(heads[0].run.number)
        lines.pass_by(heads[0])
        lines.pass_by(heads[0])

    assert seen == [1, 2, 3]


def test_finding_the_heads_takes_no_longer_with_long_lines(connection: sqlite3.Connection) -> None:
    for user in range(1, 6):
        put(connection, user, process=user, count=20)
    short = steps_of(connection, 1, 2, 3)

    for user in range(1, 6):
        put(connection, user, process=user, count=10_000)

    assert steps_of(connection, 1, 2, 3) <= short + STEPS_COUNTED


def test_a_run_knows_how_many_wait_for_it(connection: sqlite3.Connection) -> None:
    for process in (1, 2, 3, 4):
        put(connection, 1, process)
    # The fourth is started by the third and not waited for.
    for attempt, above, below, waits in ((1, 1, 2, 1), (2, 2, 3, 1), (3, 1, 3, 1), (4, 3, 4, 0)):
        connection.execute(
            "INSERT INTO child_run (attempt_id, place, run_id, step_id, child_id, waits, state)"
            " VALUES (?, 0, ?, 1, ?, ?, 'Started')",
            (attempt, above, below, waits),
        )

    heads = queueing.heads(SqliteTransaction(connection), without=[])
    assert [(head.run.number, head.depth) for head in heads] == [(1, 0), (2, 1), (3, 2), (4, 0)]
