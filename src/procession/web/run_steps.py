"""The steps of a run as the page shows them: status, message, time line, what each took."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from procession.model.lifecycle import RUN_FINAL, STEP_ACTIVE, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.model.steps import UNDER_WAY, StepRow
from procession.operations.run_views import ShownRun
from procession.pages import formats, statuses
from procession.pages.statuses import Tag
from procession.web import run_words

DENSE_FROM = 30  # steps, from which on rows are lower
MESSAGE_CHARACTERS_MAX = 400  # in the table; the open step has all of it
NARROWEST_PERCENT = 0.8  # of a bar: what took no time is seen all the same
SHORTEST_SECONDS = 1.0  # of the time line
LEAP = 1.4
BLOCKED = "not started: "  # how a message begins that says why a step was not reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar of the time line, in percent of its width."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A row of the table; equal rows look equal, so that only those that differ are sent to a page that is open."""

    id: str
    order: str
    name: str
    group: str
    tag: Tag
    status: StepStatus
    message: str
    is_kept: bool  # by a restart: what it did belongs to an earlier attempt
    is_open: bool
    is_over: bool  # of the run
    started_at: datetime | None
    took: str
    progress: int | None  # percent
    bar: Bar | None

    @property
    def kind(self) -> str:
        """Classes of the row."""
        if self.status is StepStatus.FAILED:
            return "failed"
        later = self.status in (StepStatus.NOT_STARTED, StepStatus.SKIPPED)
        return " ".join([*(["later"] if later else []), *(["sel"] if self.is_open else [])])


def shown(view: ShownRun, *, open_step: StepRow | None, steady: float | None) -> list[ShownStep]:
    """In order."""
    scale, here = _Scale.of(view, steady), _of_attempt(view)
    return [_step(view, row, scale, is_kept=row.id not in here, open_step=open_step) for row in view.steps]


def grouped(steps: Sequence[ShownStep]) -> list[tuple[str, list[ShownStep]]]:
    """The groups as they are headed, "2 Prepare", each with its steps."""
    parts = groupby(steps, key=lambda step: (step.order.partition(".")[0], step.group))
    return [(f"{number} {name}", list(members)) for (number, name), members in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChip:
    """A part of the steps that can be shown alone."""

    name: str  # in the address
    word: str
    count: int
    is_chosen: bool


_PARTS = {
    "": ("All", frozenset(StepStatus)),
    "running": ("Running", STEP_ACTIVE),
    "failed": ("Failed", frozenset({StepStatus.FAILED})),
    "remarks": ("Remarks", frozenset({StepStatus.WARNING})),
    "todo": ("To do", frozenset({StepStatus.NOT_STARTED})),
}


def chips(steps: Sequence[ShownStep], chosen: str) -> list[StepChip]:
    """For a long list; none for one that is seen at a glance. What nothing is in is left out."""
    if len(steps) < DENSE_FROM:
        return []
    present = chosen if chosen in _PARTS else ""
    found = [
        StepChip(name=name, word=word, count=sum(step.status in part for step in steps), is_chosen=name == present)
        for name, (word, part) in _PARTS.items()
    ]
    shown = [chip for chip in found if chip.count or chip.is_chosen]
    return shown if len(shown) > 1 else []


def filtered(steps: Sequence[ShownStep], chosen: str) -> list[ShownStep]:
    """Those of the part with this name; of another name, all."""
    _, part = _PARTS.get(chosen, _PARTS[""])
    return [step for step in steps if step.status in part]


def _of_attempt(view: ShownRun) -> set[object]:
    """Steps that something happened to in the shown attempt; a restart keeps the others as they were."""
    if view.attempt <= 1:
        return {row.id for row in view.steps}
    restart = next(
        (row for row in reversed(view.events) if row.kind is HistoryKind.RESTARTED and row.attempt == view.attempt),
        None,
    )
    kept = set() if restart is None else set(restart.detail.get("carried", ()))
    return {row.id for row in view.steps if str(row.id) not in kept}


def _step(view: ShownRun, row: StepRow, scale: _Scale, *, is_kept: bool, open_step: StepRow | None) -> ShownStep:
    is_over = view.run.status in RUN_FINAL
    is_running = row.status is StepStatus.RUNNING
    seconds = _seconds(view, row, scale.steady)
    return ShownStep(
        id=str(row.id),
        order=row.order,
        name=row.name,
        group=row.group,
        tag=statuses.of_step(row.status, is_over=is_over),
        status=row.status,
        message=message(view, row),
        is_kept=is_kept and row.status is not StepStatus.NOT_STARTED,
        is_open=open_step is not None and open_step.id == row.id,
        is_over=is_over,
        started_at=row.started_at,
        took=formats.duration(seconds) if row.started_at is not None else "",
        progress=round(row.progress * 100) if is_running and row.progress is not None else None,
        bar=None if is_kept else scale.bar(row),
    )


def message(view: ShownRun, row: StepRow, *, most: int = MESSAGE_CHARACTERS_MAX) -> str:
    """What the step says, in the table's words; the seed's "step is currently running" is no news on a page."""
    text = row.message
    if row.status is StepStatus.RUNNING:
        text = row.progress_message
    elif row.status is StepStatus.SKIPPED:
        text = _skipped(view, row)
    elif row.status is StepStatus.NOT_STARTED:
        text = f"because {text.removeprefix(BLOCKED)}" if text.startswith(BLOCKED) else ""
    text = "" if text == UNDER_WAY else text
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _skipped(view: ShownRun, row: StepRow) -> str:
    """With the condition as a sentence: a step that was left out must not look like one that was forgotten."""
    step = view.process.step(row.key)
    text = row.message.removeprefix("skipped: ")
    if step is None:
        return text
    if text.startswith("its skip condition") and step.skip_when is not None:
        return f"because {run_words.condition(view.process, step.skip_when)}"
    if text.startswith("its condition") and step.when is not None:
        return f"runs only when {run_words.condition(view.process, step.when)}"
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Where the time line of the shown attempt begins and ends, in seconds by `_began`."""

    view: ShownRun
    begin: float
    length: float
    steady: float | None

    @classmethod
    def of(cls, view: ShownRun, steady: float | None) -> _Scale:
        kept = _of_attempt(view)
        spans = [span for row in view.steps if row.id in kept and (span := _span(view, row, steady))]
        begin = min((start for start, _ in spans), default=0.0)
        end = max((start + seconds for start, seconds in spans), default=0.0)
        length = max(end - begin, SHORTEST_SECONDS)
        if view.is_present and view.run.status is RunStatus.RUNNING:
            # It grows by leaps: with every second, all bars of a page that is open would be sent again.
            length = SHORTEST_SECONDS * LEAP ** math.ceil(math.log(length / SHORTEST_SECONDS, LEAP))
        return cls(view=view, begin=begin, length=length, steady=steady)

    def bar(self, row: StepRow) -> Bar | None:
        span = _span(self.view, row, self.steady)
        if span is None:
            return None
        start, seconds = span
        width = max(seconds / self.length * 100, NARROWEST_PERCENT)
        x = min(max((start - self.begin) / self.length * 100, 0.0), 100 - NARROWEST_PERCENT)
        kind = statuses.of_step(row.status).kind
        return Bar(x=round(x, 1), width=round(min(width, 100 - x), 1), kind="" if kind == "ok" else kind)


def _seconds(view: ShownRun, row: StepRow, steady: float | None) -> float | None:
    """How long it took; one that was cancelled has no duration of its own, and ended with its run."""
    ended = view.run.duration_seconds
    if row.status is StepStatus.CANCELLED and row.began is not None and ended is not None:
        return max(ended - row.began, 0.0)
    return row.seconds(steady)


def _span(view: ShownRun, row: StepRow, steady: float | None) -> tuple[float, float] | None:
    """When the step began and how long it took, in seconds.

    By the run's stopwatch, which counts no waiting between attempts. It keeps the present attempt only: an earlier one
    is drawn by its dates, which is a picture and no figure.
    """
    seconds = _seconds(view, row, steady)
    if row.started_at is None or seconds is None or row.status is StepStatus.NOT_STARTED:
        return None
    if view.is_present:
        return (row.began or 0.0), seconds
    return row.started_at.timestamp(), seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many steps there are of each kind; those that are left out by a condition count as done."""

    all: int
    done: int
    remarks: int
    failed: int
    running: int
    not_reached: int

    def sentence(self, status: RunStatus) -> str:
        """ "6 done, 1 failed, 2 not reached"."""
        parts = [f"{self.done} of {self.all} done"]
        if self.remarks:
            parts.append(f"{self.remarks} with remarks")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.not_reached:
            parts.append(f"{self.not_reached} {'not reached' if status in RUN_FINAL else 'to do'}")
        return ", ".join(parts)


_DONE = frozenset({StepStatus.SUCCESS, StepStatus.WARNING, StepStatus.SKIPPED})


def counts(view: ShownRun) -> Counts:
    found = [row.status for row in view.steps]
    return Counts(
        all=len(found),
        done=sum(status in _DONE for status in found),
        remarks=found.count(StepStatus.WARNING),
        failed=found.count(StepStatus.FAILED),
        running=found.count(StepStatus.RUNNING),
        not_reached=found.count(StepStatus.NOT_STARTED) + found.count(StepStatus.SCHEDULED),
    )


def default_open(view: ShownRun) -> StepRow | None:
    """The step that the page opens on: the first that failed, else the one at work."""
    wanted = (StepStatus.FAILED, StepStatus.RUNNING, StepStatus.CANCELLED, StepStatus.WARNING)
    return next((row for status in wanted for row in _of_status(view, status)), None)


def _of_status(view: ShownRun, status: StepStatus) -> Iterator[StepRow]:
    return (row for row in view.steps if row.status is status)
