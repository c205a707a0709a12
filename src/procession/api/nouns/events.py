"""Server-Sent Events of a run (WHATWG HTML section 9.2): changes, progress and log lines; resumed without loss.

An event's id says all that was sent before it and with it; a client that sends it back goes on after it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from procession.api.wire import times
from procession.api.wire.events import LogLines, RunEventShape, StepEventShape, StepProgress
from procession.door import following
from procession.door.contract import StreamCall, StreamReply
from procession.door.encoding import encode
from procession.door.following import Watch
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, RunStatus, StepStatus
from procession.model.runs import HistoryKind, HistoryRow
from procession.model.steps import AttemptRow
from procession.operations import events
from procession.operations.events import News, Position
from procession.store.step_logs import PIECE_BYTES

SILENCE_SECONDS = 15.0  # proxies end what says nothing for long
# Browsers wait some seconds unless told; a server that restarts is back sooner.
RETRY_MILLISECONDS = 1_000

Write = Callable[[bytes], Awaitable[None]]
STATUS_OF_RUN = {
    HistoryKind.CREATED: RunStatus.NOT_STARTED,
    HistoryKind.STARTED: RunStatus.SCHEDULED,
    HistoryKind.RESTARTED: RunStatus.SCHEDULED,
    HistoryKind.TAKEN: RunStatus.RUNNING,
    HistoryKind.TAKEN_OVER: RunStatus.RUNNING,
    HistoryKind.FINISHED: RunStatus.FINISHED,
    HistoryKind.CANCELLED: RunStatus.CANCELLED,
    HistoryKind.TIMED_OUT: RunStatus.TIMED_OUT,
}


@dataclass(slots=True, kw_only=True)
class Stream:
    """One client's: what it has seen, and the progress that it was told. `has_more`: of a log than was read at once."""

    call: StreamCall
    run: RunId
    seen: Position
    has_more: bool = False
    told: dict[str, tuple[float | None, str]] = field(default_factory=dict)


async def follow(call: StreamCall) -> StreamReply:
    """From the beginning, or after the event whose id is in Last-Event-ID or ?since; ends with the run."""
    # The header first: a browser sends it by itself when it comes back, with the old query.
    text = call.request.headers.get("last-event-id") or call.request.query.get("since") or ""
    # Before the stream begins: a wrong id can still be answered with a status.
    with call.database.read() as tx:
        stream = Stream(call=call, run=call.id(RunId), seen=events.position(tx, call.id(RunId), text))
    return StreamReply(media_type="text/event-stream", write=lambda write: _follow(stream, write))


async def _follow(stream: Stream, write: Write) -> None:
    # Something has to be sent at once, or a proxy holds the head back.
    await write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
    loop = asyncio.get_running_loop()
    async with following.watching(stream.call, stream.run) as watch:
        spoke = loop.time()
        while True:
            # It reads the database and log files.
            news, text = await asyncio.to_thread(_next, stream)
            if text:
                await write(text)
                spoke = loop.time()
            # Only when there is nothing left to say: the last lines come after the end of the run.
            elif news.is_over:
                return
            else:
                spoke = await _rest(watch, spoke, write)


async def _rest(watch: Watch, spoke: float, write: Write) -> float:
    """When something was last said, with what is said to show that we are still here."""
    loop = asyncio.get_running_loop()
    left = spoke + SILENCE_SECONDS - loop.time()
    if left <= 0:
        # A comment of the format: clients drop it.
        await write(b": still here\n\n")
        return loop.time()
    await watch.rest(left)
    return spoke


def _next(stream: Stream) -> tuple[News, bytes]:
    """What there is to say now; blocking."""
    with stream.call.database.snapshot() as tx:
        news = events.since(tx, stream.run, stream.seen)
    # The end of a run is told after what its steps have written, with the receipts that follow a cancel.
    finals = [place for place, row in enumerate(news.rows) if STATUS_OF_RUN.get(row.kind) in RUN_FINAL]
    is_restarted = any(row.kind is HistoryKind.RESTARTED for row in news.rows[finals[-1] if finals else 0 :])
    cut = finals[-1] if finals and not is_restarted else len(news.rows)
    earlier, last = news.rows[:cut], news.rows[cut:]
    changes = list(_told(stream, news, earlier))
    is_cut = bool(earlier) and stream.seen.revision < earlier[-1].revision
    text = b"".join([*changes, *_progress(stream, news), *_logs(stream, news)])
    if last and not is_cut and not (text and stream.has_more):
        text += b"".join(_changes(stream, last))
    return news, text


def _told(stream: Stream, news: News, rows: Sequence[HistoryRow]) -> Iterator[bytes]:
    """The changes, and before the end of a try what it wrote: who stops listening at the end has all of the log.

    Ends early where a log is too long to be told at once.
    """
    for row in rows:
        if row.kind is HistoryKind.STEP and row.detail.get("status") != StepStatus.RUNNING:
            for item in _begun(stream, news, row):
                text, is_read = _log(stream, news, item)
                yield text
                if not is_read:
                    return
        yield from _changes(stream, [row])


def _changes(stream: Stream, rows: Sequence[HistoryRow]) -> Iterator[bytes]:
    for row in rows:
        # Before the event is made: its id must include itself.
        stream.seen = replace(stream.seen, revision=row.revision)
        is_of_run = row.kind in STATUS_OF_RUN
        yield _event("run" if is_of_run else "step", _change(row), str(stream.seen))


def _change(row: HistoryRow) -> RunEventShape | StepEventShape:
    fields: dict[str, Any] = {
        "revision": row.revision,
        "at": times.moment(row.at),
        "attempt": row.attempt,
        "kind": row.kind,
        "step": None if row.step is None else str(row.step),
        "user": row.user,
        "detail": dict(row.detail),
    }
    status = STATUS_OF_RUN.get(row.kind)
    return (
        StepEventShape(**fields, status=row.detail.get("status"))
        if status is None
        else RunEventShape(**fields, status=status)
    )


def _progress(stream: Stream, news: News) -> Iterator[bytes]:
    """Only the latest is news: it has no id, and is not told again after a break."""
    for row in news.running:
        present = (row.progress, row.progress_message)
        # A step that reports the same fraction twice would wake every client for nothing.
        if row.progress is not None and stream.told.get(str(row.id)) != present:
            stream.told[str(row.id)] = present
            shape = StepProgress(step=str(row.id), fraction=row.progress, message=row.progress_message)
            yield _event("progress", shape, "")


def _begun(stream: Stream, news: News, row: HistoryRow) -> list[AttemptRow]:
    """The tries of the row's step up to then whose logs may have more."""
    left = news.attempts[_seen(stream, news) :]
    return [item for item in takewhile(lambda item: item.started_at <= row.at, left) if item.step == row.step]


def _seen(stream: Stream, news: News) -> int:
    """How many of the attempts were told to their end; they are in the order of their ids."""
    return bisect_right(news.attempts, stream.seen.whole, key=lambda item: item.id)


def _logs(stream: Stream, news: News) -> Iterator[bytes]:
    stream.has_more = False
    for item in news.attempts[_seen(stream, news) :]:
        text, is_read = _log(stream, news, item)
        stream.has_more = stream.has_more or not is_read
        yield text


def _log(stream: Stream, news: News, item: AttemptRow) -> tuple[bytes, bool]:
    """An event of the next lines of one try, or nothing, and whether these are all of this moment."""
    offset = stream.seen.parts.get(item.id, 0)
    raw = stream.call.context.resources.step_logs.read(item.id, offset)
    is_read = len(raw) < PIECE_BYTES
    lines = raw if item.is_gone and is_read else _lines(raw)
    # As long as an earlier try may have more, nobody has seen "all up to this one".
    is_first = news.attempts[_seen(stream, news)].id == item.id
    _move(stream, item, offset + len(lines), whole=is_first and item.is_gone and is_read)
    if not lines:
        return b"", is_read
    # A script may print any bytes; a stream that stops at one would hide the rest.
    shape = LogLines(step=str(item.step), attempt=item.number, text=lines.decode(errors="replace"))
    return _event("log", shape, str(stream.seen)), is_read


def _move(stream: Stream, item: AttemptRow, offset: int, *, whole: bool) -> None:
    parts = {**stream.seen.parts, item.id: offset} if offset else stream.seen.parts
    if whole:
        parts = {attempt: size for attempt, size in parts.items() if attempt > item.id}
    stream.seen = replace(stream.seen, whole=item.id if whole else stream.seen.whole, parts=parts)


def _lines(raw: bytes) -> bytes:
    """Up to the last line that has its end; a line that is longer than a chunk is cut between two characters."""
    if len(raw) < PIECE_BYTES or b"\n" in raw:
        return raw[: raw.rfind(b"\n") + 1]
    end = len(raw)
    # A character of UTF-8 has at most three bytes that begin with 10.
    while end > len(raw) - 4 and raw[end - 1] & 0xC0 == 0x80:
        end -= 1
    return raw[: end - 1]


def _event(name: str, content: Any, id: str) -> bytes:
    """JSON has no line breaks of its own, so the data is one line."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: ".encode() + encode(content) + b"\n\n"
