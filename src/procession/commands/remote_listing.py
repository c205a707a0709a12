"""list and show against a server instead of a home: the same answers, by our client."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import Any

from procession.client import Client
from procession.client.properties import Property
from procession.client.runs import Run
from procession.client.shapes import ListedRun, Progress
from procession.commands import listing, remote, remote_views, showing, views
from procession.commands.console import Console
from procession.commands.listing import ListOptions
from procession.config import ServerAccess
from procession.model import values


def processes(console: Console, access: ServerAccess, limit: int) -> int:
    with remote.opened(access) as client:
        # By the number of the id, because the list has no dates.
        rows = sorted(client.processes(), key=lambda row: int(row.id.rpartition("-")[2]), reverse=True)
        shown = [_process(client, row.id) for row in rows[:limit]]
    listing.tell_processes(console, shown, has_more=len(rows) > limit)
    return 0


def _process(client: Client, process_id: str) -> dict[str, Any]:
    process = client.process(process_id)
    details = process.details()
    return {
        "id": details.id,
        "name": details.name,
        "version": max(version.version for version in process.versions()),
        "dateModified": views.date(details.date_modified),
    }


def runs(console: Console, access: ServerAccess, wanted: ListOptions) -> int:
    """Raises NotFound, Invalid."""
    status, outcome = wanted.split()
    with remote.opened(access) as client:
        process = None if wanted.process is None else client.process(wanted.process).id
        # One more than is shown tells whether there are more.
        found = client.runs(
            page=min(wanted.limit + 1, listing.LIMIT_MAX), process=process, status=status, outcome=outcome
        )
        rows = list(islice(found, wanted.limit + 1))
        # The list has dates only, and two dates are no duration: each run is asked, unless nobody reads it.
        shown = [(_run(row), None if console.json else _seconds(client, row)) for row in rows[: wanted.limit]]
    listing.tell_runs(console, shown, wanted, has_more=len(rows) > wanted.limit)
    return 0


def _seconds(client: Client, row: ListedRun) -> float | None:
    return None if row.date_finished is None else remote_views.seconds(client.run(row.id).status())


def _run(row: ListedRun) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "process": row.process,
        "status": row.status,
        "outcome": row.outcome,
        "dateCreated": views.date(row.date_created),
        "dateStarted": views.date(row.date_started),
        "dateFinished": views.date(row.date_finished),
    }


def show(console: Console, access: ServerAccess, text: str) -> int:
    """Raises NotFound."""
    with remote.opened(access) as client:
        run = client.run(text)
        details, state, steps = run.details(), run.status(), run.steps()
        begun = run.history().attempts
        content = {
            **remote_views.run_content(details, state),
            "startedBy": begun[-1].started_by if begun else None,
            "reason": begun[-1].reason if begun else None,
            "steps": [remote_views.step_content(step.details) for step in steps],
            "values": _values(run),
        }
    progress = Progress(run=state, steps=tuple(step.details for step in steps))
    showing.tell(console, content, remote_views.picture(details.name, progress))
    return 0


def _values(run: Run) -> list[dict[str, Any]]:
    return [_value(step.key, item) for step in run.steps() if step.details.kind == "Data" for item in step.properties()]


def _value(step: str, item: Property) -> dict[str, Any]:
    about = {
        "name": item.name,
        "type": item.data_type,
        "flow": item.flow,
        "decimalPoints": item.decimal_points,
    }
    if item.data_type == "File":
        details = item.file.details()
        # A file that was never filled has no name.
        file = (details.id, details.name, details.size_in_bytes) if details.name else None
        return showing.value_content(f"{step}.{item.key}", about, None, file)
    value = item.value
    text = str(value) if not isinstance(value, Decimal | bool) and value is not None else values.to_text(value)
    return showing.value_content(f"{step}.{item.key}", about, text, None)
