"""restart against a server instead of a home."""

from __future__ import annotations

from collections.abc import Sequence

from procession.client.shapes import RestartPlan
from procession.commands import remote, remote_views, views
from procession.commands.console import Console
from procession.config import ServerAccess


def restart(
    console: Console, access: ServerAccess, run_id: str, text: str, *, reason: str | None, release: Sequence[str]
) -> int:
    """Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        found = client.run(run_id)
        step = found.step(text)
        plan = step.restart_plan()
        released = [found.step(one).id for one in release]
        step.restart(reason=reason, release=released)
        details = next(one.details for one in found.steps() if one.id == step.id)
    content = {
        **remote_views.step_content(details),
        "run": found.id,
        "plan": _plan_content(plan),
        "isServerRunning": True,
    }
    again = len(plan.runs_again)
    name = views.one_line(details.name)
    console.answer(content, f"{found.id} starts again from {details.step_order} {name}: {again} steps run again")
    return 0


def show_plan(console: Console, access: ServerAccess, run_id: str, text: str) -> int:
    """What restart() would do. Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        found = client.run(run_id)
        plan = found.restart_plan(text)
        steps = {step.id: step.details for step in found.steps()}
    console.answer({"run": found.id, "plan": _plan_content(plan)}, remote_views.plan_text(plan, steps))
    return 0


def _plan_content(plan: RestartPlan) -> dict[str, list[str]]:
    return {
        "reset": [step.id for step in plan.runs_again],
        "carried": [step.id for step in plan.carried_over],
        "stale": list(plan.stale),
        "repeatsEffects": [step.id for step in plan.repeats_effects],
        "needsRelease": [step.id for step in plan.needs_release],
    }
