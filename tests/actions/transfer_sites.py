"""Real other sides on loopback, over one folder each: SFTP by asyncssh's server, S3 by localbucket, a folder itself."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
import localbucket
import pytest

from procession.actions.contract import ConnectionInput
from tests.actions.azure_site import azure, needed
from tests.actions.site import Site

PASSWORD = "canary-sftp-pass"
# As a parameter of a test: left out, and said, where its server is missing.
AZURE = pytest.param("azure", marks=needed)


@contextmanager
def site(kind: str, place: Path) -> Iterator[Site]:
    with {"sftp": sftp, "s3": s3, "azure": azure, "folder": folder}[kind](place) as made:
        yield made


@contextmanager
def folder(place: Path) -> Iterator[Site]:
    root = place / "share"
    root.mkdir()
    connection = ConnectionInput(name="bank", kind="folder", options={"path": str(root)})
    yield Site(kind="folder", root=root, connection=connection)


@contextmanager
def s3(place: Path) -> Iterator[Site]:
    root = place / "buckets" / "acme"
    root.mkdir(parents=True)
    handler = type("Handler", (localbucket.S3Handler,), {"data_root": root.parent, "log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    options = {
        "bucket": "acme",
        "region": "us-east-1",
        "endpoint": f"http://127.0.0.1:{server.server_port}",
        "access_key": "AKIA",
        "root": "",
    }
    connection = ConnectionInput(
        name="bank", kind="s3", options=options, secrets={"secret_key": PASSWORD}, private_hosts=True
    )
    try:
        yield Site(kind="s3", root=root, connection=connection)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("acme", PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "acme" and key.public_data == CLIENT_KEY.public_data


HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")


@contextmanager
def sftp(
    place: Path,
    factory: Any = None,
    *,
    host_key: asyncssh.SSHKey = HOST_KEY,
    server: type[asyncssh.SSHServer] | None = None,
) -> Iterator[Site]:
    """The server sees nothing but its folder; `factory` makes another one of what SFTP asks it."""
    root = place / "sftp"
    root.mkdir()
    chroot = factory or (lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(root)))

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=server or _Server, server_host_keys=[host_key], sftp_factory=chroot
        )

    with _listening(start) as port:
        options = {
            "host": "127.0.0.1",
            "port": port,
            "user": "acme",
            "host_keys": [public(HOST_KEY)],
            "root": "",
        }
        connection = ConnectionInput(
            name="bank", kind="sftp", options=options, secrets={"password": PASSWORD}, private_hosts=True
        )
        yield Site(kind="sftp", root=root, connection=connection)


@contextmanager
def _listening(start: Callable[[], Coroutine[Any, Any, asyncssh.SSHAcceptor]]) -> Iterator[int]:
    """The port of a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)

    async def stop() -> None:
        server.close()
        await server.wait_closed()

    try:
        yield server.get_port()
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def ip(text: str) -> Any:
    return ipaddress.ip_address(text)
