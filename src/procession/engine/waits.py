"""Runs that wait for people or other runs: looked at when those are done, when they begin, and at every scan."""

from __future__ import annotations

from collections.abc import Callable

from procession.engine import decisions, events, performing
from procession.engine.active_run import ActiveRun, Wait
from procession.engine.changes import Change
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
from procession.engine.step_runs import WaitEnd
from procession.store import steps
from procession.store.database import Transaction


class Waits:
    """Belongs to the loop's thread. Calls `parked` when a run does nothing but wait: another may have its place."""

    def __init__(
        self,
        resources: EngineResources,
        loop: Loop,
        *,
        change_of: Callable[[ActiveRun], Change],
        parked: Callable[[], None],
    ) -> None:
        self._resources = resources
        self._loop = loop
        self._change_of = change_of
        self._on_parked = parked

    def begun(self, active: ActiveRun) -> None:
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
        if wait.key in active.prepared.calls:
            return None if child_runs is None else child_runs.end(tx, wait.attempt, active.prepared.calls[wait.key])
        outcome = None if approvals is None else approvals.outcome(tx, wait.attempt)
        return None if outcome is None else WaitEnd(outcome=outcome)

    def _seconds(self, active: ActiveRun, key: str, tx: Transaction) -> float:
        # By the stopwatch of the run: the time in which no server worked does not count.
        row = steps.find(tx, active.step_ids[key])
        return 0.0 if row is None else row.seconds(self._resources.clock.monotonic()) or 0.0
