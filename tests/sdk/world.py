"""Our server with TLS on loopback, and a published version of the SDK that talks to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.programs import Running, command, serving
from tests.support import certificate

DRIVER = Path(__file__).with_name("driver.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server with its home, and the credentials of an administrator's application with every scope."""

    home: Path
    server: Running
    cert: Path
    client_id: str
    client_secret: str


@dataclass(slots=True, kw_only=True)
class Sdk:
    """One version of the SDK in a process of its own; `called` are the methods that were used."""

    process: subprocess.Popen[str]
    called: set[str] = field(default_factory=set)

    def ask(self, **call: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the SDK's process ended"
        return dict(json.loads(line))

    def call(self, kind: str, id: str, method: str, *arguments: Any, **named: Any) -> Any:
        """What the method gave. The SDK would have ended a script otherwise."""
        got = self.refused(kind, id, method, *arguments, **named)
        assert not got["ended"], got["printed"]
        return got["value"]

    def refused(self, kind: str, id: str, method: str, *arguments: Any, **named: Any) -> dict[str, Any]:
        """The same, where the SDK is expected to end the script; `printed` is what the user sees."""
        self.called.add(f"{kind}.{method}")
        return self.ask(**{"do": method, "class": kind, "id": id, "arguments": arguments, "named": named})


@contextmanager
def place(folder: Path, process: str) -> Iterator[Place]:
    """A server with one process, p-1."""
    home, (cert, key) = folder / "home", certificate(folder)
    file = folder / "process.yaml"
    file.write_text(process)
    assert command(home, "apply", str(file)).code == 0
    assert command(home, "group", "create", "--name", "Sales Team").code == 0
    made = command(home, "application", "create", "--name", "sdk", "--scopes", "all", "--json").json
    with serving(home, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        yield Place(
            home=home, server=server, cert=cert, client_id=made["client_id"], client_secret=made["client_secret"]
        )


@contextmanager
def sdk(at: Place, version: str, folder: Path, *, scope: str = "") -> Iterator[Sdk]:
    """Signed in; it works in `folder`, because it leaves the chunks of a file where it stands."""
    python = Path(sys.prefix) / "sdk" / version / "bin" / "python"
    assert python.exists(), f"there is no SDK {version} beside this Python: make .venv/sdk.stamp"
    folder.mkdir(exist_ok=True)
    login = folder / "login.json"
    # The SDK asks https://{env}.solvexia.com: a host, a port, and a first segment that ends like SolveXia's hosts (T1).
    env = at.server.address.removeprefix("https://") + "/app"
    credentials = {"client_id": at.client_id, "client_secret": at.client_secret}
    login.write_text(json.dumps({"env": env, "scope": scope, **credentials}))
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    process = subprocess.Popen(
        [str(python), str(DRIVER)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "REQUESTS_CA_BUNDLE": str(at.cert)},
    )
    try:
        made = Sdk(process=process)
        got = made.ask(do="sign in", file=str(login))
        assert got["value"], got
        yield made
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
