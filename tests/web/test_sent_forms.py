"""Forms with files as browsers send them, and as nobody should: bounded, whole, nothing left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pytest

from procession.door import bodies, sent_forms
from procession.door.sent_forms import SentForm
from procession.model.errors import Invalid, ProcessionError, TooLarge
from procession.model.files import Content

BOUNDARY = "x1"


@dataclass
class Bytes:
    """A sink in memory."""

    data: bytearray = field(default_factory=bytearray)
    is_abandoned: bool = False

    def write(self, data: bytes) -> None:
        self.data += data

    def finish(self) -> Content:
        return Content(sha256=sha256(self.data).hexdigest(), size_bytes=len(self.data))

    def abandon(self) -> None:
        self.is_abandoned = True


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    given = "" if file is None else f'; filename="{file}"'
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{given}\r\n\r\n'.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def send(
    body: bytes, *, piece: int = 7, most: int = 100, hangs_up: bool = False, headers: dict[str, str] | None = None
) -> tuple[SentForm, list[Bytes]]:
    sinks: list[Bytes] = []
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)] or [b""]

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces) or hangs_up}

    def make_sink() -> Bytes:
        sinks.append(Bytes())
        return sinks[-1]

    given = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}
    try:
        return asyncio.run(sent_forms.receive_form(receive, given, make_sink, most=most)), sinks
    except (ProcessionError, bodies.ClientGone):
        assert all(sink.is_abandoned for sink in sinks[-1:]) or not sinks
        raise


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_fields_and_files_come_in_their_order(piece: int) -> None:
    body = part("a", b"1") + part("f", b"ab\r\ncd", "C:\\x\\f.csv") + part("a", "ü".encode()) + part("g", b"", "") + END

    form, _ = send(body, piece=piece)

    assert form.pairs == [("a", "1"), ("a", "ü")]
    assert [(file.field, file.name, file.content.size_bytes) for file in form.files] == [("f", "f.csv", 6)]
    assert form.files[0].content.sha256 == sha256(b"ab\r\ncd").hexdigest()


def test_a_file_that_is_too_large_is_refused_by_itself() -> None:
    form, sinks = send(part("f", b"x" * 101, "f.csv") + part("g", b"y" * 100, "g.csv") + part("a", b"1") + END)

    assert form.refused == {"f": "“f.csv” is larger than 100 bytes, the most that is taken"}
    assert [file.field for file in form.files] == ["g"]
    assert form.pairs == [("a", "1")]
    assert sinks[0].is_abandoned


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (part("a", b"1"), Invalid),  # no end
        (part("f", b"abc", "f.csv"), Invalid),
        (b"", Invalid),
        (part("a", b"\xff") + END, Invalid),
        (b"nonsense", Invalid),
        (b"".join(part("a", b"") for _ in range(sent_forms.SEGMENTS_MAX + 1)) + END, TooLarge),
        (part("a", b"x" * (sent_forms.FIELDS_BYTES_MAX + 1)) + END, TooLarge),
    ],
    ids=["no end", "half a file", "nothing", "no text", "nonsense", "many", "much"],
)
def test_what_is_no_form_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        send(body, piece=100_000)


def test_whoever_hangs_up_leaves_nothing() -> None:
    with pytest.raises(bodies.ClientGone):
        send(part("f", b"abc", "f.csv"), hangs_up=True)


def test_what_is_announced_as_too_much_is_refused_before_it_comes() -> None:
    with pytest.raises(TooLarge):
        send(part("a", b"1") + END, headers={"content-length": "2001"})
    with pytest.raises(bodies.Encoded):
        send(part("a", b"1") + END, headers={"content-encoding": "gzip"})
    with pytest.raises(Invalid):
        send(part("a", b"1") + END, headers={"content-type": "multipart/form-data"})
