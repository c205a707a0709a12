"""S7: 2,000 sockets of six kinds that never finish, beside clients who do."""

from __future__ import annotations

import json
import resource
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep
from urllib.parse import urlsplit

from bench.figures import Figure, Report, percentile
from bench.server import Client, Server, process_text, serving, wait_step
from bench.w12_transfers import HEAD, TAIL, file_of_run

SOCKETS = 2_000
PERIOD_SECONDS = 5.0  # between two bytes of one socket
DEADLINE_SECONDS = 150.0  # by then each must be closed: the longest is an answer that nobody reads, after it was idle
IDLE_SECONDS = 10.0  # of good requests without them
ANSWER_BYTES = 32 * 2**20  # more than the kernel keeps for a socket
TCP_CLOSE = 7  # of linux/tcp_states.h
GOOD_REST_SECONDS = 0.01


def measure(*, full: bool) -> Report:
    """One client that asks for a status again and again: alone, then beside the slow ones until all are closed."""
    with serving() as server:
        run, file = _furnish(server)
        alone = _Good(server, run)
        alone.ask_for(IDLE_SECONDS)
        before_mb = _memory_mb(server)
        beside, most_mb = _Good(server, run), before_mb
        with _slow(server, file) as slow:
            while slow.poll() is None:
                beside.ask_for(1.0)
                most_mb = max(most_mb, _memory_mb(server))
            assert slow.stdout is not None
            told = json.load(slow.stdout)
        after_mb = _memory_mb(server)
    return Report(
        work="S7",
        title=f"{SOCKETS:,} sockets of {len(KINDS)} kinds that never finish, and one client that does",
        figures=(*_of_good(alone, beside), *_of_slow(told), *_of_memory(before_mb, most_mb, after_mb)),
        remarks=(*beside.errors[:3], "the slow sockets' own work is done on the same cores, by another process"),
    )


def _of_good(alone: _Good, beside: _Good) -> Iterator[Figure]:
    asked = len(beside.taken_ms) + len(beside.errors)
    ratio = percentile(beside.taken_ms, 99) / percentile(alone.taken_ms, 99)
    yield Figure(name="good requests answered", unit="%", values=(100 * len(beside.taken_ms) / asked,), at_least=100.0)
    yield Figure(name="a good request without slow sockets", unit="ms", values=tuple(alone.taken_ms), percentile=99)
    yield Figure(name="a good request beside them", unit="ms", values=tuple(beside.taken_ms), percentile=99)
    yield Figure(name="ratio of the two, p99", unit="", values=(ratio,), at_most=2.0)


def _of_slow(told: dict[str, list[float]]) -> Iterator[Figure]:
    left = SOCKETS - sum(map(len, told.values()))
    yield Figure(name=f"sockets open after {DEADLINE_SECONDS:g} s", unit="", values=(left,), at_most=0)
    for kind in KINDS:
        yield Figure(name=f"closed: {kind}", unit="s", values=tuple(told[kind]) or (DEADLINE_SECONDS,))


def _of_memory(before_mb: float, most_mb: float, after_mb: float) -> Iterator[Figure]:
    yield Figure(name="memory of the server before", unit="MB", values=(before_mb,))
    more_kb = (most_mb - before_mb) * 1024 / SOCKETS
    yield Figure(name="more meanwhile, for each slow socket", unit="KB", values=(more_kb,), at_most=64.0)
    yield Figure(name="more afterwards", unit="MB", values=(after_mb - before_mb,))


def _furnish(server: Server) -> tuple[str, str]:
    """A run that has ended, and a file of a run with many bytes."""
    client = server.client()
    process = client.publish(process_text("S7", 1, wait_step))
    run, file = client.create(process, start=True), file_of_run(client)
    client.wait(run)
    body = HEAD + bytes(ANSWER_BYTES) + TAIL
    client.send("POST", f"/api/v1/files/{file}", body, "multipart/form-data; boundary=bench")
    client.close()
    return run, file


def _memory_mb(server: Server) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass(kw_only=True)
class _Times:
    taken_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class _Good(_Times):
    """A client that keeps its connection, and a new connection with every tenth request."""

    def __init__(self, server: Server, run: str) -> None:
        super().__init__()
        self._server, self._run = server, run
        self._client = server.client()

    def ask_for(self, seconds: float) -> None:
        end_at = perf_counter() + seconds
        while perf_counter() < end_at:
            began = perf_counter()
            try:
                self._ask(anew=(len(self.taken_ms) + len(self.errors)) % 10 == 0)
                self.taken_ms.append((perf_counter() - began) * 1000)
            except (OSError, AssertionError, ValueError) as error:
                self.errors.append(repr(error)[:200])
                self._client = self._server.client()
            sleep(GOOD_REST_SECONDS)

    def _ask(self, *, anew: bool) -> None:
        client = Client(self._server.address, self._server.token) if anew else self._client
        client.status(self._run)
        if anew:
            client.close()


@contextmanager
def _slow(server: Server, file: str) -> Iterator[subprocess.Popen[str]]:
    """The slow sockets, in a process of their own."""
    command = [sys.executable, "-m", "bench.bars.s07_slow", server.address, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdin is not None
        try:
            print(server.token, file=slow.stdin, flush=True)
            yield slow
        finally:
            slow.kill()


UNREAD = "an answer that is not read"


def _kinds(token: str, file: str) -> dict[str, tuple[bytes, bytes]]:
    """What a socket of each kind says first, and what it says every now and then."""
    proof = f"Host: x\r\nAuthorization: Bearer {token}\r\n"
    post = f"POST /api/v1/processes HTTP/1.1\r\n{proof}Content-Type: application/yaml\r\n"
    return {
        "a head, a byte at a time": (post.encode(), b"x"),
        "a body, a byte at a time": (f"{post}Content-Length: 1000000\r\n\r\n".encode(), b"x"),
        "trailers without end": (f"{post}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n".encode(), b"t: x\r\n"),
        UNREAD: (f"GET /api/v1/files/{file} HTTP/1.1\r\n{proof}\r\n".encode(), b""),
        "idle after an answer": (f"GET /nowhere HTTP/1.1\r\n{proof}\r\n".encode(), b""),
        "connected, and nothing": (b"", b""),
    }


KINDS = tuple(_kinds("", ""))


class _Crowd:
    """All slow sockets, in one thread."""

    def __init__(self, address: str, token: str, file: str) -> None:
        self._place = (urlsplit(address).hostname, urlsplit(address).port)
        self._kinds = _kinds(token, file)
        self._selector = selectors.DefaultSelector()
        self._open: dict[socket.socket, tuple[str, float]] = {}
        self.lived: dict[str, list[float]] = {kind: [] for kind in KINDS}

    def hold(self) -> None:
        began = perf_counter()
        for number in range(SOCKETS):
            self._begin(KINDS[number % len(KINDS)])
        while self._open and perf_counter() - began < DEADLINE_SECONDS:
            for one, (kind, _) in list(self._open.items()):
                self._say(one, self._kinds[kind][1])
                self._check(one)
            self._hear(perf_counter() + PERIOD_SECONDS)

    def _begin(self, kind: str) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.connect(self._place)
        made.setblocking(False)
        self._open[made] = (kind, perf_counter())
        if kind != UNREAD:
            self._selector.register(made, selectors.EVENT_READ, made)
        self._say(made, self._kinds[kind][0])

    def _say(self, one: socket.socket, text: bytes) -> None:
        try:
            if text and one in self._open:
                one.send(text)
        except OSError:
            self._end(one)

    def _check(self, one: socket.socket) -> None:
        """An end that stands behind what is not read shows in the state of the socket alone."""
        if one in self._open and one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
            self._end(one)

    def _hear(self, until: float) -> None:
        while (left := until - perf_counter()) > 0 and self._open:
            for key, _ in self._selector.select(left):
                self._read(key.data)
            sleep(0.05)

    def _read(self, one: socket.socket) -> None:
        try:
            if one.recv(65_536) == b"":
                self._end(one)
        except OSError:
            self._end(one)

    def _end(self, one: socket.socket) -> None:
        kind, since = self._open.pop(one)
        self.lived[kind].append(perf_counter() - since)
        if kind != UNREAD:
            self._selector.unregister(one)
        one.close()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = _Crowd(sys.argv[1], input(), sys.argv[2])
    crowd.hold()
    print(json.dumps(crowd.lived))
