"""The runs that the steps of a run have started, and the one that started it, on its page."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.ids import RunId
from procession.model.people import Caller
from procession.operations import rights
from procession.store import child_runs
from procession.store.database import Transaction

SHOWN_MAX = 20  # of many restarts; the history has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRun:
    """`said` stands before its id."""

    said: str
    run: RunId
    is_link: bool  # the reader has a role on its process


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
