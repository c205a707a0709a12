"""Five scripts that take what there is: disk, memory, processes, the log, open files. What others notice of each.

Others start runs one after another, sign in and cancel: alone, and by turns beside a harmless script that is busy and
beside each of the five, which is started again whenever it has been stopped. By turns, for a machine is not as fast all
the time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from bench import server as servers
from bench.figures import Figure, Report, percentile, seconds
from bench.server import FINAL, Client, Server, process_text, python_step, wait_step
from bench.shortages import can_mount, small_disk
from procession.engine.isolation import processes

WINDOW_SECONDS, WINDOW_SECONDS_FULL = 5.0, 10.0
TURNS = 4  # of each script, and of the busy one before it
REST_SECONDS = 0.05
TOKEN_REST_SECONDS = 0.25  # an application that asks more often is refused
BACK_SECONDS_MAX = 5.0
SLOWER_MAX = 1.1
SPARE_BYTES = 32 * 2**20  # of disk and memory, that logs and the others' runs may have taken meanwhile
DISK_SIZE = "2g"  # its reserve is a twentieth
STEPS = 3  # of a run of the others
DISK_BYTES = "500MB"
MEMORY_BYTES = "300MB"
BUSY = "while True: pass"
LONG = "import time\ntime.sleep(600)"

SCRIPTS = {
    "fills the disk": """
n = 0
while True:
    n += 1
    with open(f"f{n}", "wb") as file: file.write(b"x" * 2**20)
""",
    "takes memory by memfd": """
import os
kept = []
while True:
    kept.append(os.memfd_create("m"))
    for _ in range(50): os.write(kept[-1], b"x" * 2**20)
""",
    "forks": """
import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(600)
    except OSError: pass
""",
    "floods its log": """
import sys
while True: sys.stdout.write("x" * 999 + chr(10))
""",
    "opens ten thousand files": """
import time
kept = []
while True:
    try: kept.append(open(f"f{len(kept)}", "w"))
    except OSError: time.sleep(0.01)
    if len(kept) >= 10_000: break
""",
}


@dataclass(slots=True, kw_only=True)
class Noticed:
    """What others measured in one window, in seconds."""

    runs: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    cancels: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def add(self, other: Noticed) -> None:
        self.runs += other.runs
        self.tokens += other.tokens
        self.cancels += other.cancels
        self.troubles += other.troubles


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What must be back."""

    free_bytes: int
    memory_bytes: int
    processes: int

    def is_as(self, before: State) -> bool:
        return (
            self.free_bytes >= before.free_bytes - SPARE_BYTES
            and self.memory_bytes <= before.memory_bytes + SPARE_BYTES
            and self.processes <= before.processes
        )


class Others:
    """Somebody else's clients: one each for runs, tokens and cancels."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client, self._canceller = server.add_user("bob"), server.add_user("carol")
        self._short = self._client.publish(process_text("Short", STEPS, wait_step))
        self._long = self._canceller.publish(process_text("Long", 1, lambda number: python_step(number, LONG)))
        self._application = server.command(
            "application", "create", "--name", "often", "--scopes", "process file", "--user", "bob"
        )

    def work(self, window_seconds: float) -> Noticed:
        noticed, until = Noticed(), monotonic() + window_seconds
        acts = (
            (self._run, noticed.runs, 0.0),
            (self._sign_in, noticed.tokens, TOKEN_REST_SECONDS),
            (self._cancel, noticed.cancels, REST_SECONDS),
        )
        threads = [threading.Thread(target=_repeat, args=(*act, until, noticed.troubles)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return noticed

    def _run(self) -> float:
        return seconds(lambda: self._client.run_through(self._short))

    def _sign_in(self) -> float:
        return seconds(lambda: self._server.token_for(self._application))

    def _cancel(self) -> float:
        run = self._canceller.create(self._long, start=True)
        return seconds(lambda: self._canceller.ask("POST", f"processruns/{run}/cancel"))

    def slots(self, count: int) -> bool:
        """Whether so many steps run at the same time; they are cancelled."""
        runs = [self._canceller.create(self._long, start=True) for _ in range(count)]
        until = monotonic() + BACK_SECONDS_MAX
        while not (is_full := all(self._is_running(run) for run in runs)) and monotonic() < until:
            sleep(REST_SECONDS)
        for run in runs:
            self._canceller.ask("POST", f"processruns/{run}/cancel")
        return is_full

    def _is_running(self, run: str) -> bool:
        step = self._canceller.step(run, self._canceller.step_ids(run)[0])
        return bool(step["status"] == "Running")

    def close(self) -> None:
        self._client.close()
        self._canceller.close()


def _repeat(act: Callable[[], float], kept: list[float], rest: float, until: float, troubles: list[str]) -> None:
    while monotonic() < until:
        try:
            kept.append(act())
        except (AssertionError, OSError) as error:
            troubles.append(str(error)[:200])
        sleep(rest)


class Greedy:
    """Runs of one script, begun again whenever one has ended."""

    def __init__(self, client: Client, name: str, code: str) -> None:
        self._client = client
        self._process = client.publish(process_text(name, 1, lambda number: python_step(number, code)))
        self._run = client.create(self._process, start=True)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._again)
        self.messages: list[str] = []

    def __enter__(self) -> Greedy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cancels what runs; the log of this window ends with it."""
        self._is_ending.set()
        self._thread.join()
        self._client.ask("POST", f"processruns/{self._run}/cancel")

    def _again(self) -> None:
        while not self._is_ending.wait(REST_SECONDS):
            if self._client.status(self._run)["status"] in FINAL:
                step = self._client.step_ids(self._run)[0]
                self.messages.append(self._client.step(self._run, step)["completionMessage"])
                with suppress(AssertionError):  # refused while there is no room
                    self._run = self._client.create(self._process, start=True)


def measure(*, full: bool) -> Report:
    window = WINDOW_SECONDS_FULL if full else WINDOW_SECONDS
    figures: list[Figure] = []
    remarks: list[str] = []
    with _serving() as server, ExitStack() as held:
        others = Others(server)
        held.callback(others.close)
        client = server.client()
        held.callback(client.close)
        others.work(1.0)  # warm
        alone = others.work(window)
        for name, code in SCRIPTS.items():
            busy, greedy, back_seconds, messages = _in_turns(server, client, others, (name, code), window)
            figures += _told(f"{name}: a busy script instead", alone, busy, bar=None)
            figures += _told(name, busy, greedy, bar=SLOWER_MAX)
            figures.append(
                Figure(
                    name=f"{name}: all is back after", unit="s", values=tuple(back_seconds), at_most=BACK_SECONDS_MAX
                )
            )
            remarks.append(f"{name}: {messages[0] if messages else 'not stopped'}")
            remarks += [f"{name}: {trouble}" for trouble in greedy.troubles[:2]]
        slots = others.slots(server.workers_max or 1)
    figures.append(Figure(name="slots that are lost at the end", unit="", values=(0.0 if slots else 1.0,), at_most=0))
    return Report(
        work="hostile",
        title="others beside scripts that take what there is; times as ratios to those beside a busy script",
        figures=tuple(figures),
        remarks=tuple(remarks),
    )


def _in_turns(
    server: Server, client: Client, others: Others, script: tuple[str, str], window: float
) -> tuple[Noticed, Noticed, list[float], list[str]]:
    """What others noticed beside a busy script and beside this one; how long all took to be back; what it was told."""
    beside_busy, beside_script = Noticed(), Noticed()
    back_seconds: list[float] = []
    messages: list[str] = []
    for _ in range(TURNS):
        before = _state(server)
        with Greedy(client, "busy", BUSY):
            beside_busy.add(others.work(window))
        _wait_until_back(server, before)
        with Greedy(client, *script) as greedy:
            beside_script.add(others.work(window))
        back_seconds.append(_wait_until_back(server, before))
        messages += greedy.messages
    return beside_busy, beside_script, back_seconds, messages


def _told(name: str, before: Noticed, noticed: Noticed, *, bar: float | None) -> Iterator[Figure]:
    kinds = (("a run", before.runs, noticed.runs), ("a token", before.tokens, noticed.tokens))
    for kind, old, new in (*kinds, ("a cancel", before.cancels, noticed.cancels)):
        ratio = percentile(new, 50) / percentile(old, 50) if old and new else float("inf")
        yield Figure(
            name=f"{name}: {kind} takes, times", unit="", values=(ratio,), at_most=bar if kind == "a run" else None
        )
        yield Figure(
            name=f"{name}: {kind}, p99", unit="ms", values=(percentile(new, 99) * 1000 if new else float("inf"),)
        )
    yield Figure(name=f"{name}: requests refused", unit="", values=(float(len(noticed.troubles)),), at_most=0)


@contextmanager
def _serving() -> Iterator[Server]:
    with servers.folder() as place, ExitStack() as held:
        if can_mount():
            held.enter_context(small_disk(place, size=DISK_SIZE))
        environment = {
            "PROCESSION_STEP_MEMORY_BYTES_MAX": MEMORY_BYTES,
            "PROCESSION_STEP_DISK_BYTES_MAX": DISK_BYTES,
        }
        server = Server(home=place / "home", grace_seconds=0.5, workers_max=4, settings=environment)
        server.start()
        held.callback(server.end)
        server.sign_in()
        yield server


def _state(server: Server) -> State:
    disk = os.statvfs(server.home)
    return State(
        free_bytes=disk.f_bavail * disk.f_frsize,
        memory_bytes=_shared_memory() - (disk.f_blocks - disk.f_bfree) * disk.f_frsize * can_mount(),
        processes=len(processes.descendants(server.pid)),
    )


def _shared_memory() -> int:
    fields: dict[str, Any] = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(fields["Shmem"].split()[0]) * 1024


def _wait_until_back(server: Server, before: State) -> float:
    began = monotonic()
    while not _state(server).is_as(before) and monotonic() - began < 4 * BACK_SECONDS_MAX:
        sleep(REST_SECONDS)
    return monotonic() - began
