"""What the engine asks of approvals (engine/step_approvals): people are asked, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.actions.contract import StepOutcome
from procession.actions.kinds import approve
from procession.actions.kinds.approve import ApproveSettings
from procession.engine.step_approvals import StepAsked
from procession.model.approvals import Decision
from procession.model.lifecycle import StepStatus
from procession.operations import approvals, questions, who_decides
from procession.operations.home_time import HomeClock
from procession.store import approvals as store
from procession.store import moves, outbox, runs
from procession.store import steps as step_store
from procession.store.approvals import ApprovalRow
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True)
class ApprovalsOfSteps:
    """What the engine asks of approvals (engine/step_approvals.StepApprovals)."""

    home_clock: HomeClock

    def ask(self, tx: Transaction, asked: StepAsked, now: datetime) -> None:
        settings: ApproveSettings = asked.settings
        why = who_decides.nobody(tx, settings)
        # Also where nobody can decide: what was asked is evidence, and outcome() ends the step in the next turn.
        store.add(tx, self._row(asked, why, now))
        able = [] if why else approvals.deciders(tx, asked.run, settings)
        # Too few is no failure: whoever gets a role, or joins the group, finds it on Home.
        too_few = "" if why else who_decides.too_few(settings, able)
        # What it shows while it runs: to the API, on pages and in a terminal.
        said = f"waits for {settings.who.said} to decide: {settings.title}" + (f"; {too_few}" if too_few else "")
        moves.show_progress(tx, asked.step, None, said)
        if not why:
            addresses = questions.addresses(tx, asked.run, able, too_few)
            outbox.add_questions(tx, asked.run.id, asked.revision, addresses, now)

    def _row(self, asked: StepAsked, why: str, now: datetime) -> ApprovalRow:
        return ApprovalRow(
            attempt=asked.attempt,
            run=asked.run.id,
            step=asked.step,
            opened_at=now,
            due=self.due(asked.settings),
            decision=Decision.FAILED if why else None,
            why=why,
        )

    def due(self, settings: ApproveSettings) -> datetime | None:
        """By the home's own clock, and never too early: whoever sets the clock of the machine ends no question."""
        seconds = settings.before_seconds
        return None if seconds is None else self.home_clock.least() + timedelta(seconds=seconds)

    def outcome(self, tx: Transaction, attempt: int) -> StepOutcome | None:
        row = store.of_attempt(tx, attempt)
        if row is None or row.decision is None:
            return None
        if row.decision is Decision.FAILED:
            return StepOutcome(status=StepStatus.FAILED, message=row.why)
        run, step = runs.find(tx, row.run), step_store.find(tx, row.step)
        assert run is not None and step is not None, "both are foreign keys"
        # From the votes and not from the decision: a message names those who counted.
        found = approvals.of_row(tx, run, step, row)
        return approve.settle(found.settings, found.votes)
