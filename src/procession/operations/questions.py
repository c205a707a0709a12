"""Mail to those who may decide what a step asks, and what happens when its time is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from procession.clock import Clock
from procession.model.approvals import Decision
from procession.model.ends import one_line
from procession.model.outbox import RunQuestion
from procession.model.people import User
from procession.model.runs import HistoryKind, Run
from procession.operations import approvals
from procession.operations.alerts import SUBJECT_CHARACTERS_MAX, Letter
from procession.operations.approvals import Approval
from procession.operations.home_time import HomeClock
from procession.store import approvals as store
from procession.store import history, outbox, people, runs
from procession.store import steps as step_store
from procession.store.database import Database, Transaction

REST_SECONDS = 5.0  # between two looks for questions whose time is over


def write(tx: Transaction, asked: RunQuestion, *, key: str, public_url: str, now: datetime) -> Letter | None:
    """The mail to this person; None when there is nothing to decide any more, or not for them."""
    (row,) = history.of_run(tx, asked.run, after=asked.revision - 1, limit=1)
    run, step = runs.find(tx, asked.run), None if row.step is None else step_store.find(tx, row.step)
    found = None if step is None else store.latest_of_step(tx, step.id)
    if run is None or step is None or found is None or not store.is_open(tx, found.attempt):
        return None
    approval = approvals.of_row(tx, run, step, found)
    # Looked up when it is sent: whoever has left the group since need not know of it.
    user = next((one for one in approvals.undecided(tx, approval) if one.email == asked.target), None)
    starter = _starter(tx, run)
    link = f"{public_url.rstrip('/')}/runs/{run.id}?step={step.order}"
    if user is not None:
        subject, paragraphs = _question(approval, link)
    elif approval.too_few and starter is not None and starter.email == asked.target:
        user = starter
        subject, paragraphs = _stuck(approval, link)
    else:
        return None
    return Letter(
        address=asked.target,
        name=f"{user.first_name} {user.last_name}".strip(),
        subject=one_line(subject)[:SUBJECT_CHARACTERS_MAX],
        text="\n\n".join(paragraphs) + "\n",
        at=now,
        key=key,
    )


def _starter(tx: Transaction, run: Run) -> User | None:
    return None if run.started_by is None else people.user(tx, run.started_by)


def addresses(tx: Transaction, run: Run, asked: Iterable[User], too_few: str) -> list[str]:
    """Of those who are asked; and of whoever started the run where they cannot approve it, whatever they say."""
    starter = _starter(tx, run) if too_few else None
    return list(dict.fromkeys(user.email for user in (*asked, *([] if starter is None else [starter]))))


def _question(approval: Approval, link: str) -> tuple[str, list[str]]:
    """The subject and the paragraphs."""
    run, step, title = approval.run, approval.step, one_line(approval.settings.title)
    shown = "\n".join(f"    {one_line(item.name)}: {_said(item.text)}" for item in approval.shown)
    return f"To decide: {title} ({run.name})", [
        f'The process run "{one_line(run.name)}" waits for a decision:\n\n    {title}',
        *([f"What is shown:\n{shown}"] if shown else []),
        f"{link}\n\nIn a terminal: procession approve {run.id} {step.key}, or procession reject {run.id} {step.key}",
    ]


def _stuck(approval: Approval, link: str) -> tuple[str, list[str]]:
    """The subject and the paragraphs."""
    title = one_line(approval.settings.title)
    return f"Too few may decide: {title} ({approval.run.name})", [
        f'The process run "{one_line(approval.run.name)}" waits for {one_line(approval.settings.who.said)} to decide:'
        f"\n\n    {title}",
        f"It waits in vain as things are. {approval.too_few[0].upper()}{approval.too_few[1:]}.",
        f"Whoever gets a role on the process, or joins the group, may decide at once.\n\n{link}",
    ]


def _said(text: str) -> str:
    return one_line(text[:200]) or "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Looks for questions whose time is over, by the home's own clock."""

    database: Database
    home_clock: HomeClock
    clock: Clock

    def tick(self) -> bool:
        """Reminds those who may decide, or fails the step. True if there was one."""
        # As the due time was made: never too early, whoever sets the clock of the machine.
        now = self.home_clock.least()
        # Read first: most looks find nothing, and a write waits for the disk.
        with self.database.read() as tx:
            if store.next_due(tx, now) is None:
                return False
        return bool(self.database.write(partial(self._end, now=now)))

    def _end(self, tx: Transaction, now: datetime) -> bool:
        # Asked anew under the writer: somebody may have decided since the look before.
        row = store.next_due(tx, now)
        run = None if row is None else runs.find(tx, row.run)
        step = None if row is None else step_store.find(tx, row.step)
        if row is None or run is None or step is None:
            return False
        approval = approvals.of_row(tx, run, step, row)
        if approval.settings.otherwise == "fail":
            store.decide(tx, row.attempt, Decision.FAILED, f"nobody decided within {approval.settings.before}")
            # The engine ends the step, as it does after a vote: here nothing but the decision is written.
            tx.look(run.id)
        # A reminder moves the due time in the same transaction, so that a crash sends none twice.
        else:
            self._remind(tx, approval, now)
        return True

    def _remind(self, tx: Transaction, approval: Approval, now: datetime) -> None:
        run, seconds = approval.run, approval.settings.before_seconds
        assert seconds is not None, "without a time it is never over"
        users = approvals.undecided(tx, approval)
        at, step = self.clock.now(), approval.step.id
        detail = {"reminded": [user.login for user in users]}
        revision = history.append(tx, run.id, HistoryKind.APPROVAL, detail, now=at, step=step)
        outbox.add_questions(tx, run.id, revision, addresses(tx, run, users, approval.too_few), at)
        store.set_due(tx, approval.row.attempt, now + timedelta(seconds=seconds))
