"""The ends of steps that write managed tables: files, values and tables become visible in one transaction.

That transaction may find that somebody else has changed a table. Then nothing has happened, in memory neither, and the
next version is prepared anew. Steps of this engine take turns at a table, so that they do not overtake each other for
ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from procession.actions.contract import StepOutcome
from procession.engine import changes, decisions
from procession.engine.active_run import ActiveRun, Work
from procession.engine.changes import Change
from procession.engine.decisions import Result
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.engine.outcomes import files_of
from procession.engine.step_tables import TableDraft, TablesLate
from procession.model.ids import TableId
from procession.model.table_uses import is_table
from procession.store import runs
from procession.store.database import Task


@dataclass(slots=True, kw_only=True)
class TableTurn:
    """A step that writes these tables, and how it goes on when it is its turn; None: it goes on already."""

    tables: frozenset[TableId]
    go_on: Callable[[], None] | None


class TableEnds:
    """Belongs to the loop's thread. Calls `ended` with the error, or None, when it is decided how the end went."""

    def __init__(
        self,
        resources: EngineResources,
        loop: Loop,
        *,
        again: Callable[[Work, StepOutcome], None],
        ended: Callable[[Work, Result, Change, Exception | None], None],
    ) -> None:
        self._resources = resources
        self._loop = loop
        self._again = again
        self._ended = ended
        self._turns: dict[Work, TableTurn] = {}  # in the order in which they came

    def line_up(self, work: Work, outcome: StepOutcome, go_on: Callable[[], None]) -> None:
        """Goes on at once, or when the steps before it are done with its tables."""
        # A step that failed has no rows to publish, so it need not wait for anybody.
        writes = work.tables is not None and any(is_table(reference) for reference in files_of(outcome))
        tables = work.tables.written() if work.tables is not None and writes else frozenset[TableId]()
        if tables:
            self._turns[work] = TableTurn(tables=tables, go_on=go_on)
            self._next()
        else:
            go_on()

    def leave(self, work: Work) -> None:
        """It needs its tables no more, whatever became of it."""
        if self._turns.pop(work, None) is not None:
            self._next()

    def _next(self) -> None:
        taken: set[TableId] = set()
        for turn in tuple(self._turns.values()):
            if turn.go_on is not None and taken.isdisjoint(turn.tables):
                # Cleared first: going on may end the step at once, which leads back here.
                go_on, turn.go_on = turn.go_on, None
                go_on()
            # Of those that wait too: a step with two tables must not wait for ever.
            taken |= turn.tables

    def end(self, work: Work, result: Result, drafts: tuple[TableDraft, ...]) -> None:
        """Ends the step together with its drafts."""
        # On a copy: until the commit nobody knows whether the step has ended.
        active = _copied(work.active)
        change = changes.begin(active, self._resources)
        decisions.settle(active, change, work, result)
        # A try that failed after all, as by a refused value, must publish nothing.
        change.drafts = drafts if active.statuses[work.key] is result.outcome.status else ()
        work.is_ending = True
        self._loop.enlist(change.record, partial(self._recorded, work, result, change))

    def _recorded(self, work: Work, result: Result, change: Change, done: Task[None]) -> None:
        work.is_ending, change.active = False, work.active
        if not isinstance(done.error, TablesLate):
            self._ended(work, result, change, done.error)
        # Prepared again, it would publish for a run that this engine has let go.
        elif work.active.is_dropped:
            self._ended(work, result, change, runs.Superseded())
        else:
            assert work.outcome is not None
            self._again(work, work.outcome)


def _copied(active: ActiveRun) -> ActiveRun:
    """The run in memory, for a decision that may not count."""
    return replace(
        active,
        # A collection shared with the run in memory would keep what the database rolled back.
        statuses=dict(active.statuses),
        properties=dict(active.properties),
        updated=set(active.updated),
        works=dict(active.works),
        retry_at=dict(active.retry_at),
        waiting=list(active.waiting),
        tries=dict(active.tries),
    )
