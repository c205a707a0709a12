"""W5: how soon the first step runs after restartfromhere at step 30 of 40."""

from __future__ import annotations

from time import perf_counter

from bench import floor
from bench.figures import Figure, Report
from bench.server import Client, process_text, python_step, serving

STEPS, FROM = 40, 30
RESTARTS = 15


def measure(*, full: bool) -> Report:
    """From sending the POST until a client has seen the step Running, or over already."""
    taken = []
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("W5", STEPS, lambda number: python_step(number, "pass")))
        run = client.create(process, start=True)
        client.wait(run)
        step = client.step_ids(run)[FROM - 1]
        for _ in range(RESTARTS * (4 if full else 1)):
            taken.append(_restart_ms(client, run, step))
            client.wait(run)
        commits = floor.commits_a_second(server.home)
    return Report(
        work="W5",
        title=f"restartfromhere at step {FROM} of {STEPS}: POST sent to the step seen Running over HTTP",
        figures=(
            Figure(name="restart", unit="ms", values=tuple(taken), at_most=100, percentile=99),
            Figure(name="floor: one durable commit of plain sqlite3", unit="ms", values=(1000 / commits,)),
        ),
    )


def _restart_ms(client: Client, run: str, step: str) -> float:
    revision = client.status(run)["revision"]
    began = perf_counter()
    client.ask("POST", f"processruns/{run}/steps/{step}/restartfromhere")
    while client.step(run, step)["status"] not in {"Running", "Success"}:
        revision = client.status(run, since=revision)["revision"]
    return (perf_counter() - began) * 1000
