"""How every status of a run and a step is shown: icon, colour and word. Each icon has a shape of its own."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.lifecycle import Outcome, RunStatus, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """`kind` is a class of the style sheet; a kind other than "" or "ok" is filled, because a person is needed."""

    icon: str
    kind: str
    word: str
    spins: bool = False


WAITING = Tag(icon="upload", kind="warn", word="Waiting for inputs")
NOT_REACHED = Tag(icon="new", kind="", word="Not reached")
_RUNS = {
    RunStatus.NOT_STARTED: Tag(icon="new", kind="", word="Not started"),
    RunStatus.SCHEDULED: Tag(icon="queued", kind="", word="Queued"),
    RunStatus.RUNNING: Tag(icon="running", kind="running", word="Running", spins=True),
    RunStatus.CANCELLED: Tag(icon="cancelled", kind="", word="Cancelled"),
    RunStatus.TIMED_OUT: Tag(icon="timedout", kind="bad", word="Timed out"),
}
_OUTCOMES = {
    Outcome.SUCCESS: Tag(icon="done", kind="ok", word="Finished"),
    Outcome.WARNING: Tag(icon="remarks", kind="warn", word="With remarks"),
    Outcome.FAILED: Tag(icon="failed", kind="bad", word="Failed"),
}
_STEPS = {
    StepStatus.NOT_STARTED: Tag(icon="new", kind="", word="Not started"),
    StepStatus.SCHEDULED: Tag(icon="queued", kind="", word="Queued"),
    StepStatus.RUNNING: Tag(icon="running", kind="running", word="Running", spins=True),
    StepStatus.SUCCESS: Tag(icon="done", kind="ok", word="Done"),
    StepStatus.WARNING: Tag(icon="remarks", kind="warn", word="With remarks"),
    StepStatus.FAILED: Tag(icon="failed", kind="bad", word="Failed"),
    StepStatus.CANCELLED: Tag(icon="cancelled", kind="", word="Cancelled"),
    StepStatus.SKIPPED: Tag(icon="skipped", kind="", word="Skipped"),
}


def of_run(status: RunStatus, outcome: Outcome | None = None, *, missing: int = 0) -> Tag:
    """`missing`: how many inputs a run lacks that has not started."""
    if status is RunStatus.FINISHED:
        return _OUTCOMES[outcome or Outcome.SUCCESS]
    return WAITING if missing and status is RunStatus.NOT_STARTED else _RUNS[status]


def of_step(status: StepStatus, *, is_over: bool = False) -> Tag:
    """`is_over`: of a run that has ended; what has not started by then was not reached."""
    return NOT_REACHED if is_over and status is StepStatus.NOT_STARTED else _STEPS[status]
