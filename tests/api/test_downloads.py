"""Downloads by RFC 9110: whole, in ranges, or not at all because the client has it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.door.contract import FileReply, Route, TextReply
from procession.door.downloads import disposition
from procession.store.blobs import COPY_BYTES
from procession.store.folder import BlobFolder
from tests.api.edge import READ, ask, edge

DATA = bytes(range(256)) * (2 * COPY_BYTES // 256) + b"the end"
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'


def _read_path(path: Path, start: int, length: int) -> Iterator[bytes]:
    yield path.read_bytes()[start : start + length]


def fetch(folder: Path, method: str = "GET", path: str = "/v1/file", size: int = len(DATA), **headers: str) -> Any:
    blobs = BlobFolder(folder / "files")
    sink = blobs.sink()
    sink.write(DATA)
    sha256 = sink.finish().sha256
    reply = FileReply(read=partial(blobs.read, sha256), size_bytes=size, name='Zürich "1".csv', sha256=sha256)
    replies = {
        "file": reply,
        "gone": FileReply(read=partial(_read_path, folder / "gone"), size_bytes=1),
        "log": TextReply(text="0123é"),
    }
    routes = [
        Route(method="GET", pattern=name, handler=lambda call, name=name: replies[name], rule=READ, summary="")
        for name in replies
    ]
    with edge(folder, routes) as app:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return asyncio.run(ask(app, method, path, headers=named))


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    answer = fetch(tmp_path)

    assert (answer.status_code, answer.content == DATA, answer.headers["etag"]) == (200, True, ETAG)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        (f"bytes=-{len(DATA) * 2}", 0, len(DATA)),
        (f"bytes={len(DATA) - 3}-", len(DATA) - 3, len(DATA)),
        (f"bytes=10-{len(DATA) * 2}", 10, len(DATA)),
        (f"Bytes={COPY_BYTES - 1}-{COPY_BYTES}", COPY_BYTES - 1, COPY_BYTES + 1),
    ],
)
def test_a_range_is_those_bytes(tmp_path: Path, asked: str, start: int, end: int) -> None:
    answer = fetch(tmp_path, range=asked)

    assert (answer.status_code, answer.content == DATA[start:end]) == (206, True)
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=--1"])
def test_a_range_that_is_malformed_is_ignored(tmp_path: Path, asked: str) -> None:
    assert fetch(tmp_path, range=asked).status_code == 200


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(tmp_path: Path, asked: str) -> None:
    answer = fetch(tmp_path, range=asked)

    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(DATA)}")
    assert set(answer.json()) == {"message", "supportId"}


@pytest.mark.parametrize(
    ("validator", "status"), [(ETAG, 206), ('"other"', 200), ("W/" + ETAG, 200), ("Tue, 24 Nov 2026 00:00:00 GMT", 200)]
)
def test_if_range_needs_the_same_file(tmp_path: Path, validator: str, status: int) -> None:
    assert fetch(tmp_path, range="bytes=0-9", if_range=validator).status_code == status


@pytest.mark.parametrize("tag", [ETAG, "W/" + ETAG, f'"x", {ETAG}', "*"])
def test_a_client_that_has_it_is_told_so(tmp_path: Path, tag: str) -> None:
    answer = fetch(tmp_path, if_none_match=tag)

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)


def test_head_tells_the_size_only(tmp_path: Path) -> None:
    answer = fetch(tmp_path, "HEAD")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(DATA)))


def test_a_text_has_ranges_in_bytes(tmp_path: Path) -> None:
    answer = fetch(tmp_path, path="/v1/log", range="bytes=4-")

    assert (answer.status_code, answer.content) == (206, "é".encode())


def test_a_file_that_is_missing_on_disk_is_our_fault(tmp_path: Path) -> None:
    answer = fetch(tmp_path, path="/v1/gone")

    assert (answer.status_code, set(answer.json())) == (500, {"message", "supportId"})


def test_the_name_is_sent_plain_and_as_it_is() -> None:
    assert disposition("a.csv") == 'attachment; filename="a.csv"'
    assert disposition('Ž"1".csv') == "attachment; filename=\"__1_.csv\"; filename*=UTF-8''%C5%BD%221%22.csv"
    assert "\r" not in disposition("a\r\nSet-Cookie: x")


@pytest.mark.parametrize("more", [{}, {"range": "bytes=4-"}])
@pytest.mark.parametrize(
    "condition", [{"if_match": '"another"'}, {"if_match": f"W/{ETAG}"}, {"if_unmodified_since": "x"}]
)
def test_a_condition_that_does_not_hold_gets_no_bytes(
    tmp_path: Path, condition: dict[str, Any], more: dict[str, Any]
) -> None:
    answer = fetch(tmp_path, **condition, **more)

    assert answer.status_code == 412
    assert DATA[:40] not in answer.content


@pytest.mark.parametrize("tags", [ETAG, f'"another", {ETAG}', "*"])
def test_a_condition_that_holds_gets_the_range(tmp_path: Path, tags: str) -> None:
    assert fetch(tmp_path, if_match=tags, range="bytes=5-9").content == DATA[5:10]
