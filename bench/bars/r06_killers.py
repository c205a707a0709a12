"""R6: a step that kills its process, and one under way whenever its server is killed: given up, with a reason."""

from __future__ import annotations

import signal
from typing import Any

from bench.bars.r04_ready import begun
from bench.figures import Figure, Report
from bench.server import Client, Server, process_text, python_step, serving, wait_step

OTHERS = 20
TRIES = 3
SUICIDE = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
RETRY = '\nretry: {times: 2, wait: "0.1s"}'


def measure(*, full: bool) -> Report:
    """Beside the first, other runs go on; the second stops its server three times."""
    with serving() as server:
        client = server.client()
        bad = client.publish(process_text("Bad", 1, lambda number: python_step(number, SUICIDE) + RETRY))
        good = client.publish(process_text("Good", 3, wait_step))
        run = client.create(bad, start=True)
        others = [client.create(good, start=True) for _ in range(OTHERS)]
        failed = sum(client.wait(other)["outcome"] != "Success" for other in others)
        step = _failed_step(client, run)
        tries = begun(client, run)
        stopper, stopped_step = _stop_three_times(server)
    return Report(
        work="R6",
        title="steps that end their process, or are under way when their server is killed, every time",
        figures=(
            Figure(name="tries of the step that kills its process", unit="", values=(tries,), at_most=TRIES),
            Figure(name=f"other runs that did not succeed, of {OTHERS}", unit="", values=(failed,), at_most=0),
            Figure(name="beginnings of the step whose server is killed", unit="", values=(stopper,), at_most=TRIES),
        ),
        remarks=(f"messages: {step['completionMessage']!r}; {stopped_step['completionMessage']!r}",),
    )


def _failed_step(client: Client, run: str) -> Any:
    assert client.wait(run)["outcome"] == "Failed"
    step = client.step(run, client.step_ids(run)[0])
    assert step["status"] == "Failed", step
    return step


def _stop_three_times(server: Server) -> tuple[int, Any]:
    client = server.client()
    process = client.publish(
        process_text("Long", 1, lambda number: python_step(number, "import time; time.sleep(600)"))
    )
    run = client.create(process, start=True)
    for times in range(1, TRIES + 1):
        status = client.status(run)
        while begun(client, run) < times:
            status = client.status(run, since=status["revision"])
        server.end(signal.SIGKILL)
        server.start()
        client = server.client()
    return begun(client, run), _failed_step(client, run)
