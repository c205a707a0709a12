"""What needs you: the page that a working day begins with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from procession.door.contract import Call, HtmlReply
from procession.model.ids import ProcessId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.people import Role, UserRole
from procession.model.rights import USER_ROLE_RANK, covers
from procession.model.runs import RunEntry, RunFilter
from procession.operations import approvals, processes, rights, run_lists
from procession.operations.act import Act
from procession.operations.approvals import Approval
from procession.operations.run_lists import COUNTED_MAX
from procession.pages import charts, formats
from procession.pages.charts import DayBar
from procession.web import run_filters, run_rows
from procession.web.page import page, reader
from procession.web.run_rows import RunRow

NEEDS_MAX = 20  # shown; the list of runs has all
RUNNING_MAX = 10
DAYS = 7
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A run that needs somebody: `verb` is what there is to do, `may_act` whether the reader may do it."""

    row: RunRow
    reason: str
    verb: str
    is_own: bool
    may_act: bool
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What changes while the page is open."""

    asked: Sequence[Approval]  # what the reader may decide
    needs: Sequence[Need]
    needs_count: str
    running: Sequence[RunRow]
    running_count: str

    def digest(self) -> str:
        """What tells a page that is open from what it would be now."""
        asked = ",".join(f"{one.row.attempt}:{len(one.votes)}" for one in self.asked)
        return run_rows.digest([*(need.row for need in self.needs), *self.running]) + (f"-{asked}" if asked else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    bars: Sequence[DayBar]
    sentence: str
    finished: int
    remarks: int
    failed: int


def show(call: Call) -> HtmlReply:
    """Raises nothing: whoever has signed in has a home."""
    visible = processes.listed(call.tx, call.caller)
    own = reader(call.caller.user, call.now)
    today = call.now.astimezone(own.zone).date()
    return page(
        call,
        call.caller,
        call.now,
        "home",
        title="What needs you",
        entry="/",
        present=now(call.act),
        today=f"{WEEKDAYS[today.weekday()]} {formats.day(today)}",
        week=_week(call, today),
        is_new=not visible,
        has_runs=any(row.runs_created for row in visible),
        is_designer=USER_ROLE_RANK[call.caller.user.role] >= USER_ROLE_RANK[UserRole.DESIGNER],
    )


def now(act: Act) -> Now:
    """What needs the reader, and what is running, at this moment."""
    tx, caller = act.tx, act.caller
    open_runs = run_lists.unsolved(tx, caller, limit=NEEDS_MAX)
    waiting = _waiting(act)
    running = run_lists.page(tx, caller, RunFilter(status=RunStatus.RUNNING), limit=RUNNING_MAX)
    progress = run_lists.progress(tx, [*running.runs, *waiting])
    roles = rights.roles_on(tx, caller.user, {item.run.process for item in (*open_runs, *waiting)})
    steady = act.resources.steady()
    shown = [_need(act, item, run_rows.row(item, progress, steady=steady), roles) for item in (*open_runs, *waiting)]
    # A run that lacks nothing waits for no input: it is started when somebody wants it.
    needs = [need for need in shown if need.is_over or need.row.lacks_inputs]
    # Without a count of its own: whoever has more than a page of them decides these first.
    asked = approvals.waiting_for(tx, caller.user.id, limit=NEEDS_MAX)
    many = run_lists.count_unsolved(tx, caller) + len(needs) - len(open_runs) + len(asked)
    under_way = run_lists.count(tx, caller, RunFilter(status=RunStatus.RUNNING))
    return Now(
        asked=asked,
        needs=sorted(needs, key=lambda need: not need.is_own)[:NEEDS_MAX],
        needs_count=_capped(many),
        running=run_rows.rows(running.runs, progress, steady=steady),
        running_count=_capped(under_way),
    )


def _capped(many: int) -> str:
    return f"{COUNTED_MAX}+" if many >= COUNTED_MAX else str(many)


def _waiting(act: Act) -> list[RunEntry]:
    """Runs that were begun and not started, of processes that the reader may run."""
    found = run_lists.page(act.tx, act.caller, RunFilter(status=RunStatus.NOT_STARTED), limit=NEEDS_MAX)
    roles = rights.roles_on(act.tx, act.caller.user, {item.run.process for item in found.runs})
    return [item for item in found.runs if covers(roles.get(item.run.process, Role.READER), Role.EXECUTOR)]


def _need(act: Act, item: RunEntry, row: RunRow, roles: dict[ProcessId, Role]) -> Need:
    is_waiting = item.run.status is RunStatus.NOT_STARTED
    has_remarks = item.run.outcome is Outcome.WARNING
    return Need(
        row=row,
        reason=row.reason if is_waiting else run_rows.told(item),
        # Whoever started it last; before that, whoever filled it in.
        is_own=(item.login or item.run.modified_by) == act.author,
        verb="Add inputs" if is_waiting else "Review" if has_remarks else "Open",
        may_act=covers(roles.get(item.run.process, Role.READER), Role.EXECUTOR),
        is_over=not is_waiting,
    )


def _week(call: Call, today: date) -> Week:
    zone = reader(call.caller.user, call.now).zone
    days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    counted = run_lists.ended_by_day(call.tx, call.caller, [run_filters.midnight(day, zone) for day in days])
    found: Counter[tuple[int, str]] = Counter()
    for day, status, outcome, many in counted:
        if kind := _kind(status, outcome):
            found[day, kind] += many
    parts = [tuple(found[number, kind] for kind in charts.KINDS) for number in range(DAYS)]
    ok, warn, bad = (sum(found[number, kind] for number in range(DAYS)) for kind in charts.KINDS)
    return Week(
        bars=charts.bars([(WEEKDAYS[day.weekday()][:3], part) for day, part in zip(days, parts, strict=True)]),
        sentence=_sentence(days, parts),
        finished=ok,
        remarks=warn,
        failed=bad,
    )


def _kind(status: RunStatus, outcome: Outcome | None) -> str:
    if status is RunStatus.TIMED_OUT:
        return "bad"
    return {Outcome.SUCCESS: "ok", Outcome.WARNING: "warn", Outcome.FAILED: "bad"}[outcome] if outcome else ""


def _sentence(days: Sequence[date], parts: Sequence[Sequence[int]]) -> str:
    """The figures of the chart, for whoever does not see it."""
    ok, warn, bad = (sum(part[place] for part in parts) for place in range(3))
    text = f"Runs that ended in the last {DAYS} days: {ok} finished, {warn} with remarks, {bad} failed."
    most = max(range(len(parts)), key=lambda number: sum(parts[number]))
    if total := sum(parts[most]):
        day = days[most]
        text += f" Most on {WEEKDAYS[day.weekday()]} {formats.day(day)}: {total}, of which {parts[most][2]} failed."
    return text
