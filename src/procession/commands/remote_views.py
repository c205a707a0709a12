"""Shapes of the client as views of the command line (commands/views)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from procession.client.restarts import PlannedStep, RestartPlan
from procession.client.shapes import Progress, RunDetails, RunStatus, StepDetails, StepStatus
from procession.commands import plain, views, watching
from procession.commands.watching import RunView, StepView
from procession.model.steps import UNDER_WAY

DATES_DIFFER_SECONDS = 0.1  # from a duration: they are taken a moment later


def run_content(details: RunDetails, status: RunStatus) -> dict[str, Any]:
    return {
        "id": details.id,
        "name": details.name,
        "process": details.process,
        "status": status.status,
        "outcome": status.outcome,
        "attempt": status.attempt,
        "dateStarted": views.date(status.date_started),
        "dateFinished": views.date(status.date_finished),
        "runDurationInSeconds": status.duration_seconds,
    }


def step_content(step: StepDetails) -> dict[str, Any]:
    state = step.run_status
    assert state is not None, "asked for with include=all"
    return {
        "id": step.id,
        "key": step.key,
        "name": step.name,
        "stepOrder": step.step_order,
        "status": state.status,
        "completionMessage": state.completion_message,
        "dateStarted": views.date(state.date_started),
        "dateFinished": views.date(state.date_finished),
        "runDurationInSeconds": state.duration_seconds,
    }


def defined_step(step: StepDetails) -> dict[str, Any]:
    return {"id": step.id, "key": step.key, "name": step.name, "stepOrder": step.step_order, "kind": step.kind}


def view(name: str, progress: Progress) -> RunView:
    run = progress.run
    return RunView(
        name=name,
        status=run.status,
        outcome=run.outcome,
        seconds=seconds(run),
        steps=tuple(_step_view(step) for step in progress.steps),
    )


def _step_view(step: StepDetails) -> StepView:
    state = step.run_status
    assert state is not None, "asked for with include=all"
    message = state.progress_message if state.status == "Running" else state.completion_message
    return StepView(
        order=step.step_order,
        name=step.name,
        status=state.status,
        message="" if message == UNDER_WAY else message,
        seconds=seconds(state),
        progress=state.progress,
    )


def seconds(state: RunStatus | StepStatus) -> float | None:
    """The duration on the wire is whole seconds; the dates have milliseconds, but also what lies before a restart."""
    if state.duration_seconds is None:
        return None
    if state.date_started is not None and state.date_finished is not None:
        between = (state.date_finished - state.date_started).total_seconds()
        # Only where both agree may the finer one be shown.
        if -DATES_DIFFER_SECONDS <= between - state.duration_seconds < 1 + DATES_DIFFER_SECONDS:
            return between
    return float(state.duration_seconds)


def picture(name: str, progress: Progress) -> str:
    """All of it, at one moment."""
    shown = view(name, progress)
    return "\n".join([f"{progress.run.id} {watching.bar(shown)}", *map(watching.step_line, shown.steps)])


def plan_text(plan: RestartPlan, steps: Mapping[str, StepDetails]) -> str:
    def named(found: Sequence[PlannedStep]) -> str:
        return ", ".join(f"{step.step_order} {plain.line(step.name)}" for step in found) or "none"

    stale = ", ".join(f"{steps[id].step_order} {plain.line(steps[id].name)}" for id in plan.stale) or "none"
    rows = [
        ("run again", named(plan.runs_again)),
        ("kept as they are", named(plan.carried_over)),
        ("kept, but made from what changes", stale),
        ("effects that happen again", named(plan.repeats_effects)),
        ("must be released by name", ", ".join(steps[step.id].key for step in plan.needs_release) or "none"),
    ]
    newer = plan.newer_version
    if newer is not None:
        rows += views.newer_rows(plan.version, newer.version, newer.changes, newer.obstacles)
    return "\n".join(f"{name}: {text}" for name, text in rows)
