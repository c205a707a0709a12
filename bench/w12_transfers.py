"""W12: 1 GB up at once, up in chunks, and down again, with the memory that the server needs for it."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure, Report
from bench.server import ANSWER_SECONDS_MAX, Client, Server, folder, process_text, serving
from bench.sides import Side
from bench.turns import Bar, Contest, Measure, Turn

SIZE_BYTES = 10**9
CHUNK_BYTES = 8 * 2**20  # what our client sends
PARALLEL = 2  # chunks at a time: there are two cores
BLOCK = os.urandom(2**20)
READ_BYTES = 2**20
SALT_BYTES = 16
HEAD = b'--bench\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
TAIL = b"\r\n--bench--\r\n"

PROPERTY = "data: In\nproperties:\n  - {name: Big, key: big, type: File, flow: INPUT}"


def measure(*, full: bool) -> Report:
    """Each way several times, beside what hashing and writing so much costs without a server."""
    rounds = 5 if full else 3
    with folder() as place:
        server = Server(home=place / "home")
        server.start()
        try:
            server.sign_in()
            file = file_of_run(server.client())
            floors = [_floor(place) for _ in range(rounds)]
            ways = _ways(server, file)
            taken = {name: [_measured(server, way) for _ in range(rounds)] for name, way in ways.items()}
        finally:
            server.end()
    return Report(
        work="W12",
        title="1 GB by HTTP, client and server on the same two cores",
        figures=(
            *(_speed(name, [seconds for seconds, _ in both]) for name, both in taken.items()),
            *(_memory(name, [grown for _, grown in both]) for name, both in taken.items()),
            Figure(name=f"floor: {PLAIN}", unit="MB/s", values=tuple(floors)),
        ),
        remarks=(
            "every byte is hashed, written and synced before the answer",
            "memory: the largest resident size of the server while it works, less the size before",
        ),
    )


AT_ONCE = "up at once"
IN_CHUNKS = f"up in chunks of 8 MiB, {PARALLEL} at a time, with the commit"
DOWN = "down"


def _ways(server: Server, file: str) -> dict[str, Callable[[], object]]:
    return {
        AT_ONCE: partial(_upload, server, file),
        IN_CHUNKS: partial(_upload_chunks, server, file),
        DOWN: partial(_download, server, file),
    }


def _speed(name: str, seconds: list[float]) -> Figure:
    bar = None if "chunks" in name else 500
    return Figure(name=name, unit="MB/s", values=tuple(SIZE_BYTES / 1e6 / each for each in seconds), at_least=bar)


def _memory(name: str, grown: list[float]) -> Figure:
    return Figure(name=f"memory more: {name}", unit="MB", values=tuple(grown), at_most=32)


def file_of_run(client: Client) -> str:
    """The file of a run that is not started."""
    run = client.create(client.publish(process_text("W12", 1, lambda _: PROPERTY)))
    step = client.step_ids(run)[0]
    return str(client.ask("GET", f"steps/{step}/properties")[0]["file"])


def _measured(server: Server, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and the megabytes by which the server grew meanwhile at most."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the high-water mark begins anew
    before, began = _kilobytes(server, "VmRSS"), perf_counter()
    work()
    return perf_counter() - began, (_kilobytes(server, "VmHWM") - before) / 1024


def _kilobytes(server: Server, name: str) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


def _upload(server: Server, file: str) -> None:
    answer = _send(server, f"files/{file}", SIZE_BYTES)
    assert answer["sizeInBytes"] == SIZE_BYTES, answer


def _upload_chunks(server: Server, file: str) -> None:
    client = server.client()
    session = client.ask("POST", f"files/{file}/uploadsessions")["uploadSessionId"]
    sizes = [min(CHUNK_BYTES, SIZE_BYTES - offset) for offset in range(0, SIZE_BYTES, CHUNK_BYTES)]
    path = f"files/{file}/uploadsessions/{session}/chunks"
    with ThreadPoolExecutor(PARALLEL) as threads:
        list(threads.map(lambda item: _send(server, f"{path}/{item[0]}", item[1]), enumerate(sizes, 1)))
    done = client.ask("POST", f"files/{file}/uploadsessions/{session}/commit")
    client.close()
    assert done["sizeInBytes"] == SIZE_BYTES, done


def _send(server: Server, path: str, size_bytes: int) -> Any:
    """A multipart body of so many bytes, from memory: the client must not be what is measured. Gives the answer."""
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=ANSWER_SECONDS_MAX)
    connection.putrequest("POST", f"/api/v1/{path}")
    connection.putheader("Authorization", f"Bearer {server.token}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=bench")
    connection.putheader("Content-Length", str(len(HEAD) + size_bytes + len(TAIL)))
    # Never the same content twice: the server would keep the one it has, and sync nothing.
    connection.endheaders(HEAD + os.urandom(SALT_BYTES))
    for offset in range(SALT_BYTES, size_bytes, len(BLOCK)):
        connection.send(BLOCK if size_bytes - offset >= len(BLOCK) else BLOCK[: size_bytes - offset])
    connection.send(TAIL)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content
    return json.loads(content)


def _download(server: Server, file: str) -> None:
    connection = HTTPConnection(urlsplit(server.address).netloc, timeout=ANSWER_SECONDS_MAX)
    connection.request("GET", f"/api/v1/files/{file}", headers={"Authorization": f"Bearer {server.token}"})
    answer, got, buffer = connection.getresponse(), 0, bytearray(READ_BYTES)
    assert answer.status == 200
    while size := answer.readinto(buffer):
        got += size
    connection.close()
    assert got == SIZE_BYTES


PLAIN = "hash, write ahead, sync, by one plain loop"
AHEAD_BYTES = 16 * 2**20  # what is written may start for the disk, so that the sync at the end has little left
WRITE = 2  # SYNC_FILE_RANGE_WRITE


def _floor(place: Path) -> float:
    ahead = ctypes.CDLL(None).sync_file_range
    ahead.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    digest, left, began = hashlib.sha256(), SIZE_BYTES, perf_counter()
    with (place / "floor").open("wb", buffering=0) as out:
        while left > 0:
            digest.update(BLOCK[:left])
            left -= out.write(BLOCK[:left])
            if left % AHEAD_BYTES < len(BLOCK):
                ahead(out.fileno(), 0, 0, WRITE)
        os.fsync(out.fileno())
    (place / "floor").unlink()
    return SIZE_BYTES / 1e6 / (perf_counter() - began)


def contest() -> Contest:
    return Contest(
        work="W12",
        title="1 GB by HTTP, client and server on the same two cores",
        measures=(
            Measure(name=AT_ONCE, unit="MB/s", floor=PLAIN, to_floor=Bar(least=0.80)),
            Measure(name=IN_CHUNKS, unit="MB/s", floor=PLAIN, to_floor=Bar(least=0.40)),
            Measure(name=DOWN, unit="MB/s"),
            Measure(name=GROWN, unit="MB", bar=Bar(most=16)),
        ),
        opened=_opened,
        floor=_floor_turn,
    )


GROWN = "memory more, the most of the three"


@contextmanager
def _opened(side: Side) -> Iterator[Turn]:
    with serving(side=side) as server:
        file = file_of_run(server.client())
        yield partial(_all_ways, server, file)


def _all_ways(server: Server, file: str) -> Mapping[str, float]:
    measured = {name: _measured(server, way) for name, way in _ways(server, file).items()}
    speeds = {name: SIZE_BYTES / 1e6 / seconds for name, (seconds, _) in measured.items()}
    return {**speeds, GROWN: max(grown for _, grown in measured.values())}


def _floor_turn() -> Mapping[str, float]:
    with folder() as place:
        return {PLAIN: _floor(place)}
