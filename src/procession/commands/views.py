"""Runs, steps and plans as commands show them: text for people, the API's names for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from procession.commands import plain, watching, wording
from procession.commands.watching import RunView, StepView
from procession.model.lifecycle import StepStatus
from procession.model.runs import Run
from procession.model.steps import UNDER_WAY, StepRow
from procession.operations.planning import Planned
from procession.operations.upgrades import Newer


def one_line(text: str) -> str:
    """In quotes and without control characters."""
    return f'"{plain.line(text)}"'


def run_content(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "name": run.name,
        "process": str(run.process),
        "status": run.status,
        "outcome": run.outcome,
        "attempt": run.attempt,
        "dateStarted": date(run.started_at),
        "dateFinished": date(run.finished_at),
        "runDurationInSeconds": _whole(run.duration_seconds),
    }


def step_content(step: StepRow) -> dict[str, Any]:
    return {
        "id": str(step.id),
        "key": step.key,
        "name": step.name,
        "stepOrder": step.order,
        "status": step.status,
        "completionMessage": step.message,
        "dateStarted": date(step.started_at),
        "dateFinished": date(step.finished_at),
        "runDurationInSeconds": _whole(step.duration_seconds),
    }


def date(at: datetime | None) -> str | None:
    # As the API writes it: a script may read from either.
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str | None) -> str:
    """For people, from the text that date() gives."""
    return "" if text is None else wording.moment(datetime.fromisoformat(text))


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)


def view(run: Run, steps: Iterable[StepRow], steady: float | None) -> RunView:
    """What the screen shows of it at the moment `steady`."""
    return RunView(
        name=run.name,
        status=run.status,
        outcome=run.outcome,
        seconds=run.seconds(steady),
        steps=tuple(_step_view(step, steady) for step in steps),
    )


def _step_view(step: StepRow, steady: float | None) -> StepView:
    message = step.progress_message if step.status is StepStatus.RUNNING else step.message
    return StepView(
        order=step.order,
        name=step.name,
        status=step.status,
        # The mark and the bar say it already.
        message="" if message == UNDER_WAY else message,
        seconds=step.seconds(steady),
        progress=step.progress,
    )


def picture(run: Run, steps: Sequence[StepRow], steady: float | None) -> str:
    """All of it, at one moment."""
    shown = view(run, steps, steady)
    lines = [f"{run.id} {watching.bar(shown)}", *(watching.step_line(step) for step in shown.steps)]
    return "\n".join(lines)


def newer_content(version: int, changes: Sequence[str], obstacles: Sequence[str]) -> dict[str, Any]:
    return {"version": version, "changes": list(changes), "obstacles": list(obstacles)}


def newer_rows(present: int, newest: int, changes: Sequence[str], obstacles: Sequence[str]) -> list[tuple[str, str]]:
    """Rows about a newer version than the run's."""
    how = "not possible from here: " + "; ".join(obstacles) if obstacles else "--latest takes it"
    rows = [(f"newer version {newest}, the run follows {present}", how), ("what differs in it", "; ".join(changes))]
    return [(name, plain.line(text)) for name, text in rows]


def with_tables(text: str, plan: Mapping[str, Any], steps: Mapping[str, str]) -> str:
    """The text of a plan with the tables of its content; `steps`: how each is shown, by id."""
    back = [f"{one_line(one['name'])} {_back(one['version'])}" for one in plan["tablesTakenBack"]]
    read = [f"{one_line(one['name'])} by {steps[one['step']]}: {_versions(one)}" for one in plan["tablesRead"]]
    rows = (("tables taken back", back), ("tables read again", read))
    return "\n".join([text, *(f"{name}: {', '.join(found)}" for name, found in rows if found)])


def _back(version: int | None) -> str:
    return "stays as it is, others have changed it since" if version is None else f"to version {version}"


def _versions(read: Mapping[str, Any]) -> str:
    changed = f", version {read['presentVersion']} has other rows (--latest-tables reads it)"
    return f"version {read['version']}{changed if read['isChanged'] else ''}"


def follows(present: int, newest: int, *, is_taken: bool) -> str:
    if is_taken:
        return f"it follows version {newest} now, version {present} before"
    return f"it follows version {present}, and there is version {newest} (--latest takes it)"


def plan_text(planned: Planned, newer: Newer | None) -> str:
    plan = planned.plan

    def named(keys: Sequence[str]) -> str:
        return ", ".join(f"{planned.steps[key].order} {plain.line(planned.steps[key].name)}" for key in keys) or "none"

    rows = [
        ("run again", named(plan.again)),
        ("kept as they are", named(plan.carried)),
        ("kept, but made from what changes", named(plan.stale)),
        ("effects that happen again", named(plan.repeated_effects)),
        ("must be released by name", ", ".join(plan.needs_release) or "none"),
    ]
    if newer is not None:
        rows += newer_rows(planned.run.version, newer.version, newer.changes, newer.obstacles)
    return "\n".join(f"{name}: {text}" for name, text in rows)
