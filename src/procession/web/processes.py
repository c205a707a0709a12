"""The list of processes: find one and start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from procession.door.contract import Call, HtmlReply
from procession.model.errors import Invalid
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_FINAL, Outcome, RunStatus
from procession.model.people import Role, UserRole
from procession.model.rights import USER_ROLE_RANK, covers
from procession.model.runs import Run, RunEntry
from procession.operations import processes, rights, run_lists
from procession.pages import charts, statuses
from procession.pages.charts import Mark
from procession.pages.statuses import Tag
from procession.store.processes import ProcessRow
from procession.web import sorting
from procession.web.listing import page_of
from procession.web.page import page
from procession.web.sorting import Order

STRIP_RUNS = 12
TEXT_CHARACTERS_MAX = 200
SHOWS = {"": "All that I may see", "mine": "Mine to run", "failing": "Failing"}
ORDERS = ("name", "last")
_FAILED = (RunStatus.FINISHED, Outcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLine:
    """`strip` are its last runs, newest first; `tag` is how the last one is, None before there was one."""

    id: ProcessId
    name: str
    description: str
    role: str
    may_run: bool
    tag: Tag | None
    last_at: datetime | None
    last_address: str
    strip: Sequence[Mark]
    strip_sentence: str


def listed(call: Call) -> HtmlReply:
    query = call.request.query
    text, show = query.get("q", "").strip(), query.get("show", "")
    order = sorting.read(query, ORDERS, "name", greatest_first=("last",))
    if show not in SHOWS:
        raise Invalid(f'"{show[:80]}" is nothing that this list can show; it can show mine and failing')
    if len(text) > TEXT_CHARACTERS_MAX:
        raise Invalid(f"the text to look for is longer than {TEXT_CHARACTERS_MAX} characters")
    visible = processes.found(call.tx, call.caller, text)
    roles = rights.roles_on(call.tx, call.caller.user, [row.id for row in visible])
    matching = _chosen(call, visible, roles, show)
    part = page_of(_sorted(call, matching, order), query)
    return page(
        call,
        call.caller,
        call.now,
        "processes",
        title="Processes",
        entry="/processes",
        lines=_lines(call, part.items, roles),
        part=part,
        order=order,
        total=len(matching),
        q=text,
        show=show,
        shows=SHOWS,
        has_any=bool(visible) or bool(text),
        is_designer=USER_ROLE_RANK[call.caller.user.role] >= USER_ROLE_RANK[UserRole.DESIGNER],
    )


def _sorted(call: Call, matching: Sequence[ProcessRow], order: Order) -> list[ProcessRow]:
    if order.key == "name":
        return order.sorted(matching, {"name": lambda row: row.name.casefold()})
    # Only for this order: it needs a run of every process, not just of those on the page.
    last = run_lists.last_of_each(call.tx, call.caller, [row.id for row in matching], most=1)
    return order.sorted(matching, {"last": lambda row: next(map(_began_at, last[row.id]), None)})


def _began_at(item: RunEntry) -> datetime:
    return item.run.started_at or item.run.created_at


def _chosen(
    call: Call, visible: Sequence[ProcessRow], roles: Mapping[ProcessId, Role], show: str
) -> Sequence[ProcessRow]:
    match show:
        case "mine":
            return [row for row in visible if covers(roles.get(row.id, Role.READER), Role.EXECUTOR)]
        case "failing":
            last = run_lists.last_of_each(call.tx, call.caller, [row.id for row in visible], most=1)
            return [row for row in visible if any(_has_failed(item) for item in last[row.id])]
        case _:
            return visible


def _has_failed(item: RunEntry) -> bool:
    return item.run.status is RunStatus.TIMED_OUT or (item.run.status, item.run.outcome) == _FAILED


def _lines(call: Call, shown: Sequence[ProcessRow], roles: Mapping[ProcessId, Role]) -> list[ProcessLine]:
    ids = [row.id for row in shown]
    descriptions = processes.descriptions(call.tx, ids)
    last = run_lists.last_of_each(call.tx, call.caller, ids, most=STRIP_RUNS)
    missing = run_lists.progress(call.tx, [item for items in last.values() for item in items[:1]]).missing
    return [_line(row, descriptions.get(row.id, ""), roles.get(row.id), last[row.id], missing) for row in shown]


def _line(
    row: ProcessRow,
    description: str,
    role: Role | None,
    last: Sequence[RunEntry],
    missing: Mapping[RunId, Sequence[str]],
) -> ProcessLine:
    newest = last[0].run if last else None
    kinds = [_kind(item) for item in last]
    return ProcessLine(
        id=row.id,
        name=row.name,
        description=description,
        role=(role or "").capitalize(),
        may_run=role is not None and covers(role, Role.EXECUTOR),
        tag=None if newest is None else _tag(newest, len(missing.get(newest.id, ()))),
        last_at=next(map(_began_at, last), None),
        last_address="" if newest is None else f"/runs/{newest.id}",
        strip=charts.strip(kinds),
        strip_sentence=f"Last {len(last)} runs, newest first: {kinds.count('bad')} failed,"
        f" {kinds.count('warn')} with remarks",
    )


def _tag(run: Run, missing: int) -> Tag:
    return statuses.of_run(run.status, run.outcome, missing=missing)


def _kind(item: RunEntry) -> str:
    """The class of its mark; what has not ended, or was cancelled, is grey."""
    run = item.run
    if run.status not in RUN_FINAL or run.status is RunStatus.CANCELLED:
        return "rail"
    return statuses.of_run(run.status, run.outcome).kind
