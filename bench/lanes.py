"""Clients side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter

from bench.server import Client, Server


def rate(work: Callable[[], object], *, lanes: int, seconds: float) -> float:
    """How often a second it is done: for so long, one after the other in each lane, which is a thread."""
    counts, began = [0] * lanes, perf_counter()

    def go_on(lane: int) -> None:
        while perf_counter() - began < seconds:
            work()
            counts[lane] += 1

    threads = [threading.Thread(target=go_on, args=(lane,)) for lane in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (perf_counter() - began)


def runs_a_second(server: Server, process: str, *, lanes: int, seconds: float, after: int) -> float:
    """From creation to Success over HTTP, a connection for each lane; the last revision of each is after `after`."""
    local = threading.local()

    def run_through() -> None:
        if not hasattr(local, "client"):
            local.client = server.client()
        client: Client = local.client
        status = client.wait(client.create(process, start=True), after=after)
        assert status["outcome"] == "Success", status

    return rate(run_through, lanes=lanes, seconds=seconds)
