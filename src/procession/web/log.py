"""The log: who did what to what, day by day, and as a file for a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from procession.door.contract import Call, HtmlReply, StreamCall, StreamReply
from procession.model import timezones
from procession.model.ends import one_line
from procession.model.errors import Invalid
from procession.model.people import Caller, LogItem
from procession.model.rights import ADMINS
from procession.operations import log_items, people
from procession.store.log_items import LogFilter
from procession.web import run_filters
from procession.web.page import page

HERE = "/log"
SHOWN = 50
WORDS_CHARACTERS_MAX = 200
# One look at the database for so many lines: others wait for none of them.
CSV_BATCH = 5_000
# What each choice of "About" means: the prefixes of the ids that entries are about.
ABOUT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "runs": ("Runs", ("pr",)),
    "processes": ("Processes and roles on them", ("p",)),
    "tables": ("Tables and roles on them", ("mt",)),
    "people": ("People and groups", ("u", "ug")),
    "applications": ("Applications", ("c",)),
}
_PAGES = {"pr": "runs", "p": "processes", "mt": "tables", "u": "people", "ug": "groups", "c": "applications"}
_QUOTED = re.compile(r'"([^"]+)"')
# What a spreadsheet runs as a formula (OWASP, CSV injection).
_FORMULA = re.compile(r"[=+\-@\t\r]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """What stands in the address; days as HTML writes them, both included."""

    words: str
    who: str
    about: str
    start: date | None
    end: date | None
    cursor: int | None

    def address(self, path: str = HERE, **changes: Any) -> str:
        present = {"q": self.words, "who": self.who, "about": self.about, "from": self.start, "to": self.end, **changes}
        kept = {name: str(value) for name, value in present.items() if value}
        return f"{path}?{urlencode(kept)}" if kept else path

    def filter(self, zone: ZoneInfo) -> LogFilter:
        return LogFilter(
            # The operation decides whose: others than administrators see their own, whomever they name.
            login=self.who or None,
            # The bounds of a filter are strict, and days begin where the reader lives.
            after_at=None if self.start is None else run_filters.midnight(self.start, zone) - timedelta(microseconds=1),
            before_at=None if self.end is None else run_filters.midnight(self.end + timedelta(days=1), zone),
            before=self.cursor,
            words=self.words or None,
            kinds=ABOUT[self.about][1] if self.about else None,
        )


def query_of(query: Mapping[str, str]) -> LogQuery:
    """Raises Invalid."""
    about, cursor = query.get("about", ""), query.get("cursor", "")
    if about and about not in ABOUT:
        raise Invalid(f'the log has nothing about "{about[:40]}"; choose one of {", ".join(ABOUT)}')
    if cursor and not (cursor.isdecimal() and len(cursor) <= 15):
        raise Invalid("the address is not one of a page of the log; begin again at Log")
    return LogQuery(
        words=query.get("q", "").strip()[:WORDS_CHARACTERS_MAX],
        who=query.get("who", ""),
        about=about,
        start=_day(query.get("from", "")),
        end=_day(query.get("to", "")),
        cursor=int(cursor) if cursor else None,
    )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f'"{text[:40]}" is not a day such as 2026-12-03') from None
    # Before and after these, no zone can be added to.
    if not 1970 <= found.year < 9000:
        raise Invalid(f'"{text[:40]}" is no day of this log')
    return found


def show(call: Call) -> HtmlReply:
    """Newest first; administrators see everybody's, others their own."""
    query = query_of(call.request.query)
    is_admin = call.caller.user.role in ADMINS
    zone = _zone(call.caller)
    # One more than is shown tells whether there are older ones.
    found = log_items.page(call.tx, call.caller, query.filter(zone), SHOWN + 1)
    users = people.listed(call.tx, call.caller)
    return page(
        call, call.caller, call.now, "log",
        title="Log",
        entry=HERE,
        query=query,
        is_admin=is_admin,
        is_filtered=query.address() != HERE,
        users=users,
        names={user.login: f"{user.first_name} {user.last_name}" for user in users},
        about=[(key, words) for key, (words, _) in ABOUT.items()],
        days=_days(found[:SHOWN], zone),
        sentence=partial(_sentence, is_admin=is_admin),
        shown=len(found[:SHOWN]),
        older=query.address(cursor=found[SHOWN - 1].number) if len(found) > SHOWN else "",
        zone_name=call.caller.user.timezone,
    )  # fmt: skip


def _zone(caller: Caller) -> ZoneInfo:
    return ZoneInfo(timezones.iana(caller.user.timezone))


def _days(items: list[LogItem], zone: ZoneInfo) -> list[tuple[datetime, list[LogItem]]]:
    """By the days of the reader; in each, newest first. A clock that was set back shows a day twice."""
    days = groupby(items, key=lambda item: item.at.astimezone(zone).date())
    return [(group[0].at, group) for group in (list(found) for _, found in days)]


def _sentence(item: LogItem, *, is_admin: bool) -> tuple[str, str, str, str]:
    """What stands before the name that leads somewhere, the name, what stands after it, and where it leads."""
    kind = item.about.partition("-")[0]
    quoted = list(_QUOTED.finditer(item.message))
    # What is gone has no page, and people's pages are for administrators.
    if not quoted or kind not in _PAGES or item.message.startswith("deleted ") or (kind == "u" and not is_admin):
        return item.message, "", "", ""
    # A line about a run begins with it; in the others, what it is about comes last.
    name = quoted[0] if kind == "pr" else quoted[-1]
    before, after = item.message[: name.start()], item.message[name.end() :]
    return before, name[1], after, f"/{_PAGES[kind]}/{item.about}"


async def download(call: StreamCall) -> StreamReply:
    """The whole of what the filter finds, as CSV. No cell is a formula or holds a control character."""
    query = query_of(call.request.query)
    headers = {"content-disposition": 'attachment; filename="procession-log.csv"'}
    return StreamReply(media_type="text/csv; charset=utf-8", write=partial(_write, call, query), headers=headers)


async def _write(call: StreamCall, query: LogQuery, write: Callable[[bytes], Awaitable[None]]) -> None:
    wanted = query.filter(_zone(call.caller))
    # Spreadsheets take a file without this mark for Windows-1252.
    await write(b"\xef\xbb\xbf" + _lines([("No.", "When (UTC)", "Who", "What", "About")]))
    while True:
        items = await asyncio.to_thread(_batch, call, wanted)
        if items:
            await write(_lines([_cells(item) for item in items]))
        if len(items) < CSV_BATCH:
            return
        wanted = replace(wanted, before=items[-1].number)


def _batch(call: StreamCall, wanted: LogFilter) -> list[LogItem]:
    with call.database.read() as tx:
        # Asked again: a download may take longer than a role lasts.
        return log_items.page(tx, call.admit(tx).caller, wanted, CSV_BATCH)


def _cells(item: LogItem) -> tuple[str, ...]:
    return str(item.number), f"{item.at:%Y-%m-%d %H:%M:%S}", _harmless(item.login), _harmless(item.message), item.about


def _harmless(text: str) -> str:
    plain = one_line(text)
    return f"'{plain}" if _FORMULA.match(text) else plain


def _lines(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
