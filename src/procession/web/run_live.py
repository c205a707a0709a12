"""A run's page kept up to date while it is open: parts of the page, as Server-Sent Events, whenever the run has news.

Only what differs from what the page shows is sent. An event's id says what that is, so that a page which comes back
goes on from there. The parts are made by the templates of the page itself.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from procession.door import following
from procession.door.contract import StreamCall, StreamReply
from procession.door.following import Watch
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_ACTIVE, RunStatus
from procession.operations import contents, run_views, runs
from procession.operations.run_views import ShownRun
from procession.pages import environment
from procession.web import run, run_now, run_steps, session
from procession.web.page import reader
from procession.web.run_steps import ShownStep

SILENCE_SECONDS = 15.0  # proxies end what says nothing for long
CLOCK_SECONDS = 5.0  # how often a page is told how long its run has been at work, where there is no other news
RETRY_MILLISECONDS = 1_000
# One look's worth of a log; the rest comes with the next look.
LOG_BYTES_MAX = 65_536
_POSITION = re.compile(r"(?P<revision>-?\d{1,15})\.(?P<attempt>\d{1,15})-(?P<offset>\d{1,15})\Z")
_OVER = b"event: over\ndata: over\n\n"  # the page closes the stream then

Write = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class LiveRun:
    """What one open page shows: of which revision, which step is open, and of which try's log how many bytes.

    `opened` is the step that the reader chose, "" for none, and `last` the one that was shown last.
    `steps` by number and `keys` by part are what it has; None before the first look.
    """

    call: StreamCall
    id: RunId
    opened: str
    revision: int
    attempt: int
    offset: int
    steps: dict[str, ShownStep] | None = None
    keys: dict[str, object] = field(default_factory=dict)
    last: str = ""
    is_over: bool = False

    @property
    def position(self) -> str:
        return f"{self.revision}.{self.attempt}-{self.offset}"


async def follow(call: StreamCall) -> StreamReply:
    """`?since=` is the revision that the page shows, `?log=` what it has of the open step's log.

    `?step=` is the open step where the reader chose one; otherwise the page goes on to the step that is at work.
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
        opened=query.get("step", ""),
        revision=int(found["revision"]),
        attempt=int(found["attempt"]),
        offset=int(found["offset"]),
    )
    return StreamReply(media_type="text/event-stream", write=lambda write: _follow(live, write))


async def _follow(live: LiveRun, write: Write) -> None:
    # Something has to be sent at once, or a proxy holds the head back.
    await write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
    loop = asyncio.get_running_loop()
    async with following.watching(live.call, live.id) as watch:
        spoke, looked, wants_clock = loop.time(), loop.time(), False
        while True:
            # It reads the database and log files, and renders.
            text, is_running = await asyncio.to_thread(_next, live, wants_clock=wants_clock)
            if text:
                await write(text)
                spoke = loop.time()
            if live.is_over:
                await write(_OVER)
                return
            if wants_clock:
                looked = loop.time()
            wants_clock = await _rest(watch, looked + CLOCK_SECONDS if is_running else None, spoke + SILENCE_SECONDS)
            if loop.time() >= spoke + SILENCE_SECONDS:
                # A comment of the format: clients drop it.
                await write(b": still here\n\n")
                spoke = loop.time()


async def _rest(watch: Watch, clock_at: float | None, silent_at: float) -> bool:
    """Until there is news, or something is to be said without any; gives whether the clock is to be told."""
    loop = asyncio.get_running_loop()
    until = silent_at if clock_at is None else min(silent_at, clock_at)
    await watch.rest(max(until - loop.time(), 0.0))
    return clock_at is not None and loop.time() >= clock_at


def _next(live: LiveRun, *, wants_clock: bool) -> tuple[bytes, bool]:
    """What there is to send now, and whether the run is at work; blocking."""
    call = live.call
    with call.database.snapshot() as tx:
        present = runs.progress(tx, live.id)
        # A log that grows moves no revision: then the run need not be read.
        is_news = live.steps is None or wants_clock or present.revision != live.revision
        view = run_views.of_run(tx, call.caller, live.id) if is_news else None
    # The log before the end: who stops listening at the end has all of it.
    text = _log(live)
    if view is not None:
        text += _changes(live, view)
    return text, present.status is RunStatus.RUNNING


def _log(live: LiveRun) -> bytes:
    """The next lines of the log of the open step's try."""
    if not live.attempt:
        return b""
    read, size = contents.of_log(live.call.context.resources, live.attempt)
    if size <= live.offset:
        return b""
    raw = b"".join(read(live.offset, min(size - live.offset, LOG_BYTES_MAX)))
    # A line that is longer than one look is sent in parts.
    raw = raw[: raw.rfind(b"\n") + 1] or (raw if len(raw) == LOG_BYTES_MAX else b"")
    if not raw:
        return b""
    live.offset += len(raw)
    return _event(environment.rendered("run-log", lines=raw.decode(errors="replace")), live.position)


def _changes(live: LiveRun, view: ShownRun) -> bytes:
    """The parts that differ from what the page has."""
    # What was open stays so when nothing is at work any more, and shows how it ended.
    at_work = run_steps.default_open(view)
    shown = run.described(live.call, view, live.opened or (at_work.order if at_work else live.last))
    steps = {step.order: step for step in shown["steps"]}
    keys = _keys(shown)
    # The page was made of this very revision: it has all of it.
    has_all = live.steps is None and live.revision == view.run.revision
    live.revision, live.is_over = view.run.revision, view.run.status not in RUN_ACTIVE and view.is_gone
    changed = [] if has_all else [step for step in steps.values() if (live.steps or {}).get(step.order) != step]
    parts = set() if has_all else {name for name, key in keys.items() if live.keys.get(name) != key}
    live.steps, live.keys = steps, keys
    live.last = shown["opened"].row.order if shown["opened"] is not None else ""
    if "step" in parts and shown["opened"] is not None:
        _go_on(live, shown["opened"].log_end)
    if live.is_over:
        parts |= {"results", "history"}
    if not changed and not parts:
        return b""
    return _event(_rendered(live, view, {**shown, "changed": changed, "parts": parts}), live.position)


def _keys(shown: dict[str, Any]) -> dict[str, object]:
    """What each part of the page depends on."""
    present, opened = shown["run"], shown["opened"]
    return {
        "head": (present.status, present.outcome, present.attempt, present.finished_at, shown["offered"]),
        "now": shown["now"],
        "took": shown["took"],
        "counts": shown["counts"],
        # Not what it says while it is at work: that stands in its row, and the log would be sent again with it.
        "step": opened and (opened.row.order, opened.row.status, opened.row.finished_at, opened.tries),
    }


def _go_on(live: LiveRun, log_end: str) -> None:
    """The panel is sent with its log: the stream goes on from the end of that."""
    attempt, _, offset = (log_end or "0-0").partition("-")
    live.attempt, live.offset = int(attempt), int(offset)


def _rendered(live: LiveRun, view: ShownRun, content: dict[str, Any]) -> str:
    call = live.call
    return environment.rendered(
        "run-live",
        title=run_now.page_title(view),
        form=session.token(call.request),
        reader=reader(call.caller.user, call.clock()),
        **content,
    )


def _event(html: str, position: str) -> bytes:
    """An unnamed message: htmx swaps those, and only triggers named ones."""
    # Lines of a stream end with a carriage return too, and a script may print one.
    html = html.replace("\r\n", "\n").replace("\r", "\n")
    data = "\n".join(f"data: {line}" for line in html.strip("\n").split("\n"))
    return f"id: {position}\n{data}\n\n".encode()
