"""W13: durable steps a second of a built-in action that does nothing, isolated, in runs of 10 steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter, time

from bench import direct, floor
from bench.figures import Figure, Report, percentile
from bench.lanes import rate, runs_a_second
from bench.server import Client, Server, cpu_seconds_of_all, folder, process_text, python_step, serving, wait_step
from bench.turns import Bar, Contest, Measure, Turn, served

STEPS = 10
SECONDS = 3.0  # of each measurement
ROUNDS = 3
FIRST_STEPS = 150
WORKERS = 16  # as many steps at once as runs: PROCESSION_WORKERS_MAX, whose default is 4 or the number of cores


def measure(*, full: bool) -> Report:
    """Over HTTP, create included, and from the engine alone; one run at a time and 16; beside durable commits."""
    rounds = ROUNDS * (3 if full else 1)
    by_http: dict[int, list[float]] = {1: [], 16: []}
    by_engine: dict[int, list[float]] = {1: [], 16: []}
    commits = list[float]()
    with serving(workers_max=WORKERS) as server:
        process = server.client().publish(process_text("W13", STEPS, wait_step))
        last = server.client().run_through(process)["revision"]
        for _ in range(rounds):
            for lanes, found in by_http.items():
                found.append(_http_steps_a_second(server, process, lanes=lanes, after=last - 1))
            commits.append(floor.commits_a_second(server.home))
        first = _first_steps_ms(server.client())
    with folder() as place, direct.opened(place / "home", workers_max=WORKERS) as engine:
        process_id = engine.publish(process_text("W13", STEPS, wait_step))
        engine.run_through(process_id)
        for _ in range(rounds):
            for lanes, found in by_engine.items():
                found.append(_steps_a_second(partial(engine.run_through, process_id), lanes))
    return Report(
        work="W13",
        title=f"durable no-op steps of a built-in action, isolated, runs of {STEPS} steps, SQLite synchronous=FULL",
        figures=_figures(by_http, by_engine, commits, first),
        remarks=(
            f"creating each run of {STEPS} steps and starting it is part of every figure in steps/s",
            f"with PROCESSION_WORKERS_MAX={WORKERS}",
        ),
    )


def _figures(
    by_http: dict[int, list[float]], by_engine: dict[int, list[float]], commits: list[float], first: tuple[float, ...]
) -> tuple[Figure, ...]:
    """By HTTP, from the engine alone, the first step, and the floor with the ratio to it."""

    def rate(name: str, values: list[float], at_least: float) -> Figure:
        return Figure(name=name, unit="steps/s", values=tuple(values), at_least=at_least)

    middle = sorted(commits)[len(commits) // 2]
    start = "request to start until the first line of the first script"
    return (
        rate("1 run at a time, over HTTP", by_http[1], 1000),
        rate("16 runs at a time, over HTTP", by_http[16], 3000),
        rate("1 run at a time, create and start without HTTP", by_engine[1], 1000),
        rate("16 runs at a time, create and start without HTTP", by_engine[16], 3000),
        Figure(name=start, unit="ms", values=first, at_most=10, percentile=99),
        Figure(name="floor: durable commits of plain sqlite3, one row each", unit="commits/s", values=tuple(commits)),
        Figure(
            name="16 runs over HTTP: steps for each commit of the floor",
            unit="",
            values=tuple(value / middle for value in by_http[16]),
        ),
    )


def _http_steps_a_second(server: Server, process: str, *, lanes: int, after: int) -> float:
    return STEPS * runs_a_second(server, process, lanes=lanes, seconds=SECONDS, after=after)


def _steps_a_second(run_through: Callable[[], None], lanes: int) -> float:
    return STEPS * rate(run_through, lanes=lanes, seconds=SECONDS)


def _first_steps_ms(client: Client) -> tuple[float, ...]:
    """One run after the other, from the request to start it; the script's own clock says when its first line ran."""
    process = _publish_first(client)
    return tuple(_first_step_ms(client, process) for _ in range(FIRST_STEPS))


def _publish_first(client: Client) -> str:
    code = "import time\nmessage(repr(time.time()))"
    return client.publish(process_text("W13 first", 1, lambda number: python_step(number, code)))


def _first_step_ms(client: Client, process: str) -> float:
    run = client.create(process)
    asked = time()
    client.start(run)
    client.wait(run)
    step = client.step_ids(run)[0]
    return (float(client.step(run, step)["completionMessage"]) - asked) * 1000


ONE = "steps with 1 run"
MANY = f"steps with {WORKERS} runs"
FIRST_P50 = "request to start until the first line, p50"
FIRST_P99 = "request to start until the first line, p99"
CPU = f"CPU of all processes for a step of {WORKERS} runs"
COMMITS = "durable commits of plain sqlite3, one row each"


def contest() -> Contest:
    return Contest(
        work="W13",
        title=f"durable no-op steps of a built-in action, isolated, runs of {STEPS} steps, over HTTP",
        measures=(
            Measure(name=ONE, unit="a second", to_old=Bar(least=1.5)),
            Measure(name=MANY, unit="a second", to_old=Bar(least=2.2), floor=COMMITS),
            Measure(name=CPU, unit="ms"),
            Measure(name=FIRST_P50, unit="ms"),
            Measure(name=FIRST_P99, unit="ms", to_old=Bar(most=0.4)),
        ),
        opened=lambda side: served(side, _turn, workers_max=WORKERS),
        floor=_commits,
    )


def _commits() -> Mapping[str, float]:
    with folder() as place:
        return {COMMITS: floor.commits_a_second(place)}


def _turn(server: Server) -> Turn:
    client = server.client()
    process, first = client.publish(process_text("W13", STEPS, wait_step)), _publish_first(client)
    last = client.run_through(process)["revision"]

    def turn() -> Mapping[str, float]:
        one = _http_steps_a_second(server, process, lanes=1, after=last - 1)
        cpu, began = cpu_seconds_of_all(server.pid), perf_counter()
        many = _http_steps_a_second(server, process, lanes=WORKERS, after=last - 1)
        steps, cpu = many * (perf_counter() - began), cpu_seconds_of_all(server.pid) - cpu
        taken = [_first_step_ms(client, first) for _ in range(FIRST_STEPS)]
        firsts = {FIRST_P50: percentile(taken, 50), FIRST_P99: percentile(taken, 99)}
        return {ONE: one, MANY: many, CPU: cpu * 1000 / steps, **firsts}

    return turn
