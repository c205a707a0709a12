"""The log that users read, over HTTP."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from procession.api.wire import log_items as wire
from procession.api.wire import reading
from procession.door import paging
from procession.door.contract import Call, Reply
from procession.model import timezones
from procession.operations import log_items
from procession.store.log_items import LogFilter

LATEST = 50  # without a bound (docs/wire.md)
MOST = 10_000  # at once; the Link header leads to the rest


def listed(call: Call) -> Reply:
    """Newest first: the latest 50, or all between two bounds."""
    query = call.request.query
    start, end = reading.maybe_moment(query, "startDate"), reading.maybe_moment(query, "endDate")
    usual = LATEST if start is None and end is None else MOST
    limit = reading.whole(query.get("limit") or str(usual), field="limit", least=1, most=MOST)
    cursor = query.get("cursor")
    wanted = LogFilter(
        # The operation decides whose: a handler that did would be a second place for the rule.
        login=None,
        after_at=start,
        before_at=end,
        before=reading.whole(cursor, field="cursor", least=1, most=10**15) if cursor else None,
    )
    # One more than asked for tells whether there is a next page.
    found = log_items.page(call.tx, call.caller, wanted, limit + 1)
    headers = {"link": paging.next_page(call.request, str(found[limit - 1].number))} if len(found) > limit else {}
    zone = ZoneInfo(timezones.iana(call.caller.user.timezone))
    items = [
        wire.LogItemShape(
            id=f"log-{item.number}", message=item.message, userName=item.login, timeStamp=_moment(item.at, zone)
        )
        for item in found[:limit]
    ]
    return Reply(value=items, headers=headers)


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """With the reader's offset and seven digits: 2025-05-21T14:44:00.7283212+10:00."""
    # isoformat() gives at most six digits, and the documents show seven.
    text = at.astimezone(zone).isoformat(timespec="microseconds")
    return f"{text[:26]}0{text[26:]}"
