"""A real `procession serve` on a free port of loopback, and a client that keeps its connection open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.sides import NEW, Side
from procession.engine.isolation import processes

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
ANSWER_SECONDS_MAX = 90
WAIT_SECONDS = 30  # of one long poll
END_SECONDS_MAX = 15
FINAL = frozenset({"Finished", "Cancelled", "TimedOut"})


class Client:
    """A script that has signed in: one connection, kept alive."""

    def __init__(self, address: str, token: str = "") -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=ANSWER_SECONDS_MAX)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> Any:
        """The JSON of the answer. Fails for any other status than 200."""
        headers = {**self._headers, "Content-Type": content_type} if body is not None else self._headers
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (method, path, answer.status, content)
        return json.loads(content)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.send(method, f"/api/v1/{path}", None if body is None else json.dumps(body).encode())

    def download(self, file: str) -> bytes:
        self._connection.request("GET", f"/api/v1/files/{file}", None, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (file, answer.status, content[:200])
        return content

    def publish(self, text: str) -> str:
        """A new process from its file's text; gives its id."""
        return str(self.send("POST", "/api/v1/processes", text.encode(), "application/yaml")["id"])

    def create(self, process: str, *, start: bool = False) -> str:
        return str(self.ask("POST", f"processes/{process}/processruns", {"start": start})["id"])

    def start(self, run: str) -> None:
        self.ask("POST", f"processruns/{run}/start")

    def status(self, run: str, *, since: int | None = None) -> Any:
        """As it is; with `since`, as soon as the run's revision is greater."""
        query = "" if since is None else f"?since={since}&wait={WAIT_SECONDS}"
        return self.ask("GET", f"processruns/{run}/runstatus{query}")

    def step_ids(self, run: str) -> list[str]:
        return [str(step["id"]) for step in self.ask("GET", f"processruns/{run}/steps?include=all")]

    def step(self, run: str, step: str) -> Any:
        return self.ask("GET", f"processruns/{run}/steps/{step}/runstatus")

    def wait(self, run: str, *, after: int = 0) -> Any:
        """Long polls until the run is final, the first for a revision greater than `after`."""
        status = self.status(run, since=after)
        while status["status"] not in FINAL:
            status = self.status(run, since=status["revision"])
        return status

    def run_through(self, process: str) -> Any:
        """A run from its creation to its end, which must be Success. Gives its last status.

        All runs of a process without branches have the same number of revisions, so that whoever knows it from one
        run waits for the end of the next in one long poll.
        """
        status = self.wait(self.create(process, start=True))
        assert status["outcome"] == "Success", status
        return status

    def close(self) -> None:
        self._connection.close()


@dataclass(kw_only=True)
class Server:
    """A server on a home of its own; started, killed and started again at will."""

    home: Path
    side: Side = NEW
    grace_seconds: float = 5.0
    workers_max: int | None = None  # None: the server's default
    settings: Mapping[str, str] = field(default_factory=dict)  # further ones, by their variables
    address: str = ""
    token: str = ""
    program: tuple[str, ...] = ()  # what is started instead of `procession serve`
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Returns when it has said that it is ready."""
        assert self.process is None
        with (self.home.parent / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                self.program or [*self.side.command, "serve", "--home", str(self.home), "--port", "0", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**self.side.environment(), **self._settings()},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (self.home.parent / "server.log").read_text()
        self.address = json.loads(line)["address"]

    def _settings(self) -> dict[str, str]:
        # One user does the work of many here: what one may take from the others is not what is measured.
        of_user = {"PROCESSION_USER_STEPS_MAX": "1024", "PROCESSION_USER_NEW_RUNS_MAX": "1000000"}
        streams = {"PROCESSION_USER_STREAMS_MAX": "100000"}
        settings = {"PROCESSION_GRACE_SECONDS": str(self.grace_seconds), **of_user, **streams, **self.settings}
        return settings if self.workers_max is None else {**settings, "PROCESSION_WORKERS_MAX": str(self.workers_max)}

    def sign_in(self) -> None:
        """A token by client_credentials of an application made for it."""
        self.token = self.token_of()

    def token_of(self, *options: str) -> str:
        """Of an application that is made with these options."""
        return self.token_for(
            self.command("application", "create", "--name", "bench", "--scopes", "process file mtable", *options)
        )

    def token_for(self, made: Mapping[str, str]) -> str:
        """Of an application, as the command that made it told it."""
        form = {"grant_type": "client_credentials", **{key: made[key] for key in ("client_id", "client_secret")}}
        client = Client(self.address)
        answer = client.send("POST", "/oauth/token", urlencode(form).encode(), "application/x-www-form-urlencoded")
        client.close()
        return str(answer["access_token"])

    def add_user(self, name: str) -> Client:
        """A client of somebody else who may do everything."""
        names = ("--first-name", name.title(), "--last-name", "Byron")
        self.command("user", "create", "--email", f"{name}@example.com", *names, "--role", "ClientAdmin")
        return Client(self.address, self.token_of("--user", name))

    def command(self, *arguments: str) -> Any:
        """What a command says with --json."""
        done = subprocess.run(
            [*self.side.command, *arguments, "--home", str(self.home), "--json"],
            capture_output=True,
            text=True,
            check=True,
            env=self.side.environment(),
        )
        return json.loads(done.stdout)

    def client(self) -> Client:
        return Client(self.address, self.token)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Signal our own server, by its pid, and wait."""
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None


def cpu_seconds(pid: int) -> float:
    """What a process has used, without its children."""
    return sum(_cpu_fields(pid)[:2])


def cpu_seconds_of_all(root: int) -> float:
    """What a process, all below it and those that they have buried have used."""
    return sum(sum(_cpu_fields(pid)) for pid in [root, *processes.descendants(root)])


def _cpu_fields(pid: int) -> list[float]:
    """Its own seconds in user and system mode, then those of its dead children; of one that just ended none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return [0.0, 0.0]
    return [int(field) / TICKS_A_SECOND for field in fields[11:15]]


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder on the disk that holds the current one: a commit in a memory disk would cost nothing."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        # Steps run as users of their own, who must be able to walk through it.
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def serving(
    *,
    grace_seconds: float = 5.0,
    workers_max: int | None = None,
    side: Side = NEW,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server that is ready, with a token."""
    with folder() as place:
        server = Server(
            home=place / "home",
            side=side,
            grace_seconds=grace_seconds,
            workers_max=workers_max,
            settings=settings or {},
        )
        server.start()
        try:
            server.sign_in()
            yield server
        finally:
            server.end()


def process_text(name: str, steps: int, step: Callable[[int], str]) -> str:
    """A process of so many action steps in a row; `step` gives the lines of one, without their indentation."""
    head = f"process: {name}\ngroups:\n  - group: All\n    steps:\n"
    lines = []
    for number in range(1, steps + 1):
        first, *rest = step(number).strip("\n").splitlines()
        lines += [f"      - {first}", *(f"        {line}" for line in rest)]
    return head + "\n".join(lines) + "\n"


def python_step(number: int, code: str) -> str:
    """A run_python step for process_text."""
    body = "\n".join(f"    {line}" for line in code.strip("\n").splitlines())
    return f"action: run_python\nname: Step {number}\nkey: s{number}\nwith:\n  code: |\n{body}"


def wait_step(number: int) -> str:
    """A built-in step that does nothing: it waits 0 seconds."""
    return f"action: wait\nname: Step {number}\nkey: s{number}\nwith: {{seconds: 0}}"
