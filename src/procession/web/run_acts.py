"""What people do to a run from its page: start, cancel, restart from a step after its plan, copy its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from procession.door.contract import Call, HtmlReply, RedirectReply
from procession.model.errors import Invalid
from procession.model.ids import RunId, StepId
from procession.model.processes import StepKind
from procession.model.restart import Wish
from procession.model.steps import StepRow
from procession.operations import approved_tables, copying, run_views, runs, table_plans, upgrades
from procession.operations.planning import Planned
from procession.web import run_now, run_words
from procession.web.forms import Form
from procession.web.page import fragment, page

PLAN_DIGITS = 16  # of the hash by which a plan is known again


def start(call: Call, form: Form) -> RedirectReply:
    run = runs.start(call.act, call.id(RunId))
    call.context.announce(call.tx, run.id)
    return _to(run.id)


def cancel(call: Call, form: Form) -> RedirectReply:
    """One that has ended meanwhile stays as it is, and its page says so."""
    run = runs.cancel(call.act, call.id(RunId), reason=form.one("reason").strip())
    call.context.announce(call.tx, run.id)
    return _to(run.id)


def copy(call: Call, form: Form) -> RedirectReply:
    """Values and files of the run into a new one, which has not started."""
    run = copying.copy_inputs(call.act, call.id(RunId))
    call.context.announce(call.tx, run.id)
    return _to(run.id)


def _to(run: RunId) -> RedirectReply:
    return RedirectReply(location=f"/runs/{run}")


# --- restart -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Refilled:
    """The form as it was sent, and what is wrong with it."""

    reason: str = ""
    ticked: frozenset[str] = frozenset()
    typed: dict[str, str] | None = None
    takes_latest: bool = False
    reads_latest: bool = False
    mistakes: tuple[str, ...] = ()


def plan(call: Call) -> HtmlReply:
    """For the dialog, and a page of its own where there is no script. `?tables=latest` ticks their box."""
    planned = _planned(call)
    sent = Refilled(reads_latest=call.request.query.get("tables") == "latest")
    if "hx-request" in call.request.headers:
        return fragment(call, call.caller, call.now, "restart-plan", is_dialog=True, **_content(call, planned, sent))
    return _page(call, planned, sent, status=200)


def restart(call: Call, form: Form) -> RedirectReply | HtmlReply:
    """Only what was shown is done: a plan that has changed since is shown anew."""
    planned = _planned(call)
    sent = _sent(form, planned)
    # Told in the form, where the reason that was typed is still there.
    if sent.reads_latest and (why := approved_tables.obstacle(call.tx, planned)):
        sent = replace(sent, mistakes=(*sent.mistakes, why[:1].upper() + why[1:]))
    if sent.mistakes:
        return _page(call, planned, sent, status=400)
    # Made anew in this transaction from what the form named: the plan on the page was only looked at.
    step = runs.restart(
        call.act,
        call.id(RunId),
        call.id(StepId),
        wish=Wish(
            reason=sent.reason,
            release=frozenset(planned.plan.needs_release),
            takes_latest=sent.takes_latest,
            reads_latest=sent.reads_latest,
        ),
    )
    call.context.announce(call.tx, step.run)
    return _to(call.id(RunId))


def _planned(call: Call) -> Planned:
    return runs.restart_plan(call.tx, call.context.resources, call.id(RunId), call.id(StepId))


def _sent(form: Form, planned: Planned) -> Refilled:
    reason, ticked = form.one("reason").strip(), frozenset(form.all("repeat"))
    typed = {str(row.id): form.one(f"release-{row.id}").strip() for row in _rows(planned, planned.plan.needs_release)}
    return Refilled(
        reason=reason,
        ticked=ticked,
        typed=typed,
        takes_latest=form.has("latest"),
        reads_latest=form.has("tables"),
        mistakes=tuple(_mistakes(planned, reason, ticked, typed, form.one("plan"))),
    )


def _mistakes(planned: Planned, reason: str, ticked: frozenset[str], typed: dict[str, str], seen: str) -> Iterator[str]:
    if seen != _mark(planned):
        yield "The run or its process has changed since this plan was shown; look at it again"
    if not reason:
        yield "Say why: the reason is kept in the history"
    if len(reason) > runs.REASON_CHARACTERS_MAX:
        yield f"The reason has {len(reason):,} characters; at most {runs.REASON_CHARACTERS_MAX:,} are kept"
    for row in _rows(planned, planned.plan.repeated_effects):
        # A step that happens once is released by its name, which says more than a tick.
        if row.key not in planned.plan.needs_release and str(row.id) not in ticked:
            yield f"Tick that step {row.order}, {row.name}, may do again what it does outside"
    for row in _rows(planned, planned.plan.needs_release):
        if typed[str(row.id)] != row.name:
            yield f'Type the name of step {row.order}, "{row.name}", to release it'


def _mark(planned: Planned) -> str:
    """The plan and the run's state, in short."""
    plan = planned.plan
    said = "|".join([str(planned.run.attempt), str(planned.run.version), *plan.again, "/", *plan.repeated_effects])
    return hashlib.sha256(said.encode()).hexdigest()[:PLAN_DIGITS]


def _rows(planned: Planned, keys: Iterable[str]) -> list[StepRow]:
    return [planned.steps[key] for key in keys]


def _content(call: Call, planned: Planned, sent: Refilled) -> dict[str, Any]:
    view = run_views.of_run(call.tx, call.caller, planned.run.id)
    named = planned.steps[planned.plan.key]
    if not named.enabled:
        raise Invalid(f"step {named.order} is disabled and cannot be restarted")
    held = set(planned.plan.needs_release)
    again, kept = _rows(planned, planned.plan.again), _rows(planned, planned.plan.carried)
    return {
        "run": planned.run,
        "titles": run_words.title(view),
        "step": named,
        "again": again,
        "kept": _ranges(kept),
        "kept_count": len(kept),
        "stale": _rows(planned, planned.plan.stale),
        "repeated": [row for row in _rows(planned, planned.plan.repeated_effects) if row.key not in held],
        "held": _rows(planned, planned.plan.needs_release),
        "mark": _mark(planned),
        "newer": upgrades.find(call.tx, planned),
        "tables": table_plans.make(call.tx, planned),
        "sent": sent,
        "typed": sent.typed or {},
        "explanation": run_now.explanation(view, named) if named.status == "Failed" else None,
        "has_code": any(row.kind is StepKind.ACTION for row in again),
    }


def _ranges(rows: Sequence[StepRow]) -> list[str]:
    """Data steps that follow one another as one line: "1.1 to 1.4, inputs and results of this run"."""
    lines: list[str] = []
    waiting: list[StepRow] = []
    for row in (*rows, None):
        if row is not None and row.kind is StepKind.DATA:
            waiting.append(row)
            continue
        if len(waiting) > 1:
            lines.append(f"{waiting[0].order} to {waiting[-1].order}, the inputs of this run")
        else:
            lines += [f"{one.order} {one.name}" for one in waiting]
        waiting = []
        if row is not None:
            lines.append(f"{row.order} {row.name}")
    return lines


def _page(call: Call, planned: Planned, sent: Refilled, *, status: int) -> HtmlReply:
    step = planned.steps[planned.plan.key]
    title = f"{'Error: ' if sent.mistakes else ''}Restart from step {step.order}"
    content = {**_content(call, planned, sent), "is_dialog": False, "status_code": status}
    return page(call, call.caller, call.now, "restart", title=title, entry="/runs", **content)
