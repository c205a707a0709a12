"""The state machines of runs and steps, one table each (docs/crash.md, Run and step)."""

from __future__ import annotations

from enum import StrEnum

from procession.model.errors import Invalid


class RunStatus(StrEnum):
    NOT_STARTED = "NotStarted"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    FINISHED = "Finished"
    CANCELLED = "Cancelled"
    TIMED_OUT = "TimedOut"


# Apart from the status, as SolveXia has it: a run is Finished, whatever came of it.
class Outcome(StrEnum):
    """How a finished run went. The run status does not say: there is no Failed status."""

    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"


class StepStatus(StrEnum):
    NOT_STARTED = "NotStarted"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"


class RunEvent(StrEnum):
    START = "start"
    TAKE = "take"  # a worker claims it
    FINISH = "finish"
    CANCEL = "cancel"
    TIME_OUT = "time out"
    RESTART = "restart"


class StepEvent(StrEnum):
    SCHEDULE = "schedule"
    BEGIN = "begin"
    SUCCEED = "succeed"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    CANCEL = "cancel"
    RETRY = "retry"  # retried after a failure or a crash
    RESET = "reset"


RUN_FINAL = frozenset({RunStatus.FINISHED, RunStatus.CANCELLED, RunStatus.TIMED_OUT})
RUN_ACTIVE = frozenset({RunStatus.SCHEDULED, RunStatus.RUNNING})
STEP_DONE = frozenset({StepStatus.SUCCESS, StepStatus.WARNING, StepStatus.FAILED})
STEP_ACTIVE = frozenset({StepStatus.SCHEDULED, StepStatus.RUNNING})

# A table, because what is not in it cannot happen.
RUN_MOVES: dict[tuple[RunStatus, RunEvent], RunStatus] = {
    (RunStatus.NOT_STARTED, RunEvent.START): RunStatus.SCHEDULED,
    (RunStatus.SCHEDULED, RunEvent.TAKE): RunStatus.RUNNING,
    (RunStatus.RUNNING, RunEvent.TAKE): RunStatus.RUNNING,  # taken over from a dead worker
    (RunStatus.RUNNING, RunEvent.FINISH): RunStatus.FINISHED,
    (RunStatus.SCHEDULED, RunEvent.CANCEL): RunStatus.CANCELLED,
    (RunStatus.RUNNING, RunEvent.CANCEL): RunStatus.CANCELLED,
    (RunStatus.RUNNING, RunEvent.TIME_OUT): RunStatus.TIMED_OUT,
    (RunStatus.FINISHED, RunEvent.RESTART): RunStatus.SCHEDULED,
    (RunStatus.CANCELLED, RunEvent.RESTART): RunStatus.SCHEDULED,
    (RunStatus.TIMED_OUT, RunEvent.RESTART): RunStatus.SCHEDULED,
}

STEP_MOVES: dict[tuple[StepStatus, StepEvent], StepStatus] = {
    (StepStatus.NOT_STARTED, StepEvent.SCHEDULE): StepStatus.SCHEDULED,
    (StepStatus.NOT_STARTED, StepEvent.SKIP): StepStatus.SKIPPED,
    (StepStatus.SCHEDULED, StepEvent.BEGIN): StepStatus.RUNNING,
    (StepStatus.RUNNING, StepEvent.SUCCEED): StepStatus.SUCCESS,
    (StepStatus.RUNNING, StepEvent.WARN): StepStatus.WARNING,
    (StepStatus.RUNNING, StepEvent.FAIL): StepStatus.FAILED,
    (StepStatus.RUNNING, StepEvent.RETRY): StepStatus.SCHEDULED,
    (StepStatus.SCHEDULED, StepEvent.CANCEL): StepStatus.CANCELLED,
    (StepStatus.RUNNING, StepEvent.CANCEL): StepStatus.CANCELLED,
    # From NotStarted as well: a restart resets all later steps without asking which of them ran.
    **{(status, StepEvent.RESET): StepStatus.NOT_STARTED for status in StepStatus if status not in STEP_ACTIVE},
}


def move_run(status: RunStatus, event: RunEvent) -> RunStatus:
    """The status after `event`. Raises Invalid when the table does not know the move."""
    try:
        return RUN_MOVES[status, event]
    except KeyError:
        raise Invalid(f"a process run that is {status} cannot {event}") from None


def move_step(status: StepStatus, event: StepEvent) -> StepStatus:
    """The status after `event`. Raises Invalid when the table does not know the move."""
    try:
        return STEP_MOVES[status, event]
    except KeyError:
        raise Invalid(f"a step that is {status} cannot {event}") from None
