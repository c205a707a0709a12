"""Uploads in chunks: any order, sent again, in parallel; whole or not at all, and never the bytes of somebody else."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.model.uploads import Chunk
from procession.operations import uploads
from procession.store import uploads as upload_store
from procession.store.chunks import Chunks
from procession.store.folder import BlobFolder
from tests.api.house import House
from tests.api.test_files import file_of

UNKNOWN = "2a27a605-d05f-4199-bae0-8da44cd24f70"


@pytest.fixture
def file(home: House) -> str:
    return file_of(home, home.new_run())


def begin(home: House, file: str, **more: Any) -> str:
    return str(home.post(f"files/{file}/uploadsessions", **more)["uploadSessionId"])


def place(file: str, session: str, number: int | str) -> str:
    return f"files/{file}/uploadsessions/{session}/chunks/{number}"


def send(home: House, file: str, session: str, number: int, data: bytes) -> Any:
    return home.post(place(file, session, number), files={"file": (f"orders_{number:04}.csv", data)})


def commit(home: House, file: str, session: str) -> Any:
    return home.post(f"files/{file}/uploadsessions/{session}/commit")


def content(home: House, file: str) -> bytes:
    return home.ask("GET", f"files/{file}").content


def on_disk(home: House) -> list[Path]:
    return [path for path in Path(home.resources.chunks.folder).rglob("*") if path.is_file()]


def test_chunks_in_any_order_become_the_file(home: House, file: str) -> None:
    session = begin(home, file)

    for number in (3, 1, 2):
        send(home, file, session, number, f"part {number};".encode())
    answer = commit(home, file, session)

    assert content(home, file) == b"part 1;part 2;part 3;"
    assert (answer["name"], answer["sizeInBytes"]) == ("orders_0001.csv", 21)
    assert on_disk(home) == []


def test_each_chunk_is_answered_with_the_hash_of_what_is_on_disk(home: House, file: str) -> None:
    session = begin(home, file)
    data = bytes(range(256)) * 300

    answer = send(home, file, session, 1, data)

    expected = {"fileId": file, "uploadSessionId": session, "chunkId": 1}
    assert answer == {**expected, "chunkHash": hashlib.sha256(data).hexdigest()}
    assert [path.read_bytes() for path in on_disk(home)] == [data]


def test_a_chunk_sent_again_replaces_its_earlier_version(home: House, file: str) -> None:
    session = begin(home, file)
    for data in (b"first try", b"second try", b"second try"):
        send(home, file, session, 1, data)

    assert len(on_disk(home)) == 1
    commit(home, file, session)
    assert content(home, file) == b"second try"


def test_chunks_that_come_at_the_same_time_are_all_kept(home: House, file: str) -> None:
    session = begin(home, file)
    parts = [hashlib.sha256(b"%d" % number).digest() * 150 for number in range(1, 17)]

    async def all_at_once() -> list[Any]:
        sending = [
            home.ask_async("POST", place(file, session, number), files={"file": ("part", data)})
            for number, data in enumerate(parts, 1)
        ]
        again = home.ask_async("POST", place(file, session, 4), files={"file": ("part", parts[3])})
        return await asyncio.gather(*sending, again)

    answers = asyncio.run(all_at_once())
    commit(home, file, session)

    assert {answer.status_code for answer in answers} == {200}
    assert content(home, file) == b"".join(parts)
    assert on_disk(home) == []


def test_a_gap_is_refused_by_name_and_can_be_filled(home: House, file: str) -> None:
    session = begin(home, file)
    for number in (1, 3, 6):
        send(home, file, session, number, b"x")

    refused = home.ask("POST", f"files/{file}/uploadsessions/{session}/commit")

    assert refused.status_code == 400
    assert "chunks are missing: 2, 4, 5" in refused.json()["message"]
    for number in (2, 4, 5):
        send(home, file, session, number, b"x")
    assert commit(home, file, session)["sizeInBytes"] == 6


def test_no_chunk_at_all_commits_an_empty_file(home: House, file: str) -> None:
    answer = commit(home, file, begin(home, file))

    assert answer["sizeInBytes"] == 0
    assert home.ask("GET", f"files/{file}").status_code == 200
    assert content(home, file) == b""


def test_a_commit_sent_twice_is_answered_twice_and_done_once(home: House, file: str) -> None:
    session = begin(home, file)
    send(home, file, session, 1, b"once")
    first = commit(home, file, session)
    home.post(f"files/{file}/metadata", json={"name": "Orders.csv"})

    again = commit(home, file, session)

    assert again == {**first, "name": "Orders.csv", "fileExtension": "csv"}
    late = home.ask("POST", place(file, session, 2), files={"file": ("part", b"late")})
    assert (late.status_code, "was committed" in late.json()["message"]) == (400, True)
    assert content(home, file) == b"once"


def test_no_chunk_is_recorded_once_its_session_is_committed(home: House, file: str) -> None:
    session = begin(home, file)
    send(home, file, session, 1, b"one")
    assert home.database.write(partial(upload_store.keep, session=session, chunk=chunk(2, "early"))) is True
    home.database.write(partial(upload_store.commit, session=session, content="", now=home.clock.now()))

    assert home.database.write(partial(upload_store.keep, session=session, chunk=chunk(3, "late"))) is False
    with home.database.read() as tx:
        assert upload_store.chunks(tx, session) == []


def test_a_file_that_has_a_name_keeps_it(home: House, file: str) -> None:
    home.post(f"files/{file}", files={"file": ("Orders.xlsx", b"old")})
    session = begin(home, file)
    send(home, file, session, 1, b"new")

    assert content(home, file) == b"old"
    assert commit(home, file, session)["name"] == "Orders.xlsx"
    assert content(home, file) == b"new"


def test_a_session_is_its_user_s_and_its_file_s_alone(home: House, file: str) -> None:
    session, other = begin(home, file), file_of(home, home.new_run())
    send(home, file, session, 1, b"mine")

    for who, path in (
        ("mate", f"files/{file}/uploadsessions/{session}/commit"),
        ("admin", f"files/{file}/uploadsessions/{session}/commit"),
        ("owner", f"files/{other}/uploadsessions/{session}/commit"),
        ("owner", f"files/{file}/uploadsessions/{UNKNOWN}/commit"),
        ("owner", f"files/{file}/uploadsessions/..%5c..%5cetc/commit"),
        ("stranger", f"files/{file}/uploadsessions/{session}/commit"),
    ):
        assert home.ask("POST", path, who=who).status_code == 404, (who, path)
    chunk = home.ask("POST", place(file, session, 1), who="mate", files={"file": ("part", b"theirs")})
    assert chunk.status_code == 404
    commit(home, file, session)
    assert content(home, file) == b"mine"


def test_a_reader_may_not_begin_and_is_told_what_is_missing(home: House, file: str) -> None:
    answer = home.ask("POST", f"files/{file}/uploadsessions", who="reader")

    assert (answer.status_code, "role executor" in answer.json()["message"]) == (403, True)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "one", "100001", "9" * 30, "٣"])
def test_what_is_not_the_number_of_a_chunk_is_refused(home: House, file: str, number: str) -> None:
    answer = home.ask("POST", place(file, begin(home, file), number), files={"file": ("part", b"x")})

    assert (answer.status_code, "numbered from 1 to 100000" in answer.json()["message"]) == (400, True)
    assert on_disk(home) == []


def test_chunks_together_may_not_be_larger_than_a_file(home: House, file: str) -> None:
    session = begin(home, file)
    send(home, file, session, 1, b"x" * 60_000)

    answer = home.ask("POST", place(file, session, 2), files={"file": ("part", b"y" * 60_000)})

    assert answer.status_code == 413
    assert len(on_disk(home)) == 1
    send(home, file, session, 2, b"y" * 40_000)
    assert commit(home, file, session)["sizeInBytes"] == 100_000


def test_a_start_in_between_freezes_the_file(home: House) -> None:
    run = home.new_run()
    file = file_of(home, run)
    session = begin(home, file)
    send(home, file, session, 1, b"late")
    home.post(f"processruns/{run}/start")

    answer = home.ask("POST", f"files/{file}/uploadsessions/{session}/commit")

    assert (answer.status_code, "were frozen when it started" in answer.json()["message"]) == (400, True)


def test_a_body_under_a_leaked_content_type_arrives_whole(home: House, file: str) -> None:
    """T8 of docs/wire.md: solvexia-sdk up to 1.3.1 sends it after a download."""
    session = begin(home, file, headers={"content-type": "application/octet-stream"})
    body = b'--b0\r\nContent-Disposition: form-data; name="file"; filename="o_0001.csv"\r\n\r\na;b\r\n--b0--\r\n'

    home.post(place(file, session, 1), content=body, headers={"content-type": "application/octet-stream"})

    commit(home, file, session)
    assert content(home, file) == b"a;b"


def test_what_is_a_day_old_is_gone_with_its_bytes(home: House, file: str) -> None:
    old = begin(home, file)
    send(home, file, old, 1, b"old")
    home.clock.advance(timedelta(hours=23).total_seconds())
    young = begin(home, file)
    send(home, file, young, 1, b"young")
    home.clock.advance(timedelta(hours=1, seconds=1).total_seconds())
    home.renew_tokens()

    assert uploads.tidy(home.database, home.resources.chunks, home.resources.home_clock.least())
    assert not uploads.tidy(home.database, home.resources.chunks, home.resources.home_clock.least())

    gone = home.ask("POST", f"files/{file}/uploadsessions/{old}/commit")
    assert (gone.status_code, "sessions live 24 hours" in gone.json()["message"]) == (404, True)
    assert [path.read_bytes() for path in on_disk(home)] == [b"young"]
    commit(home, file, young)


def test_a_clock_set_ahead_ends_no_upload_under_way(home: House, file: str) -> None:
    session = begin(home, file)
    send(home, file, session, 1, b"here")
    home.clock.jump(timedelta(days=2).total_seconds())
    home.renew_tokens()

    tidied = uploads.tidy(home.database, home.resources.chunks, home.resources.home_clock.least())

    assert not tidied
    commit(home, file, session)
    assert content(home, file) == b"here"


def test_a_user_has_at_most_a_hundred_sessions_open(home: House, file: str) -> None:
    sessions = [begin(home, file) for _ in range(100)]

    refused = home.ask("POST", f"files/{file}/uploadsessions")

    assert (refused.status_code, "100 upload sessions open" in refused.json()["message"]) == (429, True)
    commit(home, file, sessions[0])
    begin(home, file)


def test_what_a_crash_left_without_a_row_is_swept_and_the_rest_kept(home: House, file: str) -> None:
    session = begin(home, file)
    send(home, file, session, 1, b"acknowledged")
    left = home.resources.chunks.sink(session, 2)
    left.write(b"half")
    other = home.resources.chunks.sink(UNKNOWN, 1)
    other.write(b"whole, but nobody was told")
    other.finish()

    uploads.sweep(home.database, home.resources.chunks)
    left.abandon()

    assert [path.read_bytes() for path in on_disk(home)] == [b"acknowledged"]
    commit(home, file, session)
    assert content(home, file) == b"acknowledged"


def test_a_join_leaves_nothing_when_a_chunk_is_gone(tmp_path: Path) -> None:
    chunks, blobs = Chunks(tmp_path / "uploads"), BlobFolder(tmp_path / "files")
    sink = chunks.sink(UNKNOWN, 1)
    sink.write(b"one")
    sink.finish()

    with pytest.raises(FileNotFoundError):
        chunks.join(UNKNOWN, [chunk(1, sink.name), chunk(2, "gone")], blobs)

    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


def chunk(number: int, name: str) -> Chunk:
    return Chunk(number=number, stored_as=name, file_name="part", sha256="", size_bytes=3)
