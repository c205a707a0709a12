"""R16: 10,000 queued runs of two users: claimed as fast as 100, by turns, and soon after kill -9."""

from __future__ import annotations

import select
import signal
import sqlite3
from pathlib import Path
from time import perf_counter

from bench.bars.r04_ready import empty_start_seconds
from bench.figures import Figure, Report
from bench.server import Server, process_text, serving, wait_step
from bench.w04_reads import multiply

QUEUED, FEW = 10_000, 100
LOOKED_AT = 60  # the first so many that end
ENDED_SECONDS_MAX = 120.0


def measure(*, full: bool) -> Report:
    """The first user has queued all of his before the second. Each run is one step that does nothing."""
    few, many, shares = list[float](), list[float](), list[float]()
    restarts, empty = list[float](), list[float]()
    for _ in range(5 if full else 2):
        few.append(_rest_ms(FEW, [], []))
        many.append(_rest_ms(QUEUED, shares, restarts))
        empty.append(empty_start_seconds())
    ratios = tuple(most / least for least, most in zip(few, many, strict=True))
    return Report(
        work="R16",
        title=f"{QUEUED:,} queued runs of two users",
        figures=(
            Figure(name=f"from one run's end to the next's, {FEW} queued", unit="ms", values=tuple(few)),
            Figure(name=f"the same with {QUEUED:,} queued", unit="ms", values=tuple(many)),
            Figure(name="ratio of the two", unit="", values=ratios, at_most=2.0),
            Figure(
                name=f"runs of the second user among the first {LOOKED_AT} that ended",
                unit="%",
                values=tuple(shares),
                at_least=40.0,
            ),
            Figure(name="start after kill -9 to the first end of a run", unit="s", values=tuple(restarts), at_most=3.0),
            Figure(name="floor: to ready with an empty home", unit="s", values=tuple(empty)),
        ),
    )


def _rest_ms(count: int, shares: list[float], restarts: list[float]) -> float:
    """Milliseconds from one end of a run to the next, while so many wait."""
    with serving() as server:
        _queue(server, count)
        server.start()
        _ended(server, LOOKED_AT)
        server.end(signal.SIGKILL)
        ends = _ends(server)[:LOOKED_AT]
        began = perf_counter()
        before = len(_ends(server))
        server.start()
        _ended(server, before + 1)
        restarts.append(perf_counter() - began)
        shares.append(100 * sum(user == 2 for user, _ in ends) / len(ends))
        return (ends[-1][1] - ends[0][1]) / (len(ends) - 1) / 1000


def _queue(server: Server, count: int) -> None:
    """Copies of a run that was not started, made Scheduled by hand: as if their starts had been acknowledged."""
    server.add_user("bob")
    client = server.client()
    client.create(client.publish(process_text("R16", 1, wait_step)))
    server.end()
    path = server.home / "procession.db"
    multiply(path, count)
    connection = sqlite3.connect(path)
    # As a start would: a step's rows are as the copy made them, and these processes have no inputs to freeze.
    connection.execute(
        "UPDATE run SET status = 'Scheduled', started_by = CASE WHEN id <= ? THEN 1 ELSE 2 END, scheduled_at = id",
        (count // 2,),
    )
    connection.commit()
    connection.close()


def _ends(server: Server) -> list[tuple[int, int]]:
    """User and moment, in microseconds, of each run that has ended, in order."""
    connection = sqlite3.connect(f"file:{server.home / 'procession.db'}?mode=ro", uri=True)
    try:
        return connection.execute(
            "SELECT started_by, finished_at FROM run WHERE finished_at IS NOT NULL ORDER BY finished_at, id"
        ).fetchall()
    finally:
        connection.close()


def _ended(server: Server, count: int) -> None:
    end_at = perf_counter() + ENDED_SECONDS_MAX
    while len(_ends(server)) < count:
        assert perf_counter() < end_at, Path(server.home.parent / "server.log").read_text()[-2000:]
        select.select([], [], [], 0.01)
