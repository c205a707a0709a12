"""Managed tables of a million rows over HTTP: append, upsert of 1 %, pages, filters, back in time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from bench.figures import Figure, Report
from bench.server import Client, serving

ROWS = 1_000_000
COLUMNS = {"account": "FixedLengthText", "amount": "Money", "booked": "Datetime", "open": "TrueFalse", "rate": "Number"}


def measure(*, full: bool) -> Report:
    """One table; the first request, which starts the processes, is not counted."""
    with serving() as server:
        client = server.client()
        table = str(client.ask("POST", "tables", {"name": "Ledger"})["id"])
        for name, kind in COLUMNS.items():
            client.ask("POST", f"tables/{table}/columns", {"name": name, "dataType": kind})
        client.ask("GET", f"tables/{table}/rows")
        body = _csv(range(ROWS))
        append = _seconds(partial(_send, client, table, body, "append"))
        size = client.ask("GET", f"tables/{table}")["sizeInBytes"]
        version = client.ask("GET", f"tables/{table}")["version"]
        upserts = [_upsert(client, table, turn) for turn in range(9 if full else 3)]
        small = [_seconds(partial(client.ask, "POST", f"tables/{table}/rows", [{"account": "x"}])) for _ in range(9)]
        pages = [_page_ms(client, table, f"limit=100&_Record_ID.gt={start}") for start in range(0, ROWS, ROWS // 20)]
        then = [_page_ms(client, table, f"limit=100&version={version}") for _ in range(9)]
        scans = [_page_ms(client, table, "limit=100&amount.gt=9999.99") for _ in range(9)]
    return Report(
        work="tables",
        title=f"a table of {ROWS:,} rows and {len(COLUMNS)} columns, over HTTP",
        figures=(
            Figure(name="append all as CSV", unit="s", values=(append,)),
            Figure(name="upsert of 1 %, spread over all, as CSV", unit="s", values=tuple(upserts)),
            Figure(name="append one row", unit="s", values=tuple(small)),
            Figure(name="a page of 100 rows", unit="ms", values=tuple(pages), at_most=50),
            Figure(name="the same, back in time", unit="ms", values=tuple(then), at_most=50),
            Figure(name="a filter that reads every row", unit="ms", values=tuple(scans)),
            Figure(name="size on disk", unit="MB", values=(size / 1e6,)),
        ),
    )


def _csv(numbers: Any) -> bytes:
    out = io.StringIO()
    out.write("account,amount,booked,open,rate\n")
    for i in numbers:
        cents, day = i * 7919 % 1_000_000, i % 28 + 1
        out.write(
            f"A{i:07d},{cents // 100}.{cents % 100:02d},2026-01-{day:02d}T08:00:00,{i % 2 == 0},0.{i % 997:04d}\n"
        )
    return out.getvalue().encode()


def _send(client: Client, table: str, body: bytes, query: str) -> Any:
    return client.send("POST", f"/api/v1/tables/{table}/rows?mode={query}", body, "text/csv")


def _upsert(client: Client, table: str, turn: int) -> float:
    body = _csv(range(turn, ROWS, 100))
    answers: list[Any] = []
    seconds = _seconds(lambda: answers.append(_send(client, table, body, "upsert&key=account")))
    assert answers[0]["rowsUpdated"] == ROWS // 100, json.dumps(answers[0])
    return seconds


def _page_ms(client: Client, table: str, query: str) -> float:
    return 1000 * _seconds(partial(client.ask, "GET", f"tables/{table}/rows?{query}"))


def _seconds(function: Callable[[], object]) -> float:
    began = perf_counter()
    function()
    return perf_counter() - began
