"""The answer that a run's page begins with: is it done, what does it say, if not why, what now."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model import explanations, inputs
from procession.model.explanations import Explanation
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.processes import Flow, PropertyType, StepKind
from procession.model.runs import HistoryKind
from procession.model.steps import StepRow
from procession.operations import run_views
from procession.operations.run_views import ShownRun
from procession.pages import formats, statuses
from procession.pages.statuses import Tag
from procession.web import run_steps, run_words
from procession.web.run_steps import Counts

HEADLINE_CHARACTERS_MAX = 300  # of a result that is shown as the answer; a longer one is among the results
REMARKS_MAX = 20
NAMED_MAX = 3  # steps that run at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStep:
    """A step with what it says."""

    order: str
    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer:
    """What stands in #now. `kind` is a class of the style sheet; `counted`: steps done, of how many.

    `exact` is the failed step's own message; `steps` are remarks, or further steps that failed.
    """

    tag: Tag
    kind: str
    headline: str
    lines: tuple[str, ...] = ()
    counts: Counts | None = None
    exact: str = ""
    failed: NamedStep | None = None
    steps: tuple[NamedStep, ...] = ()


def missing(view: ShownRun) -> int:
    """How many inputs a run lacks that has not started."""
    if view.run.status is not RunStatus.NOT_STARTED:
        return 0
    return len(list(inputs.wanting(view.process, view.properties)))


def tag(view: ShownRun) -> Tag:
    return statuses.of_run(view.run.status, view.run.outcome, missing=missing(view))


def answer(view: ShownRun) -> RunAnswer:
    """By its status."""
    return _ANSWERS[view.run.status](view)


def _not_started(view: ShownRun) -> RunAnswer:
    wanting = tuple(inputs.wanting(view.process, view.properties))
    headline = "This run has not started" if not wanting else f"{_inputs(len(wanting))} before this run can start"
    return RunAnswer(tag=tag(view), kind="warn" if wanting else "", headline=headline, lines=wanting[:REMARKS_MAX])


def _inputs(count: int) -> str:
    return "1 input is missing" if count == 1 else f"{count} inputs are missing"


def _queued(view: ShownRun) -> RunAnswer:
    before = view.waiting_before
    number = f"{run_views.BEFORE_SHOWN_MAX}+" if before > run_views.BEFORE_SHOWN_MAX else str(before)
    place = "nobody is before it" if not before else f"{number} {'is' if before == 1 else 'are'} before it"
    line = f"It starts as soon as a place is free; {place}."
    return RunAnswer(tag=tag(view), kind="", headline="Queued", lines=(line,), counts=run_steps.counts(view))


def _running(view: ShownRun) -> RunAnswer:
    at_work = [row for row in view.steps if row.status is StepStatus.RUNNING]
    waiting = [row for row in view.steps if row.status is StepStatus.SCHEDULED]
    failed = next((row for row in view.steps if row.status is StepStatus.FAILED), None)
    lines = [run_steps.message(view, row) for row in at_work] if len(at_work) == 1 else []
    if len(at_work) == 1:
        headline = f"Step {at_work[0].order}, {at_work[0].name}"
    elif at_work:
        headline = f"{len(at_work)} steps at the same time"
        more = f" · and {len(at_work) - NAMED_MAX} more" if len(at_work) > NAMED_MAX else ""
        lines = [" · ".join(f"{row.order} {row.name}" for row in at_work[:NAMED_MAX]) + more]
    elif waiting:
        headline, lines = f"Step {waiting[0].order}, {waiting[0].name}, waits", [waiting[0].message]
    else:
        headline = "Between two steps"
    if failed is not None:
        lines.append(f"Step {failed.order}, {failed.name}, has failed; what does not need it goes on.")
    return RunAnswer(
        tag=tag(view),
        kind="" if failed is None else "bad",
        headline=headline,
        lines=tuple(line for line in lines if line),
        counts=run_steps.counts(view),
    )


def _finished(view: ShownRun) -> RunAnswer:
    if view.run.outcome is Outcome.FAILED:
        return _failed(view)
    said = _said(view)
    remarks = [row for row in view.steps if row.status is StepStatus.WARNING]
    if view.run.outcome is not Outcome.WARNING:
        return RunAnswer(tag=tag(view), kind="ok", headline=said or f"All {len(view.steps)} steps are done")
    count = len(remarks)
    return RunAnswer(
        tag=tag(view),
        kind="warn",
        headline=said or f"Finished with {'a remark' if count == 1 else f'{count} remarks'}",
        steps=_named(view, remarks[:REMARKS_MAX]),
    )


def _said(view: ShownRun) -> str:
    """The first text among the results: what the process wants to tell whoever asked."""
    texts = (PropertyType.STRING, PropertyType.TEXT)
    found = (row.item.value for row in view.properties if row.item.flow is Flow.OUTPUT and row.item.type in texts)
    text = next((str(value) for value in found if value), "")
    return text if len(text) <= HEADLINE_CHARACTERS_MAX else ""


def _named(view: ShownRun, rows: list[StepRow]) -> tuple[NamedStep, ...]:
    return tuple(
        NamedStep(order=row.order, name=row.name, message=run_steps.message(view, row, most=2_000)) for row in rows
    )


def _failed(view: ShownRun) -> RunAnswer:
    failed = [row for row in view.steps if row.status is StepStatus.FAILED]
    if not failed:
        return RunAnswer(tag=tag(view), kind="bad", headline="The run failed", counts=run_steps.counts(view))
    first, *others = failed
    found = explanation(view, first)
    return RunAnswer(
        tag=tag(view),
        kind="bad",
        headline=f"Step {first.order}, {first.name}, failed",
        lines=(found.meaning, found.advice if found.inputs_matter else f"{found.advice} {_kept(view, first)}".strip()),
        exact=first.message,
        failed=_named(view, [first])[0],
        steps=_named(view, others[:REMARKS_MAX]),
    )


def explanation(view: ShownRun, row: StepRow) -> Explanation:
    """What the failure of the step means."""
    step = view.process.step(row.key)
    return explanations.explain(row.message, action=step.action if step and step.kind is StepKind.ACTION else "")


def _kept(view: ShownRun, failed: StepRow) -> str:
    """That a restart does not begin from nothing."""
    done = sum(row.status in (StepStatus.SUCCESS, StepStatus.WARNING) for row in view.steps)
    return f"A restart from step {failed.order} keeps what is done." if done else ""


def _cancelled(view: ShownRun) -> RunAnswer:
    end = next((row for row in reversed(view.events) if row.kind is HistoryKind.CANCELLED), None)
    who = view.who(end.user) if end else "Procession"
    reason = end.detail.get("reason") if end else None
    stopped = [row for row in view.steps if row.status is StepStatus.CANCELLED]
    where = ", ".join(f"step {row.order}, {row.name}" for row in stopped[:NAMED_MAX])
    lines = [f"It was stopped in {where}."] if where else ["No step was at work."]
    return RunAnswer(
        tag=tag(view),
        kind="",
        headline=f"Cancelled by {who}" + (f": {reason}" if reason else ""),
        lines=(*lines, left(view)),
    )


def _timed_out(view: ShownRun) -> RunAnswer:
    limit = formats.duration(view.process.time_limit_seconds)
    at_work = [row for row in view.steps if row.status is StepStatus.FAILED]
    where = f", in step {at_work[-1].order}, {at_work[-1].name}" if at_work else ""
    advice = "If the work was only slow, restart: each attempt has the whole time again."
    return RunAnswer(
        tag=tag(view),
        kind="bad",
        headline=f"Timed out after {limit}, its time limit{where}",
        lines=(advice, left(view)),
        exact=at_work[-1].message if at_work else "",
    )


def left(view: ShownRun) -> str:
    """The proof that nothing is left, by the receipts; or that it is still being ended."""
    receipts = [row for row in view.events if row.kind is HistoryKind.KILLED and row.attempt == view.attempt]
    if any(row.detail.get("survivors") for row in receipts):
        return "Some of its processes could not be ended; tell your administrator."
    if not view.is_gone:
        return "What it had started is being ended."
    ended = sum(int(row.detail.get("processes") or 0) for row in receipts)
    count = f" {ended} {'process was' if ended == 1 else 'processes were'} ended." if ended else ""
    return f"Nothing that it started is left.{count}"


_ANSWERS = {
    RunStatus.NOT_STARTED: _not_started,
    RunStatus.SCHEDULED: _queued,
    RunStatus.RUNNING: _running,
    RunStatus.FINISHED: _finished,
    RunStatus.CANCELLED: _cancelled,
    RunStatus.TIMED_OUT: _timed_out,
}


def page_title(view: ShownRun) -> str:
    """Of the browser's tab: the status first, because a tab shows a few letters."""
    process, name = run_words.title(view)
    counted = run_steps.counts(view)
    word = tag(view).word
    if view.run.status is RunStatus.RUNNING:
        word = f"{word} {counted.done}/{counted.all}"
    return f"{word}: {process}, {name}"
