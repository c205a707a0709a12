"""Many runs at once: what would happen to each is shown first, then it is done one by one, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from procession.door.contract import HtmlReply, StreamCall
from procession.door.rules import EXECUTE_R
from procession.model.errors import Invalid, NotFound, ProcessionError
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import RUN_ACTIVE, RUN_FINAL, StepStatus
from procession.model.restart import Wish
from procession.model.runs import RunEntry, RunFilter
from procession.operations import processes, rights, run_lists, runs, steps
from procession.operations.act import Act
from procession.operations.planning import Planned
from procession.operations.resources import Resources
from procession.pages import names
from procession.store.database import Transaction
from procession.web import run_filters
from procession.web.forms import Form
from procession.web.page import page, reader
from procession.web.run_filters import ListFilter

RUNS_MAX = 500  # at once: more than that nobody looks through before agreeing to it
ACTS = ("restart", "cancel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One run: what would happen to it, or why nothing would. `mark` is what the form sends back."""

    id: str
    title: str
    mark: str = ""
    step: str = ""
    again: int = 0
    repeats: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRuns:
    """What is to be done with which runs; `words` repeat the filter where all that match were chosen."""

    act: str
    runs: Sequence[RunId]
    words: Sequence[str] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    runs: list[RunId] = field(default_factory=list)
    is_cut: bool = False


async def ask(call: StreamCall, form: Form) -> HtmlReply:
    """The page that says what would happen; it changes nothing."""
    # In a thread of its own: five hundred plans would hold up the writer, or everybody's event loop.
    return await asyncio.to_thread(_ask, call, form)


def _ask(call: StreamCall, form: Form) -> HtmlReply:
    with call.database.snapshot() as tx:
        act = call.admit(tx)
        asked = _read(act, form)
        items = [_planned(act, asked.act, run) for run in asked.runs]
    will = [item for item in items if not item.refusal]
    return page(
        call,
        act.caller,
        act.now,
        "bulk",
        title=_title(asked.act, len(will)),
        entry="/runs",
        act=asked.act,
        will=will,
        refused=[item for item in items if item.refusal],
        steps=sum(item.again for item in will),
        repeats=_repeats(will),
        words=asked.words,
        is_cut=asked.is_cut,
        most=RUNS_MAX,
        asked=_filter_of(form),
        back=_filter_of(form).address(),
    )


def _title(act: str, many: int) -> str:
    runs_ = "1 run" if many == 1 else f"{many} runs"
    return f"Restart failed steps of {runs_}?" if act == "restart" else f"Cancel {runs_}?"


def _read(act: Act, form: Form) -> ChosenRuns:
    verb = form.one("do")
    if verb not in ACTS:
        raise Invalid(f'runs can be restarted or cancelled together, and "{verb[:80]}" is neither')
    if not form.one("all"):
        return ChosenRuns(act=verb, runs=_ids(form.all("run")))
    wanted = _filter_of(form)
    shown = run_filters.applied(act.tx, act.caller, wanted, reader(act.caller.user, act.now).zone)
    chosen = _matching(act, shown)
    visible = {str(row.id): row.name for row in processes.listed(act.tx, act.caller)}
    words = [word.text for word in run_filters.words(wanted, visible.get(wanted.process, wanted.process))]
    return ChosenRuns(act=verb, runs=chosen.runs, words=words or ["that you may see"], is_cut=chosen.is_cut)


def _filter_of(form: Form) -> ListFilter:
    found = {name: form.one(f"f-{name}") for name in run_filters.FIELDS}
    wanted = ListFilter(**found)
    # As if it stood in an address: what no list shows is refused in the same words.
    return run_filters.read({"from": wanted.since, "to": wanted.until, **wanted.given()})


def _matching(act: Act, shown: RunFilter) -> _Chosen:
    """The newest that the filter shows, at most RUNS_MAX."""
    chosen, before = _Chosen(), None
    while True:
        found = run_lists.page(act.tx, act.caller, shown, before=before, limit=RUNS_MAX)
        chosen.runs.extend(item.run.id for item in found.runs)
        if len(chosen.runs) >= RUNS_MAX:
            is_cut = found.next_before is not None or len(chosen.runs) > RUNS_MAX
            return _Chosen(runs=chosen.runs[:RUNS_MAX], is_cut=is_cut)
        if (before := found.next_before) is None:
            return chosen


def _ids(texts: Iterable[str]) -> list[RunId]:
    found = list(dict.fromkeys(RunId.parse(text) for text in texts))
    if not found:
        raise Invalid("no run is ticked; go back, tick some and try again")
    if len(found) > RUNS_MAX:
        raise Invalid(f"{len(found)} runs are ticked; at most {RUNS_MAX} can be changed at once")
    return found


def _planned(act: Act, verb: str, run: RunId) -> Item:
    try:
        rights.permit(act.tx, act.caller, EXECUTE_R, {"run": run})
        listed = run_lists.find(act.tx, run)
        return _restarted(act, listed) if verb == "restart" else _cancelled(listed)
    except NotFound as error:
        return Item(id=str(run), title=str(run), refusal=error.message)
    except ProcessionError as error:
        return Item(id=str(run), title=_name(run_lists.find(act.tx, run)), refusal=error.message)


def _name(listed: RunEntry) -> str:
    return names.title(listed.run.name, listed.process_name)


def _cancelled(listed: RunEntry) -> Item:
    run = listed.run
    if run.status in RUN_ACTIVE:
        return Item(id=str(run.id), title=_name(listed), mark=f"{run.id}.{run.attempt}")
    why = "it has ended already" if run.status in RUN_FINAL else "it has not started"
    return Item(id=str(run.id), title=_name(listed), refusal=why)


def _restarted(act: Act, listed: RunEntry) -> Item:
    run = listed.run
    planned = _plan(act.tx, act.resources, run.id)
    step = planned.steps[planned.plan.key]
    return Item(
        id=str(run.id),
        title=_name(listed),
        mark=f"{run.id}.{run.attempt}",
        step=f"{step.order} {step.name}",
        again=len(planned.plan.again),
        repeats=tuple(f"{planned.steps[key].order} {planned.steps[key].name}" for key in planned.plan.repeated_effects),
    )


def _plan(tx: Transaction, resources: Resources, run_id: RunId) -> Planned:
    """From the failed step on. Raises Invalid where that is not all that failed, or nobody may decide it for many."""
    run = runs.find(tx, run_id)
    if run.status in RUN_ACTIVE:
        raise Invalid("it is running" if run.status == "Running" else "it is queued")
    failed = _failed(tx, run_id)
    if not failed:
        raise Invalid("no step of it has failed")
    planned = runs.restart_plan(tx, resources, run_id, failed[0])
    left = [step for step in failed if not any(planned.steps[key].id == step for key in planned.plan.again)]
    if left:
        raise Invalid("several of its steps failed that do not follow each other; choose one of them on its page")
    if planned.plan.needs_release:
        step = planned.steps[planned.plan.needs_release[0]]
        raise Invalid(f"step {step.order}, {step.name}, must not happen twice, or is in doubt; release it on its page")
    return planned


def _failed(tx: Transaction, run: RunId) -> list[StepId]:
    return [step.id for step in steps.of_run(tx, run) if step.status is StepStatus.FAILED and step.enabled]


def _repeats(items: Iterable[Item]) -> list[tuple[str, int]]:
    """Steps whose effect outside would happen again, and in how many runs."""
    found: dict[str, int] = {}
    for item in items:
        for step in item.repeats:
            found[step] = found.get(step, 0) + 1
    return list(found.items())


async def perform(call: StreamCall, form: Form) -> HtmlReply:
    """One after the other, each in a transaction of its own; the answer says what came of each.

    It is the answer itself and no redirect: sent again, it finds the attempt that it was agreed for gone.
    """
    act, reason = form.one("do"), form.one("reason").strip()
    marks = form.all("run")
    if act not in ACTS or not marks or len(marks) > RUNS_MAX:
        raise Invalid("the form does not say what is to be done with which runs; open Runs again")
    if act == "restart" and not reason:
        raise Invalid("a restart needs a reason, which its history keeps; go back and give one")
    if form.one("has-repeats") and not form.one("repeats"):
        raise Invalid("some steps would have their effect outside again; go back and tick that they may")
    results = [await _perform(call, act, mark, reason) for mark in marks]
    done = [item for item in results if not item.refusal]
    refused = [item for item in results if item.refusal]
    return page(
        call,
        call.caller,
        call.clock(),
        "bulk-done",
        title=_told(act, len(done), len(refused)),
        entry="/runs",
        act=act,
        done=done,
        refused=refused,
        back=_filter_of(form).address(),
    )


def _told(act: str, done: int, refused: int) -> str:
    verb = "restarted" if act == "restart" else "cancelled"
    return f"{done} {verb}, {refused} not" if refused else f"{done} {verb}"


async def _perform(call: StreamCall, act: str, mark: str, reason: str) -> Item:
    text, _, attempt = mark.partition(".")
    run_id = RunId.parse(text)

    def operation(tx: Transaction) -> str:
        admitted = call.admit(tx)
        rights.permit(tx, admitted.caller, EXECUTE_R, {"run": run_id})
        run = runs.find(tx, run_id)
        if str(run.attempt) != attempt:
            raise Invalid("it was restarted since you looked")
        if act == "restart":
            planned = _plan(tx, admitted.resources, run_id)
            step = planned.steps[planned.plan.key]
            runs.restart(admitted, run_id, step.id, wish=Wish(reason=reason))
        elif run.status not in RUN_ACTIVE:
            raise Invalid("it has ended already" if run.status in RUN_FINAL else "it has not started")
        else:
            runs.cancel(admitted, run_id, reason=reason or None)
        call.context.announce(tx, run_id)
        return _title_of(tx, run_id)

    try:
        title = await asyncio.wrap_future(call.database.submit(operation))
    except ProcessionError as error:
        with call.database.read() as tx:
            shown = _title_of(tx, run_id) if not isinstance(error, NotFound) else str(run_id)
        return Item(id=str(run_id), title=shown, refusal=error.message)
    return Item(id=str(run_id), title=title)


def _title_of(tx: Transaction, run: RunId) -> str:
    return _name(run_lists.find(tx, run))
