"""The history of a run, for people and auditors: what happened, each attempt at each step, everything written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from procession.model.ids import RunId
from procession.model.runs import HistoryKind, HistoryRow, Run
from procession.model.steps import AttemptRow
from procession.operations import runs
from procession.store import history, writes
from procession.store.database import Transaction
from procession.store.writes import WriteRow

# What begins an attempt at the run; all rows up to the next one belong to it.
BEGINNINGS = frozenset({HistoryKind.STARTED, HistoryKind.RESTARTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """Each list from the oldest to the newest."""

    run: Run
    events: Sequence[HistoryRow]
    step_attempts: Sequence[AttemptRow]
    writes: Sequence[WriteRow]


def of_run(tx: Transaction, run_id: RunId) -> RunHistory:
    """Raises NotFound."""
    return RunHistory(
        run=runs.find(tx, run_id),
        events=history.of_run(tx, run_id),
        step_attempts=history.attempts_of_run(tx, run_id),
        writes=writes.of_run(tx, run_id),
    )
