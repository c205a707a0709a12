"""Runs that wait for people or other runs: looked at when those are done, when they begin, and at every scan."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from functools import partial

from procession.actions.contract import StepOutcome
from procession.engine import decisions, events, performing
from procession.engine.active_run import ActiveRun, Wait
from procession.engine.attempts import Attempts
from procession.engine.changes import Change
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.engine.step_runs import RowsNext, StepRuns, WaitEnd
from procession.model.errors import ProcessionError, Unavailable
from procession.model.lifecycle import StepStatus
from procession.shortages import is_shortage
from procession.store import steps
from procession.store.database import Transaction

log = logging.getLogger(__name__)


class Waits:
    """Belongs to the loop's thread. Calls `parked` when a run does nothing but wait: another may have its place."""

    def __init__(
        self,
        resources: EngineResources,
        loop: Loop,
        attempts: Attempts,
        *,
        change_of: Callable[[ActiveRun], Change],
        parked: Callable[[], None],
    ) -> None:
        self._resources = resources
        self._loop = loop
        self._attempts = attempts
        self._change_of = change_of
        self._on_parked = parked

    def begun(self, change: Change) -> None:
        """After the commit."""
        for wait in change.called:
            wait.rows = None  # they are on disk
        self.look(change.active)

    def look(self, active: ActiveRun) -> None:
        """What was decided while no engine looked, or can never be decided, is settled in the next turn."""
        if active.waits:
            self._loop.after(0.0, events.RunMoved(active.run.id))
            self._on_parked()

    def settle(self, active: ActiveRun, tx: Transaction) -> None:
        """Ends the steps that need not wait any longer, and goes on behind them."""
        is_changed = False
        for wait in tuple(active.waits.values()):
            settled = self._settled(active, wait, tx)
            # Nothing yet: the next vote, or the next scan, looks again.
            if settled is not None:
                seconds = self._seconds(active, wait.key, tx)
                performing.settle(active, self._change_of(active), wait, settled, seconds=seconds)
                is_changed = True
        # Once for all of them: steps behind two approvals must see both.
        if is_changed:
            decisions.advance(active, self._change_of(active))

    def _settled(self, active: ActiveRun, wait: Wait, tx: Transaction) -> WaitEnd | None:
        # Where there is nobody to ask, it waits for the time limit: no such step begins there.
        approvals, child_runs = self._resources.approvals, self._resources.child_runs
        call = active.prepared.calls.get(wait.key)
        if call is not None and child_runs is not None:
            if not call.at_once:
                return child_runs.end(tx, wait.attempt, call)
            self._look_at_rows(active, wait, tx, child_runs)
            return None
        outcome = None if approvals is None else approvals.outcome(tx, wait.attempt)
        return None if outcome is None else WaitEnd(outcome=outcome)

    def _look_at_rows(self, active: ActiveRun, wait: Wait, tx: Transaction, child_runs: StepRuns) -> None:
        """Nothing settles it at once: runs are started in a change, and what they gave is collected in a thread."""
        # Its rows may not be committed yet, or it is being collected: there is another look after both.
        if wait.rows is not None or wait.is_collected:
            return
        call = active.call_of(wait)
        match child_runs.next_of_rows(tx, call):
            case RowsNext.WAIT:
                pass
            case RowsNext.GO_ON:
                continued = self._change_of(active).continued
                if wait not in continued:
                    continued.append(wait)
            case RowsNext.COLLECT:
                wait.is_collected = True
                names = {reference: target.file_name for reference, target in active.targets(wait.key).items()}
                collect = partial(child_runs.collect, call, names)
                self._attempts.submit(partial(self._collect, active, wait, collect))

    def _collect(self, active: ActiveRun, wait: Wait, collect: Callable[[], WaitEnd | None]) -> None:
        """In the pool."""
        try:
            end = collect()
        except Exception as error:  # the pool's arm: a step whose end nobody hears of waits for ever
            is_passing = is_shortage(error) or isinstance(error, Unavailable)
            if is_passing and self._attempts.is_patient(wait):
                raise OSError(errno.EAGAIN, "later") from error
            log.exception("what runs have given could not be collected", extra={"attempt": wait.attempt})
            said = error.message if isinstance(error, ProcessionError) else "see the server's log"
            outcome = StepOutcome(
                status=StepStatus.FAILED, message=f"what its runs have given could not be kept: {said}"
            )
            end = WaitEnd(outcome=outcome)
        self._loop.post(events.Collected(active, wait, end))

    def collected(self, event: events.Collected) -> None:
        """Ends the step, unless its run was moved meanwhile."""
        active, wait = event.active, event.wait
        if active.is_dropped:
            return
        wait.is_collected = False
        if event.end is None:
            # Whatever else has happened meanwhile, another look tells.
            self.look(active)
            return
        with self._resources.database.read() as tx:
            seconds = self._seconds(active, wait.key, tx)
        performing.settle(active, self._change_of(active), wait, event.end, seconds=seconds)
        decisions.advance(active, self._change_of(active))

    def _seconds(self, active: ActiveRun, key: str, tx: Transaction) -> float:
        # By the stopwatch of the run: the time in which no server worked does not count.
        row = steps.find(tx, active.step_ids[key])
        return 0.0 if row is None else row.seconds(self._resources.clock.monotonic()) or 0.0
