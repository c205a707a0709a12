"""The runs that the steps of a run have started, and the one that started it, on its page."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.ids import RunId
from procession.model.people import Caller
from procession.operations import rights
from procession.store import child_rows, child_runs
from procession.store.child_rows import ShownRow
from procession.store.database import Transaction

SHOWN_MAX = 20  # of many restarts; the history has them all
ROWS_SHOWN_MAX = 50  # of the thousands that a step may start runs for


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRun:
    """`said` stands before its id."""

    said: str
    run: RunId
    is_link: bool  # the reader has a role on its process


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsOfStep:
    """The runs that a step has started for rows, by its last try: `rows` are those that failed first."""

    order: str
    name: str
    said: str
    rows: list[ShownRow]
    are_links: bool  # the reader has a role on their process


def of_rows(tx: Transaction, caller: Caller, run: RunId) -> list[RowsOfStep]:
    return [
        RowsOfStep(
            order=one.order,
            name=one.name,
            said=f"{'in an earlier try, ' if one.is_past else ''}{_counted(tx, one.attempt)}",
            rows=rows,
            are_links=_are_links(tx, caller, rows),
        )
        for one in child_rows.attempts_of_run(tx, run)
        for rows in [child_rows.worst(tx, one.attempt, limit=ROWS_SHOWN_MAX)]
    ]


def _are_links(tx: Transaction, caller: Caller, rows: list[ShownRow]) -> bool:
    # All of a step are runs of one process.
    first = next((row.child for row in rows if row.child is not None), None)
    return first is not None and rights.role_of(tx, caller.user, first) is not None


def _counted(tx: Transaction, attempt: int) -> str:
    counts = child_rows.counts(tx, attempt)
    parts = {
        "failed": counts.failed,
        "with remarks": counts.warned,
        "under way": counts.under_way,
        "succeeded": counts.succeeded,
        "waiting": counts.waiting,
        "not started": counts.left_out,
    }
    over = counts.failed + counts.warned + counts.succeeded
    said = ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
    shown = f"; the first {ROWS_SHOWN_MAX} are shown" if counts.rows > ROWS_SHOWN_MAX else ""
    return f"{over:,} of {counts.rows:,} have ended: {said}{shown}"


def of_run(tx: Transaction, caller: Caller, run: RunId) -> list[OtherRun]:
    found = []
    # What started it stands first: whoever looks for the reason goes up.
    above = child_runs.parent_of(tx, run)
    if above is not None:
        found.append(_other(tx, caller, "Started by", above.run))
    # A restart that kept a run names it once more.
    below = dict.fromkeys(row.child for row in child_runs.of_run(tx, run, limit=SHOWN_MAX) if row.child is not None)
    return [*found, *(_other(tx, caller, "It started", child) for child in below)]


def _other(tx: Transaction, caller: Caller, said: str, run: RunId) -> OtherRun:
    # The id is in the history of this run anyway; a link to what one must not see would lead to an error.
    return OtherRun(said=said, run=run, is_link=rights.role_of(tx, caller.user, run) is not None)
