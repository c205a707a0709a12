"""kill -9 of a real server in the middle of chunks and of a commit: only the chunk under way is sent again (R18)."""

from __future__ import annotations

import hashlib
import signal
import socket
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.programs import ECHO, Client, Running, apply_text, serving, sign_in
from tests.support import wait_until

pytestmark = pytest.mark.acceptance

CHUNK_BYTES = 300_000
ORDER = (3, 1, 6, 2, 6, 5, 4)  # 6 comes twice
KILLED_AT = (1, 4, 6)  # in the middle of these, counted from 0
BOUNDARY = "----part"


def test_an_upload_survives_kills_and_sends_one_chunk_again_for_each(tmp_path: Path) -> None:
    home = tmp_path / "home"
    apply_text(home, ECHO % "word")
    parts = {number: hashlib.sha256(b"%d" % number).digest() * (CHUNK_BYTES // 32) for number in ORDER}
    with serving(home) as server:
        token = sign_in(home, server.address).token
        place = _session(Client(address=server.address, token=token))
    acknowledged = 0
    for killed_at in (*KILLED_AT, None):
        with serving(home) as server:
            post = partial(_post, server, token)
            for number in ORDER[acknowledged:killed_at]:
                post(f"{place}/chunks/{number}", parts[number])
            if killed_at is None:
                _kill(server, token, f"{place}/commit")
            else:
                acknowledged = killed_at
                _kill(server, token, f"{place}/chunks/{ORDER[killed_at]}", parts[ORDER[killed_at]])

    with serving(home) as server:
        client = Client(address=server.address, token=token)
        whole = b"".join(parts[number] for number in sorted(parts))
        assert client.json("POST", f"{place}/commit")["sizeInBytes"] == len(whole)
        assert client.ask("GET", place.partition("/uploadsessions")[0]).content == whole
        assert _chunks(server) == []


def _session(client: Client) -> str:
    run = client.json("POST", "processes/p-1/processruns")["id"]
    step = client.json("GET", f"processruns/{run}/steps")[0]["id"]
    file = client.json("GET", f"steps/{step}/properties")[1]["file"]
    return f"files/{file}/uploadsessions/{client.json('POST', f'files/{file}/uploadsessions')['uploadSessionId']}"


def _post(server: Running, token: str, path: str, data: bytes) -> None:
    answer = httpx2.post(
        f"{server.address}/api/v1/{path}",
        files={"file": ("part", data)},
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["chunkHash"] == hashlib.sha256(data).hexdigest()


def _kill(server: Running, token: str, path: str, data: bytes = b"") -> None:
    """In the middle of a request: half of a chunk has arrived, or a commit may have been carried out."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="part"\r\n\r\n'.encode() + data
    body, size = (part[: len(part) // 2], len(part) + len(BOUNDARY) + 8) if data else (b"", 0)
    address, before = urlsplit(server.address), len(_chunks(server))
    head = (
        f"POST /api/v1/{path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {size}\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        if data:
            wait_until(lambda: len(_chunks(server)) > before)  # it has begun to arrive
        assert server.end(signal.SIGKILL) == -signal.SIGKILL


def _chunks(server: Running) -> list[Path]:
    return [path for path in (server.log.parent / "home" / "uploads").rglob("*") if path.is_file()]
