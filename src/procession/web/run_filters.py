"""The filter of a list of runs, as it stands in the address: read, said in words, and put into other addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from procession.model.errors import Invalid
from procession.model.ids import ProcessId, UserId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.people import Caller
from procession.model.runs import RunFilter
from procession.operations import people
from procession.pages import formats
from procession.store.database import Transaction

TEXT_CHARACTERS_MAX = 200
ME = "me"
OLDEST_FIRST = "run"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = timedelta(microseconds=1)
# No zone leads out of what a date can hold.
_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One way a run can be: `slug` stands in the address."""

    slug: str
    word: str
    icon: str
    status: RunStatus | None
    outcome: Outcome | None = None


# What nobody has dealt with: the number in the menu leads here.
NEEDS = Chip(slug="needs", word="Need somebody", icon="info", status=None)
CHIPS = (
    Chip(slug="failed", word="Failed", icon="failed", status=RunStatus.FINISHED, outcome=Outcome.FAILED),
    Chip(slug="remarks", word="With remarks", icon="remarks", status=RunStatus.FINISHED, outcome=Outcome.WARNING),
    Chip(slug="running", word="Running", icon="running", status=RunStatus.RUNNING),
    Chip(slug="waiting", word="Waiting", icon="upload", status=RunStatus.NOT_STARTED),
    Chip(slug="queued", word="Queued", icon="queued", status=RunStatus.SCHEDULED),
    Chip(slug="finished", word="Finished", icon="done", status=RunStatus.FINISHED, outcome=Outcome.SUCCESS),
    Chip(slug="cancelled", word="Cancelled", icon="cancelled", status=RunStatus.CANCELLED),
    Chip(slug="timedout", word="Timed out", icon="timedout", status=RunStatus.TIMED_OUT),
)
BY_SLUG = {chip.slug: chip for chip in (*CHIPS, NEEDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """Each as the address has it; "" asks for any. `order`: OLDEST_FIRST, or "" for the newest first."""

    text: str = ""
    process: str = ""
    status: str = ""
    since: str = ""
    until: str = ""
    by: str = ""
    order: str = ""

    def address(self, path: str = "/runs", **changes: str) -> str:
        """The list with this filter, and other words besides; what is "" is left out."""
        asked = {_NAMES[name]: value for name, value in self.given().items()} | {"order": self.order} | changes
        asked = {name: value for name, value in asked.items() if value}
        return f"{path}?{urlencode(asked)}" if asked else path

    def given(self) -> dict[str, str]:
        """What is asked for, by field; in which order it is shown narrows nothing."""
        return {name: value for name in _NAMES if (value := str(getattr(self, name)))}

    def without(self, name: str) -> ListFilter:
        return replace(self, **{name: ""})

    def but(self, status: str) -> ListFilter:
        return replace(self, status=status)


# "from" is a word of Python, and "by" and "to" say enough in an address.
_NAMES = {"text": "text", "process": "process", "status": "status", "since": "from", "until": "to", "by": "by"}
FIELDS = tuple(_NAMES)


def read(query: Mapping[str, str]) -> ListFilter:
    """Raises Invalid for what no list can show."""
    found = {name: query.get(given, "").strip() for name, given in _NAMES.items()}
    found["text"] = found["text"] or query.get("q", "").strip()
    asked = ListFilter(**found, order=query.get("order", ""))
    if asked.order not in {"", OLDEST_FIRST}:
        raise Invalid(
            f'runs cannot be sorted by "{asked.order[:80]}"; they can by {OLDEST_FIRST}, which is the oldest first'
        )
    if len(asked.text) > TEXT_CHARACTERS_MAX:
        raise Invalid(f"the text to look for is longer than {TEXT_CHARACTERS_MAX} characters")
    if asked.status and asked.status not in BY_SLUG:
        raise Invalid(f'there is no status "{asked.status[:80]}"; there are {", ".join(BY_SLUG)}')
    for field in ("since", "until"):
        _day(getattr(asked, field), field)
    return asked


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        if not _DATE.match(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f'"{text[:80]}" in "{_NAMES[field]}" is not a date such as 2026-11-30') from None


def applied(tx: Transaction, caller: Caller, asked: ListFilter, zone: ZoneInfo) -> RunFilter:
    """What it asks of the store; days are those of the reader's zone. Raises NotFound for what is no id."""
    chip = BY_SLUG.get(asked.status)
    return RunFilter(
        text=asked.text or None,
        process=ProcessId.parse(asked.process) if asked.process else None,
        status=None if chip is None else chip.status,
        outcome=None if chip is None else chip.outcome,
        created_after=_before(_day(asked.since, "since"), zone),
        created_before=_after(_day(asked.until, "until"), zone),
        started_by=_starter(tx, caller, asked.by),
        needs_person=chip is NEEDS,
    )


def _before(day: date | None, zone: ZoneInfo) -> datetime | None:
    # Bounds are strict, and the first moment of a day belongs to it.
    return None if day is None else midnight(max(day, _FIRST), zone) - _MOMENT


def _after(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else midnight(min(day, _LAST) + timedelta(days=1), zone)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of the day, in UTC: what is counted from it must not be counted by the clock on the wall."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _starter(tx: Transaction, caller: Caller, by: str) -> UserId | None:
    if not by:
        return None
    return caller.user.id if by == ME else people.id_of(tx, by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One part of a filter in words: `field` is what to leave out to be rid of it."""

    field: str
    text: str


def words(asked: ListFilter, process: str) -> list[Word]:
    """What the list is narrowed to, each for itself; `process` is the name of the one that is asked for."""
    said = {
        "text": f"with “{asked.text}”",
        "process": f"of {process}",
        "status": BY_SLUG[asked.status].word if asked.status else "",
        "since": f"created from {_said(asked.since)} on",
        "until": f"created up to {_said(asked.until)}",
        "by": "started by you" if asked.by == ME else f"started by {asked.by}",
    }
    return [Word(field=field, text=said[field]) for field in asked.given()]


def _said(text: str) -> str:
    return formats.day(date.fromisoformat(text)) if text else ""
