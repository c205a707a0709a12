"""Runs that wait for people: looked at when somebody has decided, when they begin to wait, and at every scan."""

from __future__ import annotations

from collections.abc import Callable

from procession.engine import decisions, events, performing
from procession.engine.active_run import ActiveRun
from procession.engine.changes import Change
from procession.engine.loop import Loop
from procession.engine.options import EngineResources
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
        """Ends the steps that people have decided, and goes on behind them."""
        approvals, is_changed = self._resources.approvals, False
        for wait in tuple(active.waits.values()) if approvals is not None else ():
            outcome = None if approvals is None else approvals.outcome(tx, wait.attempt)
            # Nothing yet: the next vote, or the next scan, looks again.
            if outcome is not None:
                seconds = self._seconds(active, wait.key, tx)
                performing.settle(active, self._change_of(active), wait, outcome, seconds=seconds)
                is_changed = True
        # Once for all of them: steps behind two approvals must see both.
        if is_changed:
            decisions.advance(active, self._change_of(active))

    def _seconds(self, active: ActiveRun, key: str, tx: Transaction) -> float:
        # By the stopwatch of the run: the time in which no server worked does not count.
        row = steps.find(tx, active.step_ids[key])
        return 0.0 if row is None else row.seconds(self._resources.clock.monotonic()) or 0.0
