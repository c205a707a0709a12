"""Process runs over HTTP: created, started, cancelled, listed, and waited for."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from procession.api.wire import histories as histories_wire
from procession.api.wire import items, reading
from procession.api.wire import runs as wire
from procession.door import archives, paging
from procession.door.contract import Call, EmptyReply, Given, Later, Reply, StreamCall, StreamReply
from procession.door.rules import EXECUTE_R
from procession.model.errors import Invalid, NotFound
from procession.model.ids import ProcessId, RunId, UserId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.runs import RunFilter, RunProgress
from procession.operations import histories as history_operations
from procession.operations import people, rights, run_lists, run_views, runs, unstarted
from procession.operations import results as result_operations
from procession.store import runs as run_store
from procession.store.database import Transaction

# A screenful or two; an unbounded list grows with every month-end.
LIMIT = 100  # runs in a page when nobody says
# nginx ends a request that is silent for longer (proxy_read_timeout).
WAIT_SECONDS_MAX = 60
REVISION_MAX = 10**15
REASON_CHARACTERS_MAX = 1_000
ATTEMPTS_MAX = 10**9
TEXT_CHARACTERS_MAX = 200  # that are looked for


class RunCommand(StrEnum):
    """What the deprecated POST requests may ask for."""

    START = "ProcessRun_StartRq"
    CANCEL = "ProcessRun_CancelRq"


def create(call: Call) -> wire.ProcessRun:
    inputs = call.body.get("inputs")
    if inputs is not None and not isinstance(inputs, dict):
        raise Invalid('inputs must be an object such as {"parameters.month": "2026-11-30"}')
    is_started = call.body.get("start")
    run = runs.create(
        call.act,
        call.id(ProcessId),
        # An empty prefix is none: the documents show it as a field that may be left empty.
        prefix=reading.string(call.body, "namePrefix"),
        inputs=inputs,
        start=is_started is not None and reading.boolean(is_started, field="start"),
    )
    # After the commit only, or a listener would look and find nothing.
    call.context.announce(call.tx, run.id)
    return wire.run(run)


def of_process(call: Call) -> list[items.Named]:
    query = call.request.query
    found = run_store.of_process(
        call.tx,
        call.id(ProcessId),
        created_after=reading.maybe_moment(query, "dateCreatedStart"),
        created_before=reading.maybe_moment(query, "dateCreatedEnd"),
    )
    return [items.named(run, name) for run, name in found]


def get(call: Call) -> wire.ProcessRun:
    return wire.run(runs.find(call.tx, call.id(RunId)))


def start(call: Call) -> wire.RunStatusShape:
    return _start(call, call.id(RunId))


def _start(call: Call, run_id: RunId) -> wire.RunStatusShape:
    run = runs.start(call.act, run_id, reason=reason(call.body))
    call.context.announce(call.tx, run_id)
    return _status(call.tx, run, call)


def delete(call: Call) -> EmptyReply:
    unstarted.delete(call.act, call.id(RunId))
    # Whoever follows it asks again, and learns that it is gone.
    call.context.announce(call.tx, call.id(RunId))
    return EmptyReply()


def cancel(call: Call) -> wire.RunStatusShape:
    return _cancel(call, call.id(RunId))


def _cancel(call: Call, run_id: RunId) -> wire.RunStatusShape:
    run = runs.cancel(call.act, run_id, reason=reason(call.body))
    call.context.announce(call.tx, run_id)
    return _status(call.tx, run, call)


def reason(body: Mapping[str, Any]) -> str:
    """The optional reason of a start, cancel or restart. Raises Invalid."""
    return reading.string(body, "reason", most=REASON_CHARACTERS_MAX)


def request(call: Call) -> wire.RunStatusShape:
    """The deprecated way: the run stands in the body, so its permission is asked for here."""
    wanted = reading.choice(RunCommand, call.body.get("request"), field="request")
    run_id = RunId.parse(reading.name(call.body.get("processrunid"), field="processRunId"))
    # The route asks for the scope alone: only the body says which run.
    rights.permit(call.tx, call.caller, EXECUTE_R, {"run": run_id})
    return _start(call, run_id) if wanted is RunCommand.START else _cancel(call, run_id)


def status(call: Call) -> wire.RunStatusShape | Later:
    """At once, or when there is news: ?since=REV&wait=SECONDS."""
    if query := call.request.query:
        since = _since(query)
        if "wait" in query:
            return Later(partial(wait_for_status, since=since))
    return _status(call.tx, runs.progress(call.tx, call.id(RunId)), call)


def _status(tx: Transaction, run: RunProgress, call: Given) -> wire.RunStatusShape:
    return wire.run_status(run, runs.failed_steps(tx, run), steady=call.context.resources.steady())


def _since(query: Mapping[str, str]) -> int:
    """Asked also where nobody waits: a mistake in it must not be seen only later."""
    return reading.whole(query.get("since") or "0", field="since", least=0, most=REVISION_MAX)


async def wait_for_status(call: StreamCall, *, since: int) -> wire.RunStatusShape:
    """The status as soon as its revision is greater than `since`, or as it is after `wait` seconds."""
    wait_seconds = reading.whole(call.request.query["wait"] or "0", field="wait", least=0, most=WAIT_SECONDS_MAX)
    news = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before the first look: news between the look and the listening would be missed.
    forget = call.context.announcements.listen(
        call.id(RunId), partial(loop.call_soon_threadsafe, news.set), after=since
    )
    try:
        async with asyncio.timeout(wait_seconds):
            while (status := _if_newer(call, since)) is None:
                await news.wait()
                news.clear()
            return status
    # The time is over: that is an answer too, the status as it is.
    except TimeoutError:
        with call.database.read() as tx:
            return _status(tx, runs.progress(tx, call.id(RunId)), call)
    finally:
        forget()


def _if_newer(call: StreamCall, since: int) -> wire.RunStatusShape | None:
    with call.database.read() as tx:
        run = runs.progress(tx, call.id(RunId))
        return _status(tx, run, call) if run.revision > since else None


def history(call: Call) -> histories_wire.History:
    return histories_wire.history(history_operations.of_run(call.tx, call.id(RunId)))


def results(call: Call) -> StreamReply:
    """A zip, made while it is sent; `?attempt=N` gives the results of that attempt."""
    attempt = call.request.query.get("attempt")
    number = reading.whole(attempt, field="attempt", least=1, most=ATTEMPTS_MAX) if attempt else None
    view = run_views.of_run(call.tx, call.caller, call.id(RunId), attempt=number)
    return archives.reply(result_operations.archive(call.context.resources, view))


def listed(call: Call) -> Reply:
    """Newest first, a page at a time; the address of the next page is in the Link header (RFC 8288)."""
    query = call.request.query
    limit = reading.whole(query.get("limit") or str(LIMIT), field="limit", least=1, most=run_lists.LIST_MAX)
    before = _read_cursor(query["cursor"]) if query.get("cursor") else None
    found = run_lists.page(call.tx, call.caller, _filter(call.tx, query), before=before, limit=limit)
    following = found.next_before
    headers = {} if following is None else {"link": paging.next_page(call.request, _cursor(following))}
    steady = call.context.resources.steady()
    return Reply(value=[wire.listed_run(item, steady=steady) for item in found.runs], headers=headers)


def counts(call: Call) -> list[wire.RunCount]:
    """How many of each status the list with these filters has; 100 is that many or more."""
    found = run_lists.counts(call.tx, call.caller, _filter(call.tx, call.request.query))
    return [
        wire.RunCount(status=status, outcome=outcome, count=many, isMore=many >= run_lists.COUNTED_MAX)
        for (status, outcome), many in found.items()
        if many
    ]


def see(call: Call) -> wire.RunStatusShape:
    """The caller has seen how it ended: it needs nobody any more, and its history says who looked."""
    run = runs.see(call.act, call.id(RunId))
    call.context.announce(call.tx, run.id)
    return _status(call.tx, run, call)


def _filter(tx: Transaction, query: Mapping[str, str]) -> RunFilter:
    process, status, outcome = query.get("process"), query.get("status"), query.get("outcome")
    return RunFilter(
        process=ProcessId.parse(process) if process else None,
        name=query.get("name") or None,
        text=reading.string(query, "text", most=TEXT_CHARACTERS_MAX) or None,
        needs_person=_flag(query.get("needsperson"), field="needsPerson"),
        status=reading.choice(RunStatus, status, field="status") if status else None,
        outcome=reading.choice(Outcome, outcome, field="outcome") if outcome else None,
        created_after=reading.maybe_moment(query, "createdAfter"),
        created_before=reading.maybe_moment(query, "createdBefore"),
        started_by=_starter(tx, query.get("startedby")),
    )


def _flag(text: str | None, *, field: str) -> bool:
    return bool(text) and reading.boolean(text, field=field)


def _starter(tx: Transaction, text: str | None) -> UserId | None:
    """A user's id or login name. One that does not exist has started nothing: who exists is nobody else's business."""
    if not text:
        return None
    return UserId.parse(text) if re.match(r"u-\d", text.lower()) else people.id_of(tx, text)


def _cursor(last: RunId) -> str:
    # Opaque, so that nobody builds one and is surprised by the next release.
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> RunId:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return RunId.parse(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    except (binascii.Error, ValueError, NotFound):
        raise Invalid(
            "the cursor is not one that this server gave; follow the Link header of the page before"
        ) from None
