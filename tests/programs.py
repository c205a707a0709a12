"""Starts our own program as users do: commands, and a real server on a free port of loopback."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import procession
from tests.forking import Forked
from tests.support import wait_until

SOURCE = Path(procession.__file__).parent.parent
COMMAND_SECONDS_MAX = 120
READY_SECONDS_MAX = 60
END_SECONDS_MAX = 60

ECHO = """
process: Echo
groups:
  - group: All
    steps:
      - data: Data
        key: data
        properties:
          - {name: Word, key: word, type: String, flow: INPUT, required: true, value: "%s"}
          - {name: Text, key: text, type: File, flow: INPUT}
          - {name: Copy, key: copy, type: File, flow: OUTPUT}
          - {name: Length, key: length, type: Number, flow: OUTPUT}
      - action: run_python
        name: Count
        key: count
        with:
          inputs: {word: "${data.word}"}
          outputs: {length: "${data.length}"}
          code: |
            if inputs["word"] == "bad":
                raise ValueError("bad is no word")
            outputs["length"] = len(inputs["word"])
            message("counted")
      - action: run_python
        name: Copy
        key: copy
        with:
          inputs: {text: "${data.text}"}
          outputs: {copy: "${data.copy}"}
          code: |
            source = inputs["text"]
            outputs.file("copy").write_bytes(source.read_bytes() if source else b"")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object that --json prints."""
        assert self.out.count("\n") == 1, self
        return json.loads(self.out)


def command(home: Path, *arguments: str, given: str = "") -> Said:
    """Run `procession ...` on this home, with this on its standard input."""
    return program(*arguments, "--home", str(home), given=given)


def program(*arguments: str, given: str = "", environment: Mapping[str, str] = os.environ) -> Said:
    with TemporaryFile() as source, TemporaryFile() as out, TemporaryFile() as err:
        source.write(given.encode())
        source.seek(0)
        streams = tuple(file.fileno() for file in (source, out, err))
        process = Forked(arguments, str(SOURCE), streams, environment=environment)
        try:
            code = process.wait(COMMAND_SECONDS_MAX)
        finally:
            process.send_signal(signal.SIGKILL)
        return Said(code=code, out=_text(out), err=_text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def apply_text(home: Path, text: str) -> Any:
    """What `apply --json` says about a process file with this text."""
    path = home.parent / f"{uuid.uuid4().hex}.yaml"
    path.write_text(text, "utf-8")
    said = command(home, "apply", str(path), "--json")
    assert said.code == 0, said
    return said.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server under test."""

    process: Forked | subprocess.Popen[bytes]
    ready: Any
    log: Path

    @property
    def address(self) -> str:
        return str(self.ready["address"])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS_MAX)


@contextmanager
def serving(home: Path, *options: str, anew: bool = False) -> Iterator[Running]:
    """A server that is ready; ended afterwards by its pid, if it has not ended before. `anew`: as users start it."""
    out, log = (home.parent / f"server-{uuid.uuid4().hex}.{kind}" for kind in ("out", "log"))
    arguments = ["serve", "--home", str(home), "--port", "0", "--json", *options]
    process: Forked | subprocess.Popen[bytes]
    with out.open("wb") as told, log.open("wb") as err:
        if anew:
            command_line = [sys.executable, "-m", "procession", *arguments]
            process = subprocess.Popen(command_line, cwd=SOURCE, stdout=told, stderr=err)
        else:
            process = Forked(arguments, str(SOURCE), (0, told.fileno(), err.fileno()))
    try:

        def said() -> bytes:
            assert process.poll() is None, log.read_text()
            line = out.read_bytes()
            return line if line.endswith(b"\n") else b""

        ready = json.loads(wait_until(said, READY_SECONDS_MAX))
        yield Running(process=process, ready=ready, log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait(END_SECONDS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def ask(method: str, url: str, data: bytes | None = None, **headers: str) -> Answer:
    """What curl would do; certificates are not checked. Header names with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, named, method=method)
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default reads all authorities first: 30 ms a request
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(
            request, timeout=30, context=unchecked if url.startswith("https") else None
        ) as reply:
            return Answer(status=reply.status, content=reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(status=error.code, content=error.read())


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A script that has signed in."""

    address: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.address}/api/v1/{path}"
        return ask(method, url, data, Authorization=f"Bearer {self.token}", Content_Type="application/json")

    def json(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status == 200, answer
        return answer.json

    def upload(self, file: str, name: str, content: bytes) -> Any:
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        data = head.encode() + content + b"\r\n--b--\r\n"
        answer = ask(
            "POST",
            f"{self.address}/api/v1/files/{file}",
            data,
            Authorization=f"Bearer {self.token}",
            Content_Type="multipart/form-data; boundary=b",
        )
        assert answer.status == 200, answer
        return answer.json

    def run_to_end(self, run: str) -> Any:
        """Start it and poll its status until it is final."""
        self.json("POST", f"processruns/{run}/start")
        return self.wait_for_end(run)

    def wait_for_end(self, run: str) -> Any:
        def final() -> Any:
            status = self.json("GET", f"processruns/{run}/runstatus")
            return status if status["status"] in {"Finished", "Cancelled", "TimedOut"} else None

        return wait_until(final)


def sign_in(home: Path, address: str, *, user: str = "admin") -> Client:
    """With an application made for it, by client_credentials."""
    asked = ("--name", f"test of {user}", "--scopes", "all", "--user", user)
    made = command(home, "application", "create", *asked, "--json").json
    form = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]}
    answer = ask("POST", f"{address}/oauth/token", urllib.parse.urlencode(form).encode())
    assert answer.status == 200, answer
    return Client(address=address, token=answer.json["access_token"])
