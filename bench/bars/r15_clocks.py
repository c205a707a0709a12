"""R15: the wall clock is set an hour back or a day ahead in the middle of a run, with and without a restart."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from bench.figures import Figure, Report
from bench.server import FINAL, Client, Server, folder, process_text, python_step

JUMPS = {"-1 h": -3_600, "+1 d": 86_400}
WORK_SECONDS, WAIT_SECONDS, LIMIT_SECONDS = 4.0, 3.0, 3.0
LATE_SECONDS = 1.5  # for a retry or a limit
LOOKS_SECONDS = 0.1
TOKEN_SECONDS, MINUTE = 3_600, 60

WORKS = python_step(1, f"import time\ntime.sleep({WORK_SECONDS})")
FAILS = python_step(1, "raise ValueError('no')") + f"\nretry: {{times: 1, wait: {WAIT_SECONDS:g}s}}"
LIMITED = python_step(1, "import time\ntime.sleep(60)") + f"\ntime_limit: {LIMIT_SECONDS:g}s"


@dataclass(slots=True)
class Seen:
    """Of all runs, of each jump, with and without a restart."""

    durations: list[float] = field(default_factory=list)  # seconds between what a run took and what it says
    backwards: int = 0
    wrong_ends: int = 0
    retries: list[float] = field(default_factory=list)  # seconds from what the wait should be
    restarted: list[float] = field(default_factory=list)  # the same, after the server was ready again
    limits: list[float] = field(default_factory=list)
    ended_early: int = 0  # tokens of an hour, a minute before its end, when the clock was set back
    outlived: int = 0  # a minute after it


def measure(*, full: bool) -> Report:
    """The server is a real one; only its wall clock is set, by a file."""
    seen, turns = Seen(), 3 if full else 1
    for seconds in JUMPS.values():
        for _ in range(turns):
            with _serving() as place:
                _try_all(place, seconds, seen)
    return Report(
        work="R15",
        title=f"the clock set {' and '.join(JUMPS)} in the middle of a run, a retry's pause and a limit",
        figures=(
            _count("durations that went back while they were looked at", seen.backwards),
            _count("ends before their start, or too near to it", seen.wrong_ends),
            Figure(
                name="error of a run's duration", unit="s", values=tuple(seen.durations), at_most=1.0, percentile=100
            ),
            Figure(name="a retry, late by", unit="s", values=tuple(seen.retries), at_most=LATE_SECONDS, percentile=100),
            Figure(name="the least of them", unit="s", values=(min(seen.retries),), at_least=-2 * LOOKS_SECONDS),
            Figure(
                name="a retry after a restart, late by",
                unit="s",
                values=tuple(seen.restarted),
                at_most=LATE_SECONDS,
                percentile=100,
            ),
            Figure(
                name="a time limit, late by", unit="s", values=tuple(seen.limits), at_most=LATE_SECONDS, percentile=100
            ),
            Figure(name="the least of them", unit="s", values=(min(seen.limits),), at_least=-2 * LOOKS_SECONDS),
            _count("tokens that lived on a minute after their hour", seen.outlived),
            _count("tokens refused a minute before it", seen.ended_early),
        ),
        remarks=(
            "a clock set ahead ends the tokens that it passes, with 401, because the machine may have stood still;"
            " signing in again works, and what was given out then ends in time after the clock is right again",
        ),
    )


def _count(name: str, count: int) -> Figure:
    return Figure(name=name, unit="", values=(float(count),), at_most=0)


@dataclass(slots=True)
class Place:
    server: Server
    file: Path

    passed: float = 0.0

    def jump(self, seconds: float) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds} {self.passed}")
        new.rename(self.file)

    def signed_in(self) -> Client:
        self.server.sign_in()
        return self.server.client()


@contextmanager
def _serving() -> Iterator[Place]:
    with folder() as where:
        program = (sys.executable, "-m", "bench.bars.set_clock", str(where / "home"))
        server = Server(home=where / "home", program=program)
        place = Place(server=server, file=where / "jump")
        place.jump(0)
        server.start()
        try:
            server.sign_in()
            yield place
        finally:
            server.end()


def _try_all(place: Place, seconds: float, seen: Seen) -> None:
    client = place.server.client()
    works, fails, limited = (
        client.publish(process_text(name, 1, lambda _, text=text: text))
        for name, text in (("R15 works", WORKS), ("R15 fails", FAILS), ("R15 limited", LIMITED))
    )
    client.run_through(works)
    _look_at(place, client, works, seconds, seen)
    seen.retries.append(_retry(place, fails, seconds, restarts=False))
    seen.restarted.append(_retry(place, fails, seconds, restarts=True))
    seen.limits.append(_limit(place, limited, seconds))
    _live(place, seconds, seen)


def _look_at(place: Place, client: Client, process: str, seconds: float, seen: Seen) -> None:
    began, run = monotonic(), client.create(process, start=True)
    place.jump(seconds)
    client, last = place.signed_in(), -1
    while (status := client.status(run))["status"] not in FINAL:
        shown = status["runDurationInSeconds"]
        seen.backwards += shown is not None and shown < last
        last = last if shown is None else shown
        select.select([], [], [], LOOKS_SECONDS)
    took = monotonic() - began
    # Whole seconds are told, rounded down.
    seen.durations.append(
        max(WORK_SECONDS - 1 - status["runDurationInSeconds"], status["runDurationInSeconds"] - took, 0)
    )
    seen.wrong_ends += _is_wrong(status)
    place.jump(0)
    place.signed_in()


def _live(place: Place, seconds: float, seen: Seen) -> None:
    """A token that was given out while the clock was ahead, or before it was set back; both end as behind."""
    place.jump(max(seconds, 0))
    client = place.signed_in()
    place.jump(min(seconds, 0))
    place.passed += TOKEN_SECONDS - MINUTE
    place.jump(min(seconds, 0))
    seen.ended_early += _is_refused(client)
    place.passed += 2 * MINUTE
    place.jump(min(seconds, 0))
    seen.outlived += not _is_refused(client)
    place.jump(0)
    place.signed_in()


def _is_refused(client: Client) -> bool:
    try:
        client.ask("GET", "processes")
    except AssertionError:
        return True
    return False


def _is_wrong(status: Any) -> bool:
    begin, end = (datetime.fromisoformat(status[name].removesuffix("Z")) for name in ("dateStarted", "dateFinished"))
    return (end - begin).total_seconds() < status["runDurationInSeconds"]


def _retry(place: Place, process: str, jump: float, *, restarts: bool) -> float:
    """How much later than it should the second try ends, which has nothing to do."""
    client = place.server.client()
    run = client.create(process, start=True)
    step = client.step_ids(run)[0]
    _until(lambda: "follows in" in client.step(run, step)["completionMessage"])
    began = monotonic()
    place.jump(jump)
    if restarts:
        place.server.end()
        place.server.start()
        began = monotonic()
    return _ended(place, run) - began - WAIT_SECONDS


def _limit(place: Place, process: str, jump: float) -> float:
    client = place.server.client()
    run = client.create(process, start=True)
    step = client.step_ids(run)[0]
    _until(lambda: client.step(run, step)["status"] == "Running")
    began = monotonic()
    place.jump(jump)
    return _ended(place, run) - began - LIMIT_SECONDS


def _ended(place: Place, run: str) -> float:
    """When, by the steady clock; the wall clock is right again afterwards."""
    place.signed_in().wait(run)
    ended = monotonic()
    place.jump(0)
    place.signed_in()
    return ended


def _until(is_true: Callable[[], bool]) -> None:
    while not is_true():
        select.select([], [], [], LOOKS_SECONDS)
