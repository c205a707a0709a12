"""W1: a run of 40 isolated run_python steps of fibo(10), from POST start to Finished, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from bench import floor
from bench.figures import Figure, Report, seconds
from bench.server import Client, Server, cpu_seconds_of_all, process_text, python_step, serving
from bench.turns import Bar, Contest, Measure, Turn, served

STEPS = 40
RUNS = 9
FLOOR_RUNS = 3
FIBO = """
def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)
"""


def measure(*, full: bool) -> Report:
    """Each step in a new process of its own, as every step of user code; beside 40 new Pythons, and one."""
    code = f"{FIBO}fibo(10)"
    in_process = compile(code, "fibo", "exec")
    runs, watched, pythons, alone = list[float](), list[float](), list[float](), list[float]()
    with serving() as server:
        client = server.client()
        process = client.publish(process_text("W1", STEPS, lambda number: python_step(number, code)))
        last = client.run_through(process)["revision"]
        for _ in range(RUNS * (3 if full else 1)):
            runs.append(_run_seconds(client, process, after=last - 1))
            watched.append(_run_seconds(client, process, after=0))
        for _ in range(FLOOR_RUNS):
            pythons.append(seconds(lambda: [floor.python_process(code) for _ in range(STEPS)]))
            alone.append(seconds(lambda: [exec(in_process, {}) for _ in range(STEPS)]))  # noqa: S102
    return Report(
        work="W1",
        title=f"{STEPS} isolated run_python steps of fibo(10), POST start to Finished over HTTP",
        figures=(
            Figure(name="one long poll for the end", unit="s", values=tuple(runs), at_most=0.20),
            Figure(name="a long poll for every change on the way", unit="s", values=tuple(watched), at_most=0.20),
            Figure(name=f"floor: {STEPS} times python -c, nothing recorded", unit="s", values=tuple(pythons)),
            Figure(name=f"floor: {STEPS} times in one process, nothing recorded", unit="s", values=tuple(alone)),
        ),
    )


def _run_seconds(client: Client, process: str, *, after: int) -> float:
    run = client.create(process)

    def start_and_wait() -> None:
        client.start(run)
        assert client.wait(run, after=after)["outcome"] == "Success"

    return seconds(start_and_wait)


PYTHONS = f"{STEPS} times python -c"
RUN = "POST start to Finished"
CPU = "CPU of all processes for a step"
TURN_RUNS = 5


def contest() -> Contest:
    return Contest(
        work="W1",
        title=f"{STEPS} isolated run_python steps of fibo(10) over HTTP",
        measures=(
            Measure(name=RUN, unit="s", floor=PYTHONS, to_floor=Bar(most=0.35)),
            Measure(name=CPU, unit="ms"),
        ),
        opened=lambda side: served(side, _turn),
        floor=lambda: {PYTHONS: seconds(lambda: [floor.python_process(f"{FIBO}fibo(10)") for _ in range(STEPS)])},
        rounds=5,
    )


def _turn(server: Server) -> Turn:
    client = server.client()
    process = client.publish(process_text("W1", STEPS, lambda number: python_step(number, f"{FIBO}fibo(10)")))
    last = client.run_through(process)["revision"]

    def turn() -> Mapping[str, float]:
        began = cpu_seconds_of_all(server.pid)
        taken = min(_run_seconds(client, process, after=last - 1) for _ in range(TURN_RUNS))
        cpu = cpu_seconds_of_all(server.pid) - began
        return {RUN: taken, CPU: cpu * 1000 / STEPS / TURN_RUNS}

    return turn
