"""The streams of Home and Runs: what changed is sent as parts of the page, and nothing is looked at while nothing does.

A change of any run, or whatever else was committed, wakes them; each then looks once in LOOK_SECONDS at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

from procession.door.contract import StreamCall, StreamReply
from procession.model.errors import Invalid
from procession.model.ids import RunId
from procession.operations import run_lists
from procession.operations.act import Act
from procession.operations.run_lists import COUNTED_MAX
from procession.pages import environment
from procession.web import home, run_filters, run_rows, session
from procession.web.page import reader
from procession.web.run_filters import ListFilter
from procession.web.runs import SHOWN

LOOK_SECONDS = 2.0  # a busy server changes a run a hundred times a second, and nobody reads so fast
SILENCE_SECONDS = 15.0  # proxies end what says nothing for long
RETRY_MILLISECONDS = 1_000

Write = Callable[[bytes], Awaitable[None]]
# What differs from what was sent before, as parts of the page; "" for nothing. It keeps what it has sent.
Look = Callable[[Act], str]


async def follow_home(call: StreamCall) -> StreamReply:
    """What needs the reader and what is running, whenever it changes."""
    sent: list[object] = []

    def look(act: Act) -> str:
        present = home.now(act)
        if sent == [present]:
            return ""
        is_first = not sent
        sent[:] = [present]
        # The page that opened the stream shows it already; what came in between is sent with the next change.
        return "" if is_first else _home(call, act, present)

    return _stream(call, look)


def _home(call: StreamCall, act: Act, present: home.Now) -> str:
    return environment.rendered(
        "home-live",
        present=present,
        form=session.token(call.request),
        reader=reader(act.caller.user, act.now),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The page that is open: its runs, and the number after which others are new; 0: it is not the first page."""

    runs: Sequence[RunId]
    top: int
    asked: ListFilter


async def follow_runs(call: StreamCall) -> StreamReply:
    """The rows of one page of runs, and how many runs have come since."""
    shown = _shown(call.request.query)
    sent: dict[str, object] = {}

    def look(act: Act) -> str:
        listed = run_lists.of_ids(act.tx, act.caller, shown.runs)
        progress = run_lists.progress(act.tx, listed)
        rows = run_rows.rows(listed, progress, steady=act.resources.steady())
        changed = [row for row in rows if sent.get(row.id, row) != row]
        is_first = not sent
        news = _newer(act, shown)
        is_news = sent.get("news", 0) != news
        sent.update({row.id: row for row in rows}, news=news)
        if not changed and (is_first or not is_news):
            return ""
        return environment.rendered(
            "runs-live",
            rows=changed,
            news=f"{COUNTED_MAX} or more" if news >= COUNTED_MAX else news,
            address=shown.asked.address(),
            reader=reader(act.caller.user, act.now),
        )

    return _stream(call, look)


def _newer(act: Act, shown: _Shown) -> int:
    if not shown.top:
        return 0
    zone = reader(act.caller.user, act.now).zone
    wanted = run_filters.applied(act.tx, act.caller, shown.asked, zone)
    return run_lists.count_newer(act.tx, act.caller, wanted, after=shown.top)


def _shown(query: Mapping[str, str]) -> _Shown:
    """Raises Invalid, NotFound."""
    ids = [text for text in query.get("ids", "").split(".") if text]
    top = query.get("top", "0") or "0"
    if len(ids) > SHOWN or not (top.isascii() and top.isdigit() and len(top) <= 18):
        raise Invalid("the address of this stream is not one that a page of ours has; reload the page")
    asked = run_filters.read(dict(parse_qsl(query.get("asked", ""), max_num_fields=20)))
    return _Shown(runs=[RunId.parse(f"pr-{text}") for text in ids], top=int(top), asked=asked)


def _stream(call: StreamCall, look: Look) -> StreamReply:
    return StreamReply(media_type="text/event-stream", write=partial(_follow, call, look))


async def _follow(call: StreamCall, look: Look, write: Write) -> None:
    """Until the reader goes away, which the dispatcher notices."""
    await write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
    loop = asyncio.get_running_loop()
    with _watching(call) as news:
        spoke = loop.time()
        while True:
            # It reads the database.
            if text := await asyncio.to_thread(_looked, call, look):
                await write(_message(text))
                spoke = loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            while not await _is_news(news, spoke + SILENCE_SECONDS - loop.time()):
                # A comment of the format: browsers drop it.
                await write(b": still here\n\n")
                spoke = loop.time()


async def _is_news(news: asyncio.Event, seconds: float) -> bool:
    """At once, or within these seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    is_news = news.is_set()
    # Before anybody looks: what comes while they do wakes the next rest.
    news.clear()
    return is_news


def _looked(call: StreamCall, look: Look) -> str:
    with call.database.snapshot() as tx:
        return look(call.admit(tx))


def _message(text: str) -> bytes:
    """Unnamed: the page puts those in their places by itself, and only triggers what has a name."""
    return b"".join(f"data: {line}\n".encode() for line in text.splitlines() if line.strip()) + b"\n"


@contextmanager
def _watching(call: StreamCall) -> Iterator[asyncio.Event]:
    """Some run has changed, or something was committed: from now on that is news."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    # The engine's thread calls it; an asyncio event is not safe for other threads.
    forget = call.context.announcements.listen_to_all(partial(loop.call_soon_threadsafe, news.set))
    try:
        yield news
    finally:
        forget()
