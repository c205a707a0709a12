"""W7: kill -9 of the server at random moments, and how soon its runs go on after it was started again."""

from __future__ import annotations

import random
import select
import signal
from datetime import UTC, datetime
from time import time
from typing import Any

from bench import floor
from bench.figures import Figure, Report, seconds
from bench.server import Client, Server, process_text, python_step, serving

KILLS, KILLS_FULL = 6, 40
RUNS, STEPS = 6, 10
LIFE_SECONDS = (0.02, 0.5)  # after the last run was acknowledged
CODE = "import time\ntime.sleep(0.02)"


def measure(*, full: bool) -> Report:
    """Lost is a run that was acknowledged and does not end in Success with every step done."""
    chance = random.Random(7)  # noqa: S311 - moments to kill at, the same every time
    ready, again, lost, orphans = list[float](), list[float](), 0, 0
    with serving() as server:
        process = server.client().publish(process_text("W7", STEPS, lambda number: python_step(number, CODE)))
        server.client().run_through(process)
        for _ in range(KILLS_FULL if full else KILLS):
            client = server.client()
            runs = [client.create(process, start=True) for _ in range(RUNS)]
            select.select([], [], [], chance.uniform(*LIFE_SECONDS))
            server.end(signal.SIGKILL)
            began_at = time()
            ready.append(seconds(server.start))
            client = server.client()
            lost += sum(not _is_whole(client, run) for run in runs)
            moments = _taken_again(client, runs, began_at)
            orphans += len(moments)
            again += [max(moments) - began_at] if moments else []
        pythons = tuple(seconds(floor.python_process) for _ in range(5))
        is_sound = _is_sound(server)
    return Report(
        work="W7",
        title=f"kill -9 with {RUNS} runs of {STEPS} steps under way, {len(ready)} times",
        figures=(
            Figure(name=f"runs lost, of {RUNS * len(ready)} acknowledged", unit="", values=(float(lost),), at_most=0),
            Figure(
                name="started again to the last interrupted run taken over", unit="s", values=tuple(again), at_most=1.0
            ),
            Figure(name="started again to ready for requests", unit="s", values=tuple(ready)),
            Figure(name="floor: python -c pass", unit="s", values=pythons),
        ),
        remarks=(
            f"{orphans} runs were under way when the server was killed; integrity_check of the database: {is_sound}",
        ),
    )


def _is_whole(client: Client, run: str) -> bool:
    status = client.wait(run)
    steps = client.ask("GET", f"processruns/{run}/steps?include=all")
    return status["outcome"] == "Success" and all(step["runStatus"]["status"] == "Success" for step in steps)


def _taken_again(client: Client, runs: list[str], began_at: float) -> list[float]:
    """When each run that was under way was taken over, by the server's clock, which is ours too."""
    moments = []
    for run in runs:
        events: list[dict[str, Any]] = client.ask("GET", f"processruns/{run}/history")["events"]
        for event in events:
            moment = datetime.fromisoformat(event["at"].removesuffix("Z")).replace(tzinfo=UTC).timestamp()
            if event["kind"] == "taken over" and moment >= began_at:
                moments.append(moment)
    return moments


def _is_sound(server: Server) -> str:
    """Asked of SQLite itself, on the file that was open when the server was killed."""
    import sqlite3

    (path,) = server.home.glob("*.db")
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()
