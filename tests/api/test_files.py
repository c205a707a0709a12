"""Files through the API: filled until the start, read by ranges, and as they were in an earlier attempt."""

from __future__ import annotations

import asyncio
import hashlib
import resource

import pytest

from procession.model.ids import FileId, RunId
from procession.store import files as file_store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store import writes
from procession.store.database import Transaction
from tests.api.house import House

FIRST = {"file": ("orders.csv", b"a;b\n1;2\n", "text/csv")}


def file_of(home: House, run: str, place: int = 2) -> str:
    return str(home.get(f"steps/{home.step(run, 'parameters')}/properties")[place]["file"])


def test_what_was_uploaded_is_downloaded(home: House) -> None:
    file = file_of(home, home.new_run())
    answer = home.post(f"files/{file}", files=FIRST)

    got = home.ask("GET", f"files/{file}")
    part = home.ask("GET", f"files/{file}", headers={"range": "bytes=4-6"})

    assert (answer["name"], answer["sizeInBytes"], answer["fileExtension"]) == ("orders.csv", 8, "csv")
    assert answer["url"] == f"http://house.example/api/v1/files/{file}"
    assert (got.content, got.headers["etag"]) == (b"a;b\n1;2\n", f'"{hashlib.sha256(got.content).hexdigest()}"')
    assert (part.status_code, part.content) == (206, b"1;2")


def test_a_file_that_was_never_filled(home: House) -> None:
    file = file_of(home, home.new_run())

    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 0
    assert home.ask("GET", f"files/{file}").status_code == 404


def test_a_rename_changes_only_the_name(home: House) -> None:
    file = file_of(home, home.new_run())
    home.post(f"files/{file}", files=FIRST)

    home.post(f"files/{file}/metadata", json={"name": "May.csv", "sizeInBytes": 7})

    got = home.get(f"files/{file}/metadata")
    assert (got["name"], got["sizeInBytes"]) == ("May.csv", 8)


def test_a_file_is_emptied_once_and_stays_empty(home: House) -> None:
    run = home.new_run()
    file = file_of(home, run)
    tag = {"if-match": f'"{hashlib.sha256(b"a;b").hexdigest()}"'}
    home.post(f"files/{file}", files={"file": ("a.csv", b"a;b")})
    assert home.ask("DELETE", f"files/{file}", headers={"if-match": '"x"'}).status_code == 412
    revision = home.get(f"processruns/{run}/runstatus")["revision"]

    answers = [home.ask("DELETE", f"files/{file}", headers=headers) for headers in (tag, {})]

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 2
    assert home.get(f"files/{file}/metadata")["name"] == ""
    assert home.ask("GET", f"files/{file}").status_code == 404
    assert home.get(f"processruns/{run}/runstatus")["revision"] == revision + 1


def test_a_file_is_emptied_neither_after_the_start_nor_by_a_reader(home: House) -> None:
    run = home.new_run()
    file = file_of(home, run)
    home.post(f"files/{file}", files=FIRST)
    assert home.ask("DELETE", f"files/{file}", who="reader").status_code == 403
    home.post(f"processruns/{run}/start")

    answer = home.ask("DELETE", f"files/{file}")

    assert (answer.status_code, "were frozen when it started" in answer.json()["message"]) == (400, True)
    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 8


@pytest.mark.parametrize("path", ["files/{file}", "files/{file}/metadata"])
def test_files_are_frozen_at_the_start(home: House, path: str) -> None:
    run = home.new_run(start=True)
    body = {"json": {"name": "x"}} if path.endswith("metadata") else {"files": FIRST}

    answer = home.ask("POST", path.format(file=file_of(home, run)), **body)

    assert (answer.status_code, "frozen when it started" in answer.json()["message"]) == (400, True)


def test_an_output_is_not_uploaded_but_may_be_named(home: House) -> None:
    file = file_of(home, home.new_run(), 3)

    refused = home.ask("POST", f"files/{file}", files=FIRST)

    assert (refused.status_code, "is an OUTPUT" in refused.json()["message"]) == (400, True)
    assert home.post(f"files/{file}/metadata", json={"name": "Report.xlsx"})["name"] == "Report.xlsx"


def test_an_upload_over_the_limit_leaves_nothing(home: House) -> None:
    file = file_of(home, home.new_run())

    answer = home.ask("POST", f"files/{file}", files={"file": ("big", b"x" * 200_000)})

    assert answer.status_code == 413
    assert list((home.database.path.parent / "files" / "incoming").iterdir()) == []


def write_report(home: House, run: str, file: str, text: bytes) -> None:
    """What the step `settle` writes."""
    sink = home.resources.blobs.sink()
    sink.write(text)
    content = sink.finish()

    def operation(tx: Transaction) -> None:
        found = run_store.find(tx, RunId.parse(run))
        row = file_store.find(tx, FileId.parse(file))
        step = next(step for step in step_store.of_run(tx, RunId.parse(run)) if step.key == "settle")
        assert found is not None
        assert row is not None
        written = writes.PropertyWrite(
            property=row.property, step=step.id, attempt=found.attempt, file_name="report.txt", content=content
        )
        writes.write_property(tx, written, home.clock.now())

    home.database.write(operation)


def test_what_a_restart_took_back_stays_readable_under_its_attempt(home: House) -> None:
    run = home.new_run(start=True)
    file = file_of(home, run, 3)
    home.take(run)
    write_report(home, run, file, b"first")
    home.finish(run)
    home.post(f"processruns/{run}/steps/{home.step(run, 'settle')}/restartfromhere")
    assert home.ask("GET", f"files/{file}").status_code == 404
    write_report(home, run, file, b"second")

    contents = [home.ask("GET", f"files/{file}{query}").content for query in ("", "?attempt=1", "?attempt=2")]

    assert contents == [b"second", b"first", b"second"]
    assert home.ask("GET", f"files/{file}?attempt=3").status_code == 400
    attempts = home.get(f"processruns/{run}/history")["attempts"]
    undone = [item["undoneBy"] for attempt in attempts for item in attempt["writes"] if item["file"] == file]
    assert undone == [2, None]


def test_a_full_disk_is_told_in_words_and_leaves_nothing(home: House) -> None:
    file = file_of(home, home.new_run())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        refused = home.ask("POST", f"files/{file}", files={"file": ("a.csv", b"x" * 60_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert (refused.status_code, "the server's disk takes no more" in refused.json()["message"]) == (503, True)
    assert list((home.database.path.parent / "files" / "incoming").iterdir()) == []
    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 0


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-5", "bytes=0-1023"])
def test_a_range_of_an_empty_file_is_the_empty_file(home: House, asked: str) -> None:
    file = file_of(home, home.new_run())
    home.post(f"files/{file}", files={"file": ("empty.csv", b"")})

    answer = home.ask("GET", f"files/{file}", headers={"range": asked})

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("twice", [("range", "bytes=0-1", "bytes=4-5"), ("if-none-match", '"other"', '"another"')])
def test_a_header_that_comes_twice_is_one_list(home: House, twice: tuple[str, str, str]) -> None:
    file = file_of(home, home.new_run())
    home.post(f"files/{file}", files=FIRST)
    name, *texts = twice
    headers = [("authorization", "Bearer owner"), *((name, text) for text in texts)]

    answer = asyncio.run(home.request_async("GET", f"/api/v1/files/{file}", headers=headers))

    assert (answer.status_code, answer.content) == (200, FIRST["file"][1])
