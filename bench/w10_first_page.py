"""W10: how soon a server answers after its start, on a new home and on an old one, and what it holds when idle."""

from __future__ import annotations

import select
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench import floor
from bench.figures import Figure, Report, seconds
from bench.server import Client, Server, folder
from bench.sides import Side
from bench.turns import Bar, Contest, Measure, Turn
from procession.engine.isolation import processes

STARTS = 5
SETTLE_SECONDS = 3.0  # until the fork servers have made what they keep ready


def measure(*, full: bool) -> Report:
    """The page is /health and then /openapi.json; the web pages come with a later issue."""
    new, old, pss, rss = list[float](), list[float](), list[float](), list[float]()
    for _ in range(STARTS * (3 if full else 1)):
        with folder() as place:
            server = Server(home=place / "home")
            try:
                new.append(seconds(partial(_open, server)))
                select.select([], [], [], SETTLE_SECONDS)
                pss.append(_memory_mb(server.pid, "Pss"))
                rss.append(_memory_mb(server.pid, "Rss"))
                server.end()
                old.append(seconds(partial(_open, server)))
            finally:
                server.end()
    pythons = tuple(seconds(floor.python_process) for _ in range(STARTS))
    return Report(
        work="W10",
        title="from the command to the first page, and memory when idle",
        figures=(
            Figure(name="first page on a new home", unit="s", values=tuple(new), at_most=1.0),
            Figure(name="first page on an existing home", unit="s", values=tuple(old), at_most=1.0),
            Figure(
                name="idle, all processes, shared pages counted once (PSS)", unit="MB", values=tuple(pss), at_most=100
            ),
            Figure(name="idle, all processes, shared pages counted in each (RSS)", unit="MB", values=tuple(rss)),
            Figure(name="floor: python -c pass", unit="s", values=pythons),
        ),
    )


def _open(server: Server) -> None:
    server.start()
    client = Client(server.address)
    client.send("GET", "/health")
    client.send("GET", "/openapi.json")
    client.close()


def _memory_mb(root: int, kind: str) -> float:
    """Of a process and all below it."""
    return memory_mb([root, *processes.descendants(root)], kind)


def memory_mb(pids: Iterable[int], kind: str) -> float:
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # one that was just ending
        total += int(text.partition(f"\n{kind}:")[2].split()[0])
    return total / 1024


FIRST = "first page on a new home"
IDLE = "idle, all processes (PSS)"


def contest() -> Contest:
    return Contest(
        work="W10",
        title="from the command to the first page, and memory when idle",
        measures=(
            Measure(name=FIRST, unit="s", bar=Bar(most=0.6)),
            Measure(name=IDLE, unit="MB", bar=Bar(most=90)),
        ),
        opened=_opened,
        rounds=STARTS,
        remarks=("while one is started, the other is not there: what both map is counted for one",),
    )


@contextmanager
def _opened(side: Side) -> Iterator[Turn]:
    yield partial(_once, side)


def _once(side: Side) -> Mapping[str, float]:
    with folder() as place:
        server = Server(home=place / "home", side=side)
        try:
            taken = seconds(partial(_open, server))
            select.select([], [], [], SETTLE_SECONDS)
            return {FIRST: taken, IDLE: _memory_mb(server.pid, "Pss")}
        finally:
            server.end()
