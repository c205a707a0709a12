"""W4: reading the API of a server that has run for years: run status, lists, the check of the token with each."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure, Report
from bench.server import ANSWER_SECONDS_MAX, Server, cpu_seconds, folder, process_text, wait_step
from bench.sides import NEW, Side
from bench.turns import Bar, Contest, Measure, Turn
from procession.clock import SystemClock
from procession.engine.announcements import Announcements
from procession.oauth import routes as oauth
from procession.operations import home_time
from procession.operations.resources import Resources
from procession.serving import application as app
from procession.store.chunks import Chunks
from procession.store.folder import BlobFolder
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder

RUNS = 100_000
SECONDS = 3.0  # of each measurement
ROUNDS = 3
PAGES = 30
CONNECTIONS = 16  # that ask at the same time


def measure(*, full: bool) -> Report:
    """One finished run, copied 100,000 times with its steps; then read over HTTP, and from the application alone."""
    rounds = ROUNDS * (3 if full else 1)
    with folder() as place:
        with _old_server(place, NEW) as server:
            by_http, by_core, taken = _statuses(server, rounds)
            pages = {name: _pages_ms(server, path) for name, path in _lists().items()}
        floor = _constant_by_core()
        inside = [asyncio.run(_inside(server.home, server.token)) for _ in range(rounds)]
    return Report(
        work="W4",
        title=f"reading the API with {RUNS:,} finished runs; every request checks its token and its permission",
        figures=(
            Figure(
                name=f"run status, {CONNECTIONS} connections that ask together",
                unit="ms",
                values=tuple(taken),
                at_most=10,
                percentile=95,
            ),
            Figure(name="run status, over HTTP, client on the same machine", unit="reads/s", values=tuple(by_http)),
            Figure(
                name="run status, over HTTP", unit="reads/s of the server's core", values=tuple(by_core), at_least=8000
            ),
            Figure(name="run status, the application alone", unit="reads/s/core", values=tuple(inside), at_least=8000),
            Figure(name="floor: uvicorn answering a constant", unit="answers/s of its core", values=(floor,)),
            *(Figure(name=name, unit="ms", values=values, at_most=50, percentile=95) for name, values in pages.items()),
        ),
        remarks=("reads/s of the server's core: requests by the seconds of CPU that the server took for them",),
    )


@contextmanager
def _old_server(place: Path, side: Side) -> Iterator[Server]:
    """A server that has run 100,000 runs."""
    server = Server(home=place / "home", side=side)
    server.start()
    try:
        server.sign_in()
        client = server.client()
        client.run_through(client.publish(process_text("W4", 2, wait_step)))
        client.close()
        server.end()
        multiply(server.home / "procession.db", RUNS)
        server.start()
        yield server
    finally:
        server.end()


def multiply(path: Path, count: int) -> None:
    """Copies of run 1, up to so many, its steps and its history, each with a number of its own."""
    connection = sqlite3.connect(path)
    for table in ("run", "step", "history"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
        source = ", ".join(
            {"run_id": "n.value", "name": "t.name || n.value"}.get(name, f"t.{name}") for name in columns
        )
        key = "id" if table == "run" else "run_id"
        numbered, number = ("id, ", "n.value, ") if table == "run" else ("", "")
        # Names of our own schema and numbers: nothing here comes from outside.
        connection.execute(
            f"INSERT INTO {table} ({numbered}{', '.join(columns)}) WITH RECURSIVE n (value) AS (SELECT 2 UNION ALL"
            f" SELECT value + 1 FROM n WHERE value < ?) SELECT {number}{source} FROM n, {table} t WHERE t.{key} = 1",
            (count,),
        )
    connection.commit()
    connection.close()


def _lists() -> dict[str, str]:
    return {
        "page of 100 runs, the newest": "processruns?limit=100",
        "page of 500 runs of a process": "processruns?limit=500&process=p-1&status=Finished",
        "page of 100 runs that a name finds at the far end": f"processruns?limit=100&name=run%20%231{RUNS // 2}",
        "the steps of a run": f"processruns/pr-{RUNS // 2}/steps?include=all",
        "the history of a run": f"processruns/pr-{RUNS // 2}/history",
        "the processes": "processes",
    }


class Wire:
    """One kept connection that spends as little as it can on reading answers, and never sleeps.

    Waking a core that sleeps is paid by whoever sends, and in a virtual machine it is dear: it would be charged to the
    slower of two servers, whose client has time to fall asleep.
    """

    def __init__(self, address: str, token: str) -> None:
        place = urlsplit(address)
        self.socket = socket.create_connection((place.hostname, place.port))
        self.socket.setblocking(False)
        self._head = f" HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    def get(self, path: str) -> bytes:
        """The body. Fails for any other status than 200."""
        self.ask(path)
        return self.answer()

    def ask(self, path: str) -> None:
        self.socket.sendall(b"GET /api/v1/" + path.encode() + self._head)

    def answer(self) -> bytes:
        got = self._received()
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), got
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._received()
        return body

    def _received(self) -> bytes:
        ends = perf_counter() + ANSWER_SECONDS_MAX
        while perf_counter() < ends:
            try:
                return self.socket.recv(65_536)
            except BlockingIOError:
                continue
        raise TimeoutError("no answer came")

    def close(self) -> None:
        self.socket.close()


def _statuses(server: Server, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Reads a second of the machine, reads by second of the server's CPU, and the milliseconds of each."""
    by_http, by_core, taken = list[float](), list[float](), list[float]()
    wires = [Wire(server.address, server.token) for _ in range(CONNECTIONS)]
    for _ in range(rounds):
        count, began, cpu = 0, perf_counter(), cpu_seconds(server.pid)
        while (asked := perf_counter()) - began < SECONDS:
            for wire in wires:
                wire.ask(f"processruns/pr-{1 + count * 7919 % RUNS}/runstatus")
                count += 1
            for wire in wires:
                wire.answer()
                taken.append((perf_counter() - asked) * 1000)
        by_http.append(count / (perf_counter() - began))
        by_core.append(count / (cpu_seconds(server.pid) - cpu))
    for wire in wires:
        wire.close()
    return by_http, by_core, taken


CONSTANT = """
import asyncio, socket, uvicorn, uvloop

async def app(scope, receive, send):
    head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"{}"})

listening = socket.create_server(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % listening.getsockname()[1], flush=True)
settings = dict(http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False)
server = uvicorn.Server(uvicorn.Config(app, **settings))
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(server.serve(sockets=[listening]))
"""


def _constant_by_core() -> float:
    """The same connections to uvicorn as it comes, with an application that does nothing.

    Not to our door: what we take off there would raise the floor with it.
    """
    with subprocess.Popen([sys.executable, "-c", CONSTANT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        wires = [Wire(address, "none") for _ in range(CONNECTIONS)]
        count, began, cpu = 0, perf_counter(), cpu_seconds(process.pid)
        while perf_counter() - began < SECONDS:
            for wire in wires:
                wire.ask("processruns/pr-1/runstatus")
            for wire in wires:
                wire.answer()
            count += len(wires)
        rate = count / (cpu_seconds(process.pid) - cpu)
        for wire in wires:
            wire.close()
        process.terminate()
    return rate


def _pages_ms(server: Server, path: str) -> tuple[float, ...]:
    wire, taken = Wire(server.address, server.token), list[float]()
    for _ in range(PAGES):
        began = perf_counter()
        wire.get(path)
        taken.append((perf_counter() - began) * 1000)
    wire.close()
    return tuple(taken)


async def _inside(home: Path, token: str) -> float:
    """Run statuses a second of CPU from the ASGI application, with no socket."""
    clock = SystemClock()
    database = SqliteDatabase(home / "procession.db", on_fatal=print)
    resources = Resources(
        actions={},
        blobs=BlobFolder(home / "files"),
        chunks=Chunks(home / "uploads"),
        step_logs=StepLogFolder(home / "logs"),
        steady=clock.monotonic,
        home_clock=home_time.of_home(database, clock),
    )
    with ThreadPoolExecutor(1) as threads:
        settings = app.ApiSettings(
            more=oauth.routes(hashing=threads),
            threads=threads,
            hashing=threads,
            parsing=threads,
            upload_bytes_max=1_000_000,
        )
        api = app.build(database, resources, clock=clock, announcements=Announcements(), settings=settings)
        ask = _asker(api, token)
        await ask(1)
        count, began = 0, perf_counter()
        while perf_counter() - began < SECONDS:
            await ask(1 + count * 7919 % RUNS)
            count += 1
        rate = count / (perf_counter() - began)
    database.close()
    return rate


def _asker(api: Any, token: str) -> Callable[[int], Awaitable[None]]:
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer " + token.encode())]
    statuses = list[int]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if "status" in message:
            statuses.append(message["status"])

    async def ask(number: int) -> None:
        path = f"/api/v1/processruns/pr-{number}/runstatus"
        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
        await api({**scope, "headers": headers, "scheme": "http"}, receive, send)
        assert statuses.pop() == 200

    return ask


READS = "status reads by second of the server's core"
CONSTANTS = "uvicorn answering a constant"


def contest() -> Contest:
    return Contest(
        work="W4",
        title=f"run status over HTTP with {RUNS:,} finished runs",
        measures=(Measure(name=READS, unit="a second", floor=CONSTANTS, to_floor=Bar(least=0.30)),),
        opened=_opened,
        floor=lambda: {CONSTANTS: _constant_by_core()},
    )


@contextmanager
def _opened(side: Side) -> Iterator[Turn]:
    with folder() as place, _old_server(place, side) as server:
        yield partial(_reads, server)


def _reads(server: Server) -> Mapping[str, float]:
    _, by_core, _ = _statuses(server, 1)
    return {READS: by_core[0]}
