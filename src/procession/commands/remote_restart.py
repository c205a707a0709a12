"""restart against a server instead of a home."""

from __future__ import annotations

from typing import Any

from procession.client.restarts import RestartPlan, TableReadBefore, TakenBack
from procession.commands import plain, remote, remote_views, views
from procession.commands.console import Console
from procession.config import ServerAccess


def restart(console: Console, access: ServerAccess, run_id: str, text: str, **given: Any) -> int:
    """Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        found = client.run(run_id)
        step = found.step(text)
        # Before the restart, which changes it.
        plan = step.restart_plan()
        # As ids: a key that is misspelt is told here, with those that there are.
        released = [found.step(one).id for one in given["release"]]
        wishes = {name: given[name] for name in ("reason", "latest", "latest_tables")}
        found.restart(text, release=released, **wishes)
        details = next(one.details for one in found.steps() if one.id == step.id)
    content = {
        **remote_views.step_content(details),
        "run": found.id,
        "plan": _plan_content(plan),
        "isServerRunning": True,
    }
    line = f"{found.id} starts again from {details.step_order} {views.one_line(details.name)}"
    if plan.newer_version is None or not given["latest"]:
        line += f": {len(plan.runs_again)} steps run again"
    if plan.newer_version is not None:
        line += f"; {views.follows(plan.version, plan.newer_version.version, is_taken=given['latest'])}"
    elif given["latest"]:
        line += f"; it follows version {plan.version}, the newest, already"
    console.answer(content, line)
    return 0


def show_plan(console: Console, access: ServerAccess, run_id: str, text: str) -> int:
    """What restart() would do. Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        found = client.run(run_id)
        plan = found.restart_plan(text)
        steps = {step.id: step.details for step in found.steps()}
    content = _plan_content(plan)
    shown = {id: f"{step.step_order} {plain.line(step.name)}" for id, step in steps.items()}
    text = views.with_tables(remote_views.plan_text(plan, steps), content, shown)
    console.answer({"run": found.id, "plan": content}, text)
    return 0


def _plan_content(plan: RestartPlan) -> dict[str, Any]:
    newer = plan.newer_version
    return {
        "reset": [step.id for step in plan.runs_again],
        "carried": [step.id for step in plan.carried_over],
        "stale": list(plan.stale),
        "repeatsEffects": [step.id for step in plan.repeats_effects],
        "needsRelease": [step.id for step in plan.needs_release],
        "version": plan.version,
        "newerVersion": newer and views.newer_content(newer.version, newer.changes, newer.obstacles),
        "tablesTakenBack": [_taken_back(table) for table in plan.tables_taken_back],
        "tablesRead": [_table_read(read) for read in plan.tables_read],
    }


def _taken_back(table: TakenBack) -> dict[str, Any]:
    return {"table": table.table, "name": table.name, "version": table.version}


def _table_read(read: TableReadBefore) -> dict[str, Any]:
    return {
        "step": read.step,
        "table": read.table,
        "name": read.name,
        "version": read.version,
        "presentVersion": read.present_version,
        "isChanged": read.is_changed,
    }
