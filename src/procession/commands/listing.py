"""list: processes and runs, newest first; of a home here, of a server in remote_listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from procession.commands import opening, views, watching, wording
from procession.commands.console import Console
from procession.model.errors import Invalid
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.runs import Run, RunFilter
from procession.operations import processes as process_operations
from procession.operations import run_lists

LIMIT_MAX = run_lists.LIST_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """What a list of runs shows; `status` may be an outcome, too."""

    process: str | None
    status: str | None
    limit: int

    def split(self) -> tuple[RunStatus | None, Outcome | None]:
        """Tells a status from an outcome. Raises Invalid, naming all there are."""
        if self.status is None:
            return None, None
        # "timed out" as people write it.
        asked = self.status.replace(" ", "").lower()
        for status in RunStatus:
            if asked == status.lower():
                return status, None
        for outcome in Outcome:
            if asked == outcome.lower():
                return None, outcome
        known = ", ".join([*RunStatus, *Outcome])
        raise Invalid(f'there is no status "{self.status}"; there are {known}')


def processes(console: Console, limit: int) -> int:
    with opening.open_home(console) as opened, opened.database.snapshot() as tx:
        rows = process_operations.listed(tx, opening.viewer(tx))
    # Newest first like runs; the operation gives them by name.
    shown = sorted(rows, key=attrgetter("id.number"), reverse=True)
    content = [
        {"id": str(row.id), "name": row.name, "version": row.version, "dateModified": views.date(row.modified_at)}
        for row in shown
    ]
    tell_processes(console, content[:limit], has_more=len(content) > limit)
    return 0


def tell_processes(console: Console, rows: Sequence[Mapping[str, Any]], *, has_more: bool) -> None:
    lines = wording.table(
        [
            ("ID", "VERSION", "CHANGED", "NAME"),
            *((row["id"], str(row["version"]), views.moment(row["dateModified"]), row["name"]) for row in rows),
        ],
        right=frozenset({1}),
    )
    text = _with_more(lines, has_more=has_more) if rows else "there are no processes yet; procession apply makes them"
    console.answer({"processes": list(rows), "hasMore": has_more}, text)


def runs(console: Console, wanted: ListOptions) -> int:
    """Raises NotFound, Invalid."""
    status, outcome = wanted.split()
    with opening.open_home(console) as opened, opened.database.snapshot() as tx:
        process = None if wanted.process is None else opening.find_process(tx, wanted.process)
        shown = RunFilter(process=process, status=status, outcome=outcome)
        found = run_lists.page(tx, opening.viewer(tx), shown, limit=wanted.limit)
    rows = [(_run(item.run), item.run.duration_seconds) for item in found.runs]
    tell_runs(console, rows, wanted, has_more=found.older)
    return 0


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "name": run.name,
        "process": str(run.process),
        "status": run.status,
        "outcome": run.outcome,
        "dateCreated": views.date(run.created_at),
        "dateStarted": views.date(run.started_at),
        "dateFinished": views.date(run.finished_at),
    }


def tell_runs(
    console: Console, rows: Sequence[tuple[Mapping[str, Any], float | None]], wanted: ListOptions, *, has_more: bool
) -> None:
    """Each run with the seconds that it took."""
    lines = wording.table(
        [
            ("ID", "RESULT", "STARTED", "TOOK", "NAME"),
            *(
                (row["id"], row["outcome"] or row["status"], views.moment(row["dateStarted"]), _took(took), row["name"])
                for row, took in rows
            ),
        ],
        right=frozenset({3}),
    )
    is_chosen = wanted.process is not None or wanted.status is not None
    # An empty home and an empty answer are two things.
    nothing = "no run is like that" if is_chosen else "there are no runs yet; procession run starts one"
    text = _with_more(lines, has_more=has_more) if rows else nothing
    console.answer({"runs": [row for row, _ in rows], "hasMore": has_more}, text)


def _with_more(lines: list[str], *, has_more: bool) -> str:
    return "\n".join([*lines, "there are more: raise --limit"] if has_more else lines)


def _took(seconds: float | None) -> str:
    return "" if seconds is None else watching.duration(seconds)
