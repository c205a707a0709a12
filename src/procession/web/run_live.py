"""A run's page kept up to date while it is open: parts of the page, as Server-Sent Events, whenever the run has news.

Only what differs from what the page shows is sent. An event's id says what that is, so that a page which comes back
goes on from there. The parts are made by the templates of the page itself, once for all pages that show the same.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from procession.door import following
from procession.door.contract import StreamCall, StreamReply
from procession.door.following import Watch
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus
from procession.operations import contents, run_views, runs
from procession.pages import environment
from procession.web import approving, run_changes, session
from procession.web.approving_live import LiveQuestions
from procession.web.run_changes import RunUpdate, SeenRun

SILENCE_SECONDS = 15.0  # proxies end what says nothing for long
CLOCK_SECONDS = 5.0  # how often a page is told how long its run has been at work, where there is no other news
RETRY_MILLISECONDS = 1_000
LOG_BYTES_MAX = 65_536  # of a log in one event
STEP_CHARACTERS_MAX = 20
TEMPLATES = ("run-live", "run-head", "run-asked", "run-log", "run-parts", "parts")
_POSITION = re.compile(r"(?P<revision>-?\d{1,15})\.(?P<attempt>\d{1,15})-(?P<offset>\d{1,15})\Z")
_OVER = b"event: over\ndata: over\n\n"  # the page closes the stream then

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class LiveRun:
    """One open page: what it shows, the step that its reader chose ("" for none), of which try's log how many bytes."""

    call: StreamCall
    id: RunId
    chosen: str
    seen: SeenRun
    attempt: int
    offset: int
    asked: LiveQuestions
    is_over: bool = False

    @property
    def position(self) -> str:
        return f"{self.seen.revision}.{self.attempt}-{self.offset}"


async def follow(call: StreamCall) -> StreamReply:
    """`?since=` is the revision that the page shows, `?log=` what it has of the open step's log.

    `?asked=` is the mark of the questions that the page shows. `?step=` is the open step where the reader chose one;
    otherwise the page goes on to the step that is at work.
    """
    query = call.request.query
    # The header first: a browser sends it by itself when it comes back, with the old query.
    text = call.request.headers.get("last-event-id") or f"{query.get('since', '-1')}.{query.get('log') or '0-0'}"
    # Nonsense is a page that has seen nothing: it is sent everything.
    found = _POSITION.match(text) or _POSITION.match("-1.0-0")
    assert found is not None
    live = LiveRun(
        call=call,
        id=call.id(RunId),
        chosen=query.get("step", "")[:STEP_CHARACTERS_MAX],
        seen=SeenRun(revision=int(found["revision"])),
        attempt=int(found["attempt"]),
        offset=int(found["offset"]),
        asked=LiveQuestions(query.get("asked", "")),
    )
    return StreamReply(media_type="text/event-stream", write=lambda write: _follow(live, write))


async def _follow(live: LiveRun, write: Write) -> None:
    # Something has to be sent at once, or a proxy holds the head back.
    await write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
    loop = asyncio.get_running_loop()
    async with following.watching(live.call, live.id) as watch:
        spoke, wants_clock = loop.time(), False
        while True:
            # It reads the database and log files, and renders.
            text, is_running = await asyncio.to_thread(_next, live, wants_clock=wants_clock)
            if text:
                await write(text)
                spoke = loop.time()
            if live.is_over:
                await write(_OVER)
                return
            wants_clock = await _rest(watch, spoke + SILENCE_SECONDS, has_clock=is_running)
            if loop.time() >= spoke + SILENCE_SECONDS:
                # A comment of the format: clients drop it.
                await write(b": still here\n\n")
                spoke = loop.time()


async def _rest(watch: Watch, silent_at: float, *, has_clock: bool) -> bool:
    """Until there is news, or something is to be said without any; gives whether the clock is to be told."""
    loop = asyncio.get_running_loop()
    # All pages at the same moments: then one is made for all of them.
    clock_at = (math.floor(loop.time() / CLOCK_SECONDS) + 1) * CLOCK_SECONDS if has_clock else math.inf
    await watch.rest(max(min(silent_at, clock_at) - loop.time(), 0.0))
    return loop.time() >= clock_at


def _next(live: LiveRun, *, wants_clock: bool) -> tuple[bytes, bool]:
    """What there is to send now, and whether the run is at work; blocking."""
    call, seen = live.call, live.seen
    with call.database.snapshot() as tx:
        present = runs.progress(tx, live.id)
        may_execute = run_views.may_execute(tx, call.caller, live.id)
    is_running = present.status is RunStatus.RUNNING
    update = None
    if seen.steps is None:
        # Read now, while nobody waits: the first update of a server would come a third of a second late.
        environment.make_ready(*TEMPLATES)
    # A log that grows moves no revision: then the run need not be read.
    if seen.steps is None or wants_clock or present.revision != seen.revision:
        steady = call.context.resources.steady()
        # All that the parts depend on. Whoever is told them at the same second is told the same.
        key = (
            *(live.id, present.revision, seen.revision, seen.steps is None, seen.last, live.chosen, may_execute),
            # What is shown may change without news of the run, as a table does.
            seen.keys.get("asked"),
            *(call.caller.user.timezone, int(steady) if is_running and steady is not None else 0),
        )
        update = call.context.recent.of(key, lambda: _update(live))
    # After the look that may find the end, and before it is told: who stops listening then has all of the log.
    text = _log(live)
    if update is not None:
        text += _told(live, update)
        # What a new panel's log lacked, because it was made a moment ago for another page.
        text += _log(live) if update.log_end is not None else b""
    return text, is_running


def _update(live: LiveRun) -> RunUpdate:
    with live.call.database.snapshot() as tx:
        view = run_views.of_run(tx, live.call.caller, live.id)
        asked = approving.states(tx, view)
    return run_changes.update(live.call, view, live.seen, live.chosen, asked)


def _told(live: LiveRun, update: RunUpdate) -> bytes:
    is_first = live.seen.steps is None
    live.seen, live.is_over = update.seen, update.is_over
    is_lost = is_first and not live.asked.begin(update.seen.keys["asked"])
    if update.log_end is not None:
        # The panel is sent with its log: the stream goes on from the end of that.
        attempt, _, offset = (update.log_end or "0-0").partition("-")
        live.attempt, live.offset = int(attempt), int(offset)
    html = update.html
    if update.head is not None:
        html += run_changes.head(live.call, update.head, session.token(live.call.request))
    if update.asked or is_lost:
        html += live.asked.told(live.call, live.id)
    return _event(html, live.position) if html else b""


def _log(live: LiveRun) -> bytes:
    """The next lines of the log of the open step's try; of very many only the last, with a word about the gap."""
    if not live.attempt:
        return b""
    read, size = contents.of_log(live.call.context.resources, live.attempt)
    has_gap = size - live.offset > LOG_BYTES_MAX
    start = size - LOG_BYTES_MAX if has_gap else live.offset
    raw = b"".join(read(start, size - start)) if size > start else b""
    # Up to the last whole line; one that is longer than an event is sent in parts.
    raw = raw[: raw.rfind(b"\n") + 1] or (raw if len(raw) == LOG_BYTES_MAX else b"")
    if not raw:
        return b""
    live.offset = start + len(raw)
    # Added and never put in the place of what is there: somebody may be reading it.
    html = environment.rendered("run-log", lines=raw.decode(errors="replace"), has_gap=has_gap)
    return _event(html, live.position)


def _event(html: str, position: str) -> bytes:
    """An unnamed message: htmx swaps those, and only triggers named ones."""
    # Lines of a stream end with a carriage return too, and a script may print one.
    html = html.replace("\r\n", "\n").replace("\r", "\n")
    data = "\n".join(f"data: {line}" for line in html.strip("\n").split("\n"))
    return f"id: {position}\n{data}\n\n".encode()
