"""A container of Azure on loopback: Azurite, Microsoft's own program for tests, a container for each test."""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import obstore
import pytest
from obstore.store import AzureStore

from procession.actions.contract import ConnectionInput
from tests.actions.site import Site
from tests.figures import ROOT
from tests.support import wait_until

ACCOUNT = "acme"
KEY = base64.b64encode(b"canary-azure-key").decode()
PROGRAM = next(
    (
        one
        for one in (ROOT / "build/azurite/node_modules/.bin/azurite-blob", shutil.which("azurite-blob"))
        if one and Path(one).exists()
    ),
    None,
)
# Where it is missing, what needs it is left out, and says so.
needed = pytest.mark.skipif(PROGRAM is None, reason="no Azurite here: install nodejs and npm, then `make azurite`")
_NUMBERS = count(1)
_QUIET = ("--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry")


@functools.cache
def address() -> str:
    """Of one server for all tests of a process; it keeps everything in memory and ends with the tests."""
    with socket.create_server(("127.0.0.1", 0)) as ear:
        port = ear.getsockname()[1]
    server = subprocess.Popen(
        [str(PROGRAM), "--blobHost", "127.0.0.1", "--blobPort", str(port), *_QUIET],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        cwd="/",
        stdout=subprocess.DEVNULL,
    )
    atexit.register(_end, server)
    wait_until(lambda: _answers(port), 60.0)
    return f"http://127.0.0.1:{port}/{ACCOUNT}"


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def signed(text: str) -> str:
    return base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()


def _make(container: str) -> None:
    """Past the library, which makes none (Create Container, Shared Key)."""
    date = formatdate(usegmt=True)
    lines = [*["PUT", *[""] * 11], f"x-ms-date:{date}", "x-ms-version:2021-08-06"]
    lines += [f"/{ACCOUNT}/{ACCOUNT}/{container}", "restype:container"]
    proof = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    proof["Authorization"] = f"SharedKey {ACCOUNT}:{signed(chr(10).join(lines))}"
    httpx2.put(f"{address()}/{container}?restype=container", headers=proof).raise_for_status()


@dataclass(slots=True, kw_only=True)
class AzureSite(Site):
    """`root` holds nothing; all is asked of the server."""

    store: AzureStore

    def put(self, path: str, content: bytes = b"x") -> Path:
        obstore.put(self.store, path, content)
        return self.root / path

    def names(self, folder: str = "") -> list[str]:
        found = obstore.list_with_delimiter(self.store, f"{folder}/" if folder else None)
        return sorted(str(one["path"]).rpartition("/")[2] for one in found["objects"])

    def read(self, path: str) -> bytes:
        return bytes(obstore.get(self.store, path).bytes())

    def version(self, path: str) -> object:
        return obstore.head(self.store, path)["e_tag"]

    def remove(self, path: str) -> None:
        obstore.delete(self.store, path)

    def folder(self, *names: str) -> None:
        """A container has none."""


@contextmanager
def azure(place: Path) -> Iterator[AzureSite]:
    container = f"box{os.getpid()}-{next(_NUMBERS)}"
    _make(container)
    options: dict[str, Any] = {"bucket": container, "service": "azure", "account": ACCOUNT, "endpoint": address()}
    connection = ConnectionInput(
        name="bank",
        kind="s3",
        options={"region": "us-east-1", "access_key": "", "root": "", **options},
        secrets={"secret_key": KEY},
        private_hosts=True,
    )
    yield AzureSite(kind="azure", root=place, connection=connection, store=store_of(connection))


def store_of(connection: ConnectionInput) -> AzureStore:
    """Past our own code."""
    options = connection.options
    config: Any = {"endpoint": options["endpoint"], "account_name": ACCOUNT, "account_key": KEY}
    return AzureStore(
        options["bucket"], prefix=options["root"] or None, config=config, client_options={"allow_http": True}
    )
