"""One answer is one write, and nothing of it is held back longer than it lasts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from procession.serving.http import OneWrite

INTERIM, HEAD, BODY, MORE = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"body", b"more"


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.writes.append(b"closed")


def answering() -> tuple[Wire, OneWrite, Any]:
    wire, cycle = Wire(), SimpleNamespace(response_started=False)
    return wire, OneWrite(wire, cycle), cycle  # type: ignore[arg-type]


def test_a_head_and_its_body_are_one_write_after_an_interim_answer() -> None:
    wire, out, cycle = answering()

    out.write(INTERIM)
    cycle.response_started = True
    for piece in (HEAD, BODY, MORE):
        out.write(piece)

    assert wire.writes == [INTERIM, HEAD + BODY, MORE]


def test_an_answer_without_a_body_goes_out_when_it_ends_and_before_a_close() -> None:
    for end, expected in ((OneWrite.flush, [HEAD]), (OneWrite.close, [HEAD, b"closed"])):
        wire, out, cycle = answering()
        cycle.response_started = True

        out.write(HEAD)
        end(out)

        assert wire.writes == expected
