"""Below the reserve of its disk a server takes no new work and no uploads; what is under way, ends and tokens go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.server import Client, Server, process_text, python_step, wait_step
from bench.shortages import can_mount, small_disk

MIB = 2**20
NEARLY_FULL = "disk is nearly full"
FORM = "multipart/form-data; boundary=XyZ"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if not can_mount():
        pytest.skip("a file system of its own can only be mounted by root")
    with small_disk(tmp_path):
        made = Server(home=tmp_path / "home")
        made.start()
        try:
            made.sign_in()
            yield made
        finally:
            made.end()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    made = server.client()
    yield made
    made.close()


@pytest.fixture
def filler(server: Server) -> Path:
    """A file to fill the disk with, all but 8 of its 256 MB."""
    return server.home.parent / "filler"


def fill(filler: Path) -> None:
    found = os.statvfs(filler.parent)
    filler.write_bytes(b"x" * (found.f_bavail * found.f_frsize - 8 * MIB))


def refused(client: Client, method: str, path: str, body: bytes, kind: str = "application/json") -> bool:
    with pytest.raises(AssertionError, match=NEARLY_FULL) as caught:
        client.send(method, f"/api/v1/{path}", body, kind)
    return bool(caught.value.args[0][2] == 503)


def test_new_work_is_refused_in_words_and_what_is_under_way_goes_on(
    server: Server, client: Client, filler: Path
) -> None:
    process = client.publish(process_text("Short", 1, wait_step))
    sleeper = client.publish(process_text("Long", 1, lambda number: python_step(number, "import time; time.sleep(60)")))
    under_way, waiting = client.create(sleeper, start=True), client.create(process)

    fill(filler)

    assert refused(client, "POST", f"processes/{process}/processruns", b"{}")
    assert refused(client, "POST", f"processruns/{waiting}/start", b"")
    assert server.token_of()
    assert client.ask("POST", f"processruns/{under_way}/cancel")["status"] == "Cancelled"
    filler.unlink()
    client.run_through(process)


def test_an_upload_ends_where_the_reserve_begins(client: Client, filler: Path) -> None:
    process = client.publish(
        "process: P\ngroups:\n  - group: All\n    steps:\n      - data: files\n        key: files\n        properties:\n"
        "          - {name: Orders, key: orders, type: File, flow: INPUT}\n"
    )
    run = client.create(process)
    step = client.step_ids(run)[0]
    file = client.ask("GET", f"steps/{step}/properties")[0]["file"]
    body = (
        b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * MIB + b"\r\n--XyZ--\r\n"
    )
    client.send("POST", f"/api/v1/files/{file}", body, FORM)

    fill(filler)

    assert refused(client, "POST", f"files/{file}", body, FORM)
