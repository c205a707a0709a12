"""What a row of a list says about a run: how it is, why, since when, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from procession.model.lifecycle import RunStatus
from procession.model.runs import RunEntry
from procession.model.steps import StepRow
from procession.operations.run_lists import UnderWay
from procession.pages import names, statuses
from procession.pages.statuses import Tag

NAMED_MAX = 5  # missing inputs that are named; the page of the run has all


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """`reason` is why it is as it is, in a line; `is_bad` shows it in red. `seconds` None: it has not begun."""

    id: str
    address: str
    name: str
    title: str
    process: str
    process_address: str
    tag: Tag
    reason: str
    is_bad: bool
    started_at: datetime | None
    seconds: float | None
    person: str
    lacks_inputs: bool = False
    steps_done: int = 0
    steps: int = 0
    attempt: int = 0


def rows(listed: Iterable[RunEntry], progress: UnderWay, *, steady: float | None) -> list[RunRow]:
    return [row(item, progress, steady=steady) for item in listed]


def row(item: RunEntry, progress: UnderWay, *, steady: float | None) -> RunRow:
    run = item.run
    missing = progress.missing.get(run.id, ())
    done, steps = progress.done.get(run.id, (0, 0))
    return RunRow(
        id=str(run.id),
        address=f"/runs/{run.id}",
        name=names.run_name(run.name, item.process_name),
        title=names.title(run.name, item.process_name),
        process=item.process_name,
        process_address=f"/processes/{run.process}",
        tag=statuses.of_run(run.status, run.outcome, missing=len(missing)),
        reason=_reason(item, progress.running.get(run.id, ()), missing),
        is_bad=statuses.of_run(run.status, run.outcome).kind == "bad",
        started_at=run.started_at,
        seconds=run.seconds(steady),
        person=item.person,
        lacks_inputs=bool(missing),
        steps_done=done,
        steps=steps,
        attempt=run.attempt,
    )


def _reason(item: RunEntry, running: Sequence[StepRow], missing: Sequence[str]) -> str:
    match item.run.status:
        case RunStatus.NOT_STARTED:
            return _lacking(missing)
        case RunStatus.SCHEDULED:
            return "Starts as soon as a place is free"
        case RunStatus.RUNNING:
            return at(running)
        case RunStatus.CANCELLED if item.problem is not None:
            return f"“{names.first_line(item.problem.message)}”"
        case RunStatus.TIMED_OUT if item.problem is None:
            return "Stopped at its time limit"
    if item.problem is None:
        return ""
    return f"{item.problem.order} {names.first_line(item.problem.message) or item.problem.name}".strip()


def _lacking(missing: Sequence[str]) -> str:
    if not missing:
        return "Has all its inputs"
    named = ", ".join(missing[:NAMED_MAX])
    more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
    return f"{len(missing)} {'input' if len(missing) == 1 else 'inputs'} missing: {named}{more}"


def at(running: Sequence[StepRow]) -> str:
    """Which steps are under way: "3.1 Match orders", "3 steps at the same time"."""
    if not running:
        return "Between two steps"
    first = f"{running[0].order} {running[0].name}"
    return first if len(running) == 1 else f"{len(running)} steps at the same time"


def told(item: RunEntry) -> str:
    """The reason as a sentence of its own: "Step 3.1, Match orders: the file has no column order_id"."""
    problem = item.problem
    if problem is None or problem.step is None:
        return "Stopped at its time limit" if item.run.status is RunStatus.TIMED_OUT else ""
    place = f"Step {problem.order}, {problem.name}"
    message = names.first_line(problem.message)
    return f"{place}: {message}" if message else place
