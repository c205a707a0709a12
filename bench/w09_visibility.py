"""W9: from the last line of a step's script to a client that has read the step's end, by long poll."""

from __future__ import annotations

import threading
from time import time

from bench import floor
from bench.figures import Figure, Report
from bench.server import Client, process_text, python_step, serving

STEPS = 20
RUNS = 10
# The pause lets the client wait for the next end, rather than for its own earlier request.
CODE = "import time\ntime.sleep(0.03)\nmessage(repr(time.time()))"


def measure(*, full: bool) -> Report:
    """Script and client share the machine's clock; the step's message carries the moment of its end."""
    taken = list[float]()
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("W9", STEPS, lambda number: python_step(number, CODE)))
        client.run_through(process)
        for _ in range(RUNS * (5 if full else 1)):
            taken += _run_ms(client, process)
        beside = _beside(server.client, process)
        commits = floor.commits_a_second(server.home)
    return Report(
        work="W9",
        title="the end of a step to its end read by a client (long poll, then the step's status)",
        figures=(
            Figure(name="one run", unit="ms", values=tuple(taken), at_most=50, percentile=99),
            Figure(
                name="4 runs at once, each with its client", unit="ms", values=tuple(beside), at_most=50, percentile=99
            ),
            Figure(name="floor: one durable commit of plain sqlite3", unit="ms", values=(1000 / commits,)),
        ),
        remarks=("Server-Sent Events come with a later issue; they will be measured here, too",),
    )


def _run_ms(client: Client, process: str) -> list[float]:
    run = client.create(process)
    left, taken = client.step_ids(run), list[float]()
    client.start(run)
    revision = 0
    while left:
        revision = client.status(run, since=revision)["revision"]
        while left and (step := client.step(run, left[0]))["status"] == "Success":
            taken.append((time() - float(step["completionMessage"])) * 1000)
            left.pop(0)
    client.wait(run)
    return taken


def _beside(connect: object, process: str) -> list[float]:
    assert callable(connect)
    taken = list[float]()
    threads = [threading.Thread(target=lambda: taken.extend(_run_ms(connect(), process))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 4 * STEPS
    return taken
