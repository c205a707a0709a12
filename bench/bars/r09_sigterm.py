"""R9: SIGTERM while runs are created, worked on and followed: the server is gone in time, and no run is lost."""

from __future__ import annotations

import select
import signal
import threading
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from urllib.request import Request, urlopen

from bench.figures import Figure, Report, seconds
from bench.server import Client, Server, process_text, python_step, serving

TIMES, TIMES_FULL = 3, 10
THREADS = 4
STREAMS = 20
LOAD_SECONDS = 1.5
CODE = "import time\ntime.sleep(0.05)"


def measure(*, full: bool) -> Report:
    """Lost is a run whose creation was answered and that does not end in Success after the next start."""
    exits, lost, answered = list[float](), 0, 0
    with serving() as server:
        process = server.client().publish(process_text("R9", 4, lambda number: python_step(number, CODE)))
        for _ in range(TIMES_FULL if full else TIMES):
            acknowledged: list[str] = []
            load = [
                threading.Thread(target=_begin, args=(server.client(), process, acknowledged)) for _ in range(THREADS)
            ]
            followed = server.client().create(process, start=True)
            load += [threading.Thread(target=_follow, args=(server, followed)) for _ in range(STREAMS)]
            for thread in load:
                thread.start()
            select.select([], [], [], LOAD_SECONDS)
            exits.append(seconds(partial(server.end, signal.SIGTERM)))
            for thread in load:
                thread.join()
            server.start()
            client = server.client()
            lost += sum(client.wait(run)["outcome"] != "Success" for run in acknowledged)
            answered += len(acknowledged)
    return Report(
        work="R9",
        title=f"SIGTERM with {THREADS} clients that start runs and {STREAMS} streams of events, {len(exits)} times",
        figures=(
            Figure(name="SIGTERM to the server's end", unit="s", values=tuple(exits), at_most=10.0, percentile=100),
            Figure(name=f"runs lost, of {answered} acknowledged", unit="", values=(lost,), at_most=0),
        ),
    )


def _begin(client: Client, process: str, acknowledged: list[str]) -> None:
    """Until the server is gone."""
    with suppress(OSError, HTTPException, AssertionError):
        while True:
            acknowledged.append(client.create(process, start=True))


def _follow(server: Server, run: str) -> None:
    request = Request(  # noqa: S310 - our own server on loopback
        f"{server.address}/api/v1/processruns/{run}/events", headers={"Authorization": f"Bearer {server.token}"}
    )
    with suppress(OSError, HTTPException), urlopen(request) as answer:  # noqa: S310
        while answer.read(1):
            pass
