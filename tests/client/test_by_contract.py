"""What the client sends and reads by docs/wire.md where a server must misbehave, or must answer word by word."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from procession.client import Damaged, Invalid, ServerFault, reading
from procession.client.processes import Process
from procession.client.shapes import RunStatus
from tests.client.stubborn import Heard, Stubborn, Told, stubborn
from tests.client.test_connection import client_of
from tests.client.timing import QuickTiming


def answer(content: object) -> Told:
    return Told(body=json.dumps(content).encode())


CONTENT = b"0123456789"
PIECES = (b"0123", b"4567", b"89")
FILE = {"id": "f-1", "name": "ten.txt", "sizeInBytes": 10, "fileExtension": "txt", "url": ""}


def chunk(piece: bytes) -> Told:
    return answer(
        {"fileId": "f-1", "uploadSessionId": "s", "chunkId": 1, "chunkHash": hashlib.sha256(piece).hexdigest()}
    )


def part(request: Heard) -> bytes:
    """The content of the one part of a multipart body."""
    return request.body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]


def test_a_file_goes_up_in_chunks_that_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "ten.txt"
    path.write_bytes(CONTENT)
    answers = [answer({"uploadSessionId": "s"}), *map(chunk, PIECES), answer(FILE)]
    with stubborn(*answers) as server, client_of(server, QuickTiming()) as client:
        details = client.file("f-1").upload_in_chunks(path, chunk_bytes=4, parallel=1)

    assert details.size_in_bytes == 10
    assert [part(one) for one in server.heard[1:4]] == list(PIECES)
    assert [one.path.rpartition("uploadsessions")[2] for one in server.heard] == [
        "", "/s/chunks/1", "/s/chunks/2", "/s/chunks/3", "/s/commit"]  # fmt: skip


STEPS = answer([{"id": "ds-1", "name": "Data", "key": "data", "isEnabled": True, "stepOrder": "1"}])
PROPERTIES = answer([{"id": "p-1", "name": "T", "key": "text", "dataType": "File", "file": "f-1"}])


def test_an_upload_that_fails_tells_which_run_it_left() -> None:
    full = Told(status=400, body=b'{"message": "the file is too large"}')
    answers = [STEPS, PROPERTIES, answer({"id": "pr-7"}), STEPS, PROPERTIES, full]
    with (
        stubborn(*answers) as server,
        client_of(server, QuickTiming()) as client,
        pytest.raises(Invalid, match="too large") as caught,
    ):
        Process(client._connection, "p-1").create_run(files={"data.text": CONTENT}, start=True)

    assert caught.value.__notes__ == ["pr-7 was created and is not started"]


def test_a_damaged_chunk_is_told_and_an_upload_goes_on_where_it_stopped() -> None:
    answers = [
        answer({"uploadSessionId": "s"}),
        chunk(PIECES[0]),
        chunk(b"other"),
        *map(chunk, PIECES[1:]),
        answer(FILE),
    ]
    with stubborn(*answers) as server, client_of(server, QuickTiming()) as client:
        session = client.file("f-1").session()
        with pytest.raises(Damaged, match="chunk 2"):
            send_in_order(session, server)
        session.send(CONTENT, chunk_bytes=4, parallel=1)

        assert session.commit().name == "ten.txt"

    assert sorted(session.sent) == [1, 2, 3]


def send_in_order(session: object, server: Stubborn) -> None:
    from procession.client.uploads import UploadSession

    assert isinstance(session, UploadSession)
    for number, piece in enumerate(PIECES, 1):
        session.send_chunk(number, piece)


def test_amounts_and_dates_cross_exactly() -> None:
    at = datetime(2026, 11, 30, 9, tzinfo=UTC)

    raw = reading.encode({"amount": Decimal("0.10"), "at": at, "rows": [None, True, 1, "é"]})

    assert raw == b'{"amount":0.10,"at":"2026-11-30T09:00:00Z","rows":[null,true,1,"\\u00e9"]}'
    assert str(reading.decode(raw)["amount"]) == "0.10"
    assert reading.encode(Decimal("1E+400")) == b"1E+400"
    assert reading.moment("2020-06-15T02:24:14.2700000") == datetime(2020, 6, 15, 2, 24, 14, 270_000, tzinfo=UTC)
    for wrong in (Decimal("sNaN"), Decimal("-Infinity"), float("nan"), float("inf"), datetime(2026, 1, 1)):
        with pytest.raises(Invalid, match=r"is no amount|has no time zone"):
            reading.encode([wrong])
    with pytest.raises(TypeError):
        reading.encode([object()])


def test_a_newer_server_may_say_more_and_an_older_one_less() -> None:
    told = {
        "id": "pr-1",
        "status": "Finished",
        "dateStarted": "2025-02-05T22:40:19.923",
        "dateFinished": None,
        "new": 1,
    }

    status = reading.shape(RunStatus, {**told, "runDurationInSec": 3})

    assert (status.duration_seconds, status.outcome) == (3, None)
    assert status.date_started == datetime(2025, 2, 5, 22, 40, 19, 923_000, tzinfo=UTC)
    for wrong in ({**told, "dateStarted": "soon"}, {"id": "pr-1"}, None):
        with pytest.raises(ServerFault):
            reading.shape(RunStatus, wrong)
