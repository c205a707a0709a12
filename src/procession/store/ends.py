"""Records the end of a run in the transaction that ends it: history, user log and alerts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from procession.model import ends
from procession.model.lifecycle import Outcome
from procession.model.outbox import RunEnd
from procession.model.processes import AlertWhen
from procession.model.runs import HistoryKind, Run, completion
from procession.store import child_runs, history, outbox, steps, unsolved
from procession.store.database import Transaction

log = logging.getLogger(__name__)


class RunEnding(msgspec.Struct, frozen=True, kw_only=True):
    """`login` is whose run it is, `user` who ended it; `when` is what the process asks to be told."""

    kind: HistoryKind
    detail: Mapping[str, Any]
    login: str
    when: AlertWhen
    user: str | None = None


def record(tx: Transaction, run: Run, ending: RunEnding, now: datetime) -> Mapping[str, Any]:
    """`run` has its final status already. Gives what went wrong, as ends.facts() tells it."""
    # A success has nothing to tell, and its steps need not be read.
    rows = [] if run.outcome is Outcome.SUCCESS else steps.of_run(tx, run.id)
    found = ends.facts(rows) if rows else {}
    if run.outcome is Outcome.SUCCESS:
        unsolved.solve_earlier(tx, run)
    else:
        unsolved.note(tx, run, ends.first_problem(run, rows), why=str(ending.detail.get("reason", "")))
    history.add(tx, run, ending.kind, {**ending.detail, **found}, now=now, user=ending.user)
    # Before the completion line, which readers expect last.
    if line := ends.failure(run, found):
        history.add_log(tx, ending.login, line, now, about=run.id)
    # Last, and to the letter: clients look for it at the top of the log.
    history.add_log(tx, ending.login, completion(run, ending.login, now), now, about=run.id)
    # In the transaction of the end: whoever waits for it goes on in the same turn of the engine, or at the next scan.
    for waiting in child_runs.waiting_for(tx, run.id):
        tx.look(waiting)
    if ends.is_told(ending.when, run):
        # In the transaction of the end: a crash between the two would lose the alert or send it for a run that goes on.
        outbox.add_ends(tx, _told(run), now)
    return found


def _told(run: Run) -> list[RunEnd]:
    try:
        targets = ends.addresses(run.alert_email)
    except ValueError as error:
        # Applied before addresses were checked; the end of a run must not fail for it.
        log.error("nobody can be alerted", extra={"run": str(run.id), "reason": str(error)})
        return []
    return [RunEnd(run=run.id, revision=run.revision, target=target) for target in targets]
