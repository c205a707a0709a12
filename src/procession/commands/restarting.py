"""restart: from a step of a run, with the version that it follows or with the newest."""

from __future__ import annotations

from typing import Any

from procession.commands import opening, plain, views
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.ids import RunId
from procession.model.restart import Wish
from procession.operations import planning, runs, table_plans, upgrades
from procession.operations.planning import Planned
from procession.operations.table_plans import PlannedTables, ReadBefore
from procession.operations.table_writes import Undo
from procession.operations.upgrades import Newer
from procession.store.database import Transaction


def restart(console: Console, run_text: str, step_text: str, **given: Any) -> int:
    """Raises NotFound, Invalid."""
    run_id = RunId.parse(run_text)
    with opening.open_home(console) as opened:
        planned, newer, tables = _plan(opened, run_id, step_text)
        step = planned.steps[planned.plan.key]
        # By key, id or order, as the step itself: people copy what they see.
        released = frozenset(_key(opened, run_id, text) for text in given["release"])
        wish = Wish(
            reason=given["reason"],
            release=released,
            takes_latest=given["latest"],
            reads_latest=given["latest_tables"],
        )

        def operation(tx: Transaction) -> Any:
            return runs.restart(opening.operator(tx, opened), run_id, step.id, wish=wish)

        # The plan was made in another transaction; the operation makes it anew and decides by that one.
        row = opened.database.write(operation)
        is_awake = opened.home.is_awake()
    content = {
        **views.step_content(row),
        "run": str(run_id),
        "plan": _content(planned, newer, tables),
        "isServerRunning": is_awake,
    }
    text = f"{run_id} starts again from {row.order} {views.one_line(row.name)}"
    if newer is None or not wish.takes_latest:
        text += f": {len(planned.plan.again)} steps run again"
    if newer is not None:
        text += f"; {views.follows(planned.run.version, newer.version, is_taken=wish.takes_latest)}"
    elif wish.takes_latest:
        text += f"; it follows version {planned.run.version}, the newest, already"
    console.answer(content, text if is_awake else f"{text}; it begins as soon as a server is started")
    return 0


def show_plan(console: Console, run_text: str, step_text: str) -> int:
    """What restart() would do. Raises NotFound, Invalid."""
    run_id = RunId.parse(run_text)
    with opening.open_home(console) as opened:
        planned, newer, tables = _plan(opened, run_id, step_text)
    content = _content(planned, newer, tables)
    shown = {str(step.id): f"{step.order} {plain.line(step.name)}" for step in planned.steps.values()}
    text = views.with_tables(views.plan_text(planned, newer), content, shown)
    console.answer({"run": str(run_id), "plan": content}, text)
    return 0


def _plan(opened: OpenedHome, run_id: RunId, text: str) -> tuple[Planned, Newer | None, PlannedTables]:
    with opened.database.snapshot() as tx:
        step = opening.find_step(tx, run_id, text)
        planned = runs.restart_plan(tx, opened.resources, run_id, step.id)
        return planned, upgrades.find(tx, planned), table_plans.make(tx, planned)


def _content(planned: Planned, newer: Newer | None, tables: PlannedTables) -> dict[str, Any]:
    content = None if newer is None else views.newer_content(newer.version, newer.changes, newer.obstacles)
    return {
        **planning.detail(planned),
        "version": planned.run.version,
        "newerVersion": content,
        "tablesTakenBack": [_taken_back(undo) for undo in tables.taken_back],
        "tablesRead": [_table_read(read) for read in tables.read],
    }


def _taken_back(undo: Undo) -> dict[str, Any]:
    table = undo.present.table
    return {"table": str(table.id), "name": table.name, "version": undo.to}


def _table_read(read: ReadBefore) -> dict[str, Any]:
    return {
        "step": str(read.step.id),
        "table": str(read.table),
        "name": read.name,
        "version": read.version,
        "presentVersion": read.present,
        "isChanged": read.is_changed,
    }


def _key(opened: OpenedHome, run_id: RunId, text: str) -> str:
    """The key of the step that the user named by key, id or order."""
    with opened.database.read() as tx:
        return opening.find_step(tx, run_id, text).key
