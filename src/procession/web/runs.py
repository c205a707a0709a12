"""The list of runs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import msgspec

from procession.door.contract import Call, HtmlReply, RedirectReply
from procession.model.errors import Invalid, NotFound
from procession.model.ids import RunId
from procession.model.people import Role
from procession.model.rights import covers
from procession.model.runs import RunEntry, RunFilter
from procession.operations import processes, rights, run_lists, runs
from procession.operations.run_lists import COUNTED_MAX, RunPage
from procession.web import run_filters, run_rows, sorting
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.run_filters import CHIPS, OLDEST_FIRST, Chip, ListFilter
from procession.web.run_rows import RunRow

SHOWN = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedChip:
    chip: Chip
    count: str
    address: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A part of the filter that could be left out, and how many runs there would be then."""

    text: str
    address: str
    count: int


def listed(call: Call) -> HtmlReply:
    asked = run_filters.read(call.request.query)
    zone = reader(call.caller.user, call.now).zone
    shown = run_lists.numbered(call.tx, run_filters.applied(call.tx, call.caller, asked, zone))
    found = (_oldest_first if asked.order else _newest_first)(call, shown)
    return listed_from(call, asked, shown, found)


def _newest_first(call: Call, shown: RunFilter) -> RunPage:
    before, after = _edges(call.request.query.get("cursor", ""))
    found = run_lists.page(call.tx, call.caller, shown, before=before, after=after, limit=SHOWN)
    # Whoever goes back to the newest comes to the first page, with all that has come since.
    if after is not None and not found.newer:
        return run_lists.page(call.tx, call.caller, shown, limit=SHOWN)
    return found


def _oldest_first(call: Call, shown: RunFilter) -> RunPage:
    before, after = _edges(call.request.query.get("cursor", ""))
    if before is not None:
        found = run_lists.page(call.tx, call.caller, shown, before=before, limit=SHOWN)
        # Less than a page is a part of the first one.
        if found.older:
            return msgspec.structs.replace(found, runs=found.runs[::-1])
    return run_lists.page_upwards(call.tx, call.caller, shown, after=after, limit=SHOWN)


def listed_from(call: Call, asked: ListFilter, shown: RunFilter, found: RunPage) -> HtmlReply:
    counts = run_lists.counts(call.tx, call.caller, replace(shown, needs_person=False))
    needing = run_lists.count(call.tx, call.caller, replace(shown, status=None, outcome=None, needs_person=True))
    visible = processes.listed(call.tx, call.caller)
    names = {str(row.id): row.name for row in visible}
    words = run_filters.words(asked, names.get(asked.process, asked.process))
    parts = [needing] if shown.needs_person else [many for key, many in counts.items() if _is_of(asked, key)]
    progress = run_lists.progress(call.tx, found.runs)
    rows = run_rows.rows(found.runs, progress, steady=call.context.resources.steady())
    live = _live(call, found, rows)
    return page(
        call,
        call.caller,
        call.now,
        "runs",
        title="Runs",
        entry="/runs",
        asked=asked,
        words=words,
        rows=rows,
        processes=visible,
        chips=[*_chips(asked, counts), _chip(asked, run_filters.NEEDS, needing)],
        every=CountedChip(
            chip=CHIPS[0],
            count=capped(sum(counts.values()), counts.values()),
            address=asked.but("").address(),
            is_current=not asked.status,
        ),
        total=capped(sum(parts), parts),
        order=sorting.read(call.request.query, (OLDEST_FIRST,), f"-{OLDEST_FIRST}"),
        **_around(asked, found),
        searched=found.searched_to is not None,
        searched_most=reader(call.caller.user, call.now).whole(run_lists.SEARCHED_MAX),
        here=asked.address(cursor=call.request.query.get("cursor", "")),
        live=live,
        live_id=f"live-{zlib.crc32(live.encode()):x}",
        offers=list(_offers(call, asked, words)) if not found.runs else [],
        can_act=_can_act(call, found.runs),
        me=call.caller.user.login,
    )


def _edges(cursor: str) -> tuple[RunId | None, RunId | None]:
    """Before which run, or after which one. Raises Invalid."""
    if not cursor:
        return None, None
    try:
        edge = RunId.parse(f"pr-{cursor[1:]}")
        return {"b": (edge, None), "a": (None, edge)}[cursor[0]]
    except (KeyError, NotFound):
        raise Invalid("the address names a page that this list never had; open Runs again") from None


def _is_of(asked: ListFilter, key: Any) -> bool:
    chip = run_filters.BY_SLUG.get(asked.status)
    return chip is None or key == (chip.status, chip.outcome)


def capped(total: int, parts: Any) -> str:
    """Each part stands for so many or more."""
    is_more = any(part >= COUNTED_MAX for part in parts)
    return f"{COUNTED_MAX}+" if is_more or total > COUNTED_MAX else str(total)


def _chips(asked: ListFilter, counts: Any) -> Iterator[CountedChip]:
    for chip in CHIPS:
        yield _chip(asked, chip, counts.get((chip.status, chip.outcome), 0))


def _chip(asked: ListFilter, chip: Chip, many: int) -> CountedChip:
    return CountedChip(
        chip=chip,
        count=capped(many, [many]),
        address=asked.but(chip.slug).address(),
        is_current=asked.status == chip.slug,
    )


def _around(asked: ListFilter, found: RunPage) -> dict[str, str]:
    """The addresses of the pages before and after this one, in the order of the list; "" where there is none."""
    first = found.runs[0].run.id.number if found.runs else 0
    if asked.order:
        upwards = found.runs[-1].run.id if found.newer else found.searched_to
        return {
            "back": asked.address(cursor=f"b{first}") if found.older and first else "",
            "following": "" if upwards is None else asked.address(cursor=f"a{upwards.number}"),
        }
    downwards = found.next_before
    return {
        "back": asked.address(cursor=f"a{first}") if found.newer and first else "",
        "following": "" if downwards is None else asked.address(cursor=f"b{downwards.number}"),
    }


def _live(call: Call, found: RunPage, rows: Sequence[RunRow]) -> str:
    """The address of the stream of this page: which runs it shows, and after which one others are new."""
    ids = ".".join(str(item.run.id.number) for item in found.runs)
    # On any other page a new run would appear where it does not belong.
    is_top = found.runs and not found.newer and not run_filters.read(call.request.query).order
    top = found.runs[0].run.id.number if is_top else 0
    kept = call.request.raw_query.encode("latin-1").decode("utf-8", "replace")
    return f"/runs/live?ids={ids}&top={top}&shown={run_rows.digest(rows)}&asked={quote(kept, safe='')}"


def _offers(call: Call, asked: ListFilter, words: Sequence[run_filters.Word]) -> Iterator[Offer]:
    """Which part of the filter is in the way: the most first."""
    zone = reader(call.caller.user, call.now).zone
    found = []
    for word in words:
        fewer = asked.without(word.field)
        shown = run_filters.applied(call.tx, call.caller, fewer, zone)
        many = run_lists.count(call.tx, call.caller, shown)
        if many:
            found.append(Offer(text=word.text, address=fewer.address(), count=many))
    yield from sorted(found, key=lambda offer: -offer.count)


def _can_act(call: Call, listed_runs: Sequence[RunEntry]) -> bool:
    roles = rights.roles_on(call.tx, call.caller.user, {item.run.process for item in listed_runs})
    return any(covers(role, Role.EXECUTOR) for role in roles.values())


def see(call: Call, form: Form) -> RedirectReply:
    """The end of a run is seen; back to where the button was."""
    run = runs.see(call.act, call.id(RunId))
    call.context.announce(call.tx, run.id)
    return RedirectReply(location="/" if form.one("to") == "home" else f"/runs/{run.id}")
