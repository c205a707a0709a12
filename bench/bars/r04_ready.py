"""R4: kill -9 with 10,000 runs of history and a step under way: ready again, and the step again under way."""

from __future__ import annotations

import signal
from time import perf_counter

from bench.figures import Figure, Report, seconds
from bench.server import Client, Server, folder, process_text, python_step, serving, wait_step
from bench.w04_reads import multiply

RUNS = 10_000
KILLS, KILLS_FULL = 5, 20


def measure(*, full: bool) -> Report:
    """From the command to the line that says it is ready; from there until the history tells that the step runs."""
    ready, again, empty = list[float](), list[float](), list[float]()
    with serving() as server:
        client = server.client()
        client.run_through(client.publish(process_text("R4", 2, wait_step)))
        server.end()
        multiply(server.home / "procession.db", RUNS)
        server.start()
        client = server.client()
        process = client.publish(
            process_text("Long", 1, lambda number: python_step(number, "import time; time.sleep(600)"))
        )
        for _ in range(KILLS_FULL if full else KILLS):
            run = client.create(process, start=True)
            _wait_begun(client, run, 1)
            server.end(signal.SIGKILL)
            ready.append(seconds(server.start))
            client = server.client()
            began = perf_counter()
            _wait_begun(client, run, 2)
            again.append(perf_counter() - began)
            client.ask("POST", f"processruns/{run}/cancel")
            empty.append(empty_start_seconds())
    return Report(
        work="R4",
        title=f"kill -9 with {RUNS:,} runs of history and a step under way, {len(ready)} times",
        figures=(
            Figure(name="started again to ready for requests", unit="s", values=tuple(ready), at_most=1.0),
            Figure(name="floor: to ready with an empty home", unit="s", values=tuple(empty)),
            Figure(name="ready to the interrupted step under way again", unit="s", values=tuple(again), at_most=1.0),
        ),
    )


def empty_start_seconds() -> float:
    """What a start takes here and now without anything to do."""
    with folder() as place:
        server = Server(home=place / "home")
        taken = seconds(server.start)
        server.end()
    return taken


def _wait_begun(client: Client, run: str, times: int) -> None:
    """Until the history tells so often that a step runs."""
    status = client.status(run)
    while begun(client, run) < times:
        status = client.status(run, since=status["revision"])


def begun(client: Client, run: str) -> int:
    """How often a step of the run has begun."""
    events = client.ask("GET", f"processruns/{run}/history")["events"]
    return sum(event["kind"] == "step" and event["detail"]["status"] == "Running" for event in events)
