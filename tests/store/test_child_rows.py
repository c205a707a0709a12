"""Rows of runs that a step starts: what is asked at the end of each run must not look at all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib import resources
from typing import Any

import pytest

from procession.store import child_rows


class Explained:
    """A transaction that says how each statement would be done; gives nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.said: list[str] = []

    def all(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        self.said += [row[3] for row in self.connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        return []

    def one(self, sql: str, *parameters: object) -> tuple[int, None, int]:
        self.all(sql, *parameters)
        return 0, None, 0


ASKED = [child_rows.started, partial(child_rows.waiting, limit=1), child_rows.progress]


@pytest.mark.parametrize("ask", ASKED, ids=["started", "waiting", "progress"])
def test_what_is_asked_at_every_end_looks_only_at_what_it_is_about(ask: Callable[[Any, int], object]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(resources.files("procession.store").joinpath("schema.sql").read_text("utf-8"))
        tx = Explained(connection)
        ask(tx, 1)

    assert any("child_run_of_state (attempt_id=? AND state=?)" in one for one in tx.said), tx.said
    assert not any(one.startswith("SCAN") and "CONSTANT" not in one for one in tx.said), tx.said
