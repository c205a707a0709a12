"""The processes of the steps under way: letting them go, hearing what they say, ending them.

Everything runs in the loop's thread, except what blocks (publishing files, killing): that runs in a pool and
come back as events, whatever happens to them. A shortage ends no step: what it hinders is tried again, for as long as
the settings have patience; an end that nobody could see is looked for until it is seen.
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial

from procession.actions.contract import StepOutcome
from procession.engine import job_values, removal
from procession.engine.active_run import Wait, Work
from procession.engine.events import JobDue, Killed, OverLimit, Published
from procession.engine.isolation.contract import Died, Done, KillReceipt, LogText, Progress, Record
from procession.engine.loop import Loop
from procession.engine.meter import Meter
from procession.engine.options import EngineResources
from procession.engine.outcomes import permitted, told, with_left, with_lost_log, with_tables
from procession.engine.pool import Job, Pool
from procession.engine.stages import Stage
from procession.engine.step_tables import TableDraft
from procession.model.errors import ProcessionError, Unavailable
from procession.model.files import Content
from procession.model.lifecycle import StepStatus
from procession.shortages import is_shortage

log = logging.getLogger(__name__)

HEARINGS_AT_ONCE = 50  # of one process, before it must wait
HEARINGS_A_SECOND = 100
REMOVE_SECONDS_MAX = 5.0  # for a folder in which somebody still works


@dataclass(slots=True, kw_only=True)
class Said:
    """What a process has reported since the last read, without its log; `outcome` once it is over."""

    progress: Progress | None = None
    record: Record | None = None  # it waits until that is on disk
    outcome: StepOutcome | None = None
    is_short: bool = False  # read on later: it had more to say
    is_loud: bool = False  # the same: it takes more than its share of the engine's time
    trouble: str = ""  # why this process can no longer be read


class Attempts:
    def __init__(self, resources: EngineResources, loop: Loop) -> None:
        self._resources = resources
        self._loop = loop
        self._work = str(resources.work)
        self._pool = Pool(resources.settings.workers_max + 4, again=self._come_again)
        self.submit = self._pool.submit
        self._meter = Meter(resources, over=self._over_limit)

    def start(self) -> None:
        self._meter.start()

    def close(self) -> None:
        self._meter.close()
        self._pool.close()

    def _over_limit(self, work: Work, reason: str) -> None:
        self._loop.post(OverLimit(work, reason))

    def _come_again(self, job: Job) -> None:
        self._loop.post_later(JobDue(job))

    def is_patient(self, work: Work | Wait) -> bool:
        """Whether to keep waiting for the end of a shortage."""
        moment = self._resources.clock.monotonic()
        if work.short_since is None:
            work.short_since = moment
        return moment - work.short_since < self._resources.settings.patience_seconds

    def let_go(self, work: Work) -> StepOutcome | None:
        """Sends the job to the process once its row is committed. Returns the end of a step that could not begin.

        Raises OSError or MemoryError while it is worth waiting for the end of a shortage.
        """
        try:
            self._send(work)
        except Exception as error:  # the engine's arm: a step that never begins holds its slot for ever
            if is_shortage(error) and self.is_patient(work):
                raise
            return self._failed(work, "the step could not begin", error)
        work.short_since = None
        work.move(Stage.RUNNING)
        self._meter.watch(work)
        return None

    def _send(self, work: Work) -> None:
        folder = self.folder(work)
        action = self._resources.actions.get(work.step.action)
        if action is not None and (action.runs_user_code or action.reaches):
            # Theirs must be there before the sandbox closes; built-in actions make one when they need it.
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - once a step, as below
        work.worker.send(job_values.job_of(work, self._resources, folder))

    def folder(self, work: Work) -> str:
        return f"{self._work}/{work.attempt}"

    def hear(self, work: Work) -> Said:
        """Reads what the process has said and stores its log. Never raises, whatever it says."""
        said = Said()
        try:
            self._acknowledge(work)
            self._keep_log(work)  # without room for its log, the process has to wait
            for message in work.worker.receive():
                match message:
                    case LogText(text=text):
                        work.unwritten += text.encode("utf-8", "replace")
                    case Progress():
                        said.progress = message
                    case Record():
                        said.record, said.trouble = self._next_record(work, message)
                    case Done(outcome=outcome, leaves=leaves):
                        said.outcome, work.leaves = permitted(work, outcome), leaves
                    case Died(reason=reason, is_gone=False):
                        log.warning("a step's process is not believed", extra={"attempt": work.attempt, "why": reason})
                        said.trouble = reason
                    case Died(reason=reason):
                        said.outcome = StepOutcome(status=StepStatus.FAILED, message=reason)
            self._keep_log(work)
        except Exception as error:  # the engine's arm: whatever one process says, the engine listens to the others
            said.is_short = is_shortage(error)
            if not said.is_short:
                log.exception("what a step's process said could not be taken in", extra={"attempt": work.attempt})
                said.trouble = "what the step's process said could not be taken in; see the server's log"
        # One that records waits for us each time, and takes no more of our time than its commits.
        said.is_loud = said.record is None and self._is_loud(work)
        return said

    def _acknowledge(self, work: Work) -> None:
        """Raises OSError for a shortage: it is tried again."""
        if work.owed:
            work.worker.acknowledge(work.owed)
            work.owed = 0

    def _next_record(self, work: Work, record: Record) -> tuple[Record | None, str]:
        """The entry, or why this process is not believed: only actions that reach outside have a journal."""
        action = self._resources.actions.get(work.step.action)
        work.recorded += 1
        if action is None or not action.reaches or record.number != work.recorded:
            return None, "the step's process sent something that is not a message of its own"
        return record, ""

    def _is_loud(self, work: Work) -> bool:
        """Whether it has been listened to so often that it must wait, for the others' sake."""
        moment = self._resources.clock.monotonic()
        rested = (moment - work.heard) * HEARINGS_A_SECOND
        work.heard, work.hearings = moment, max(work.hearings - rested, 0.0) + 1
        return work.hearings > HEARINGS_AT_ONCE

    def _keep_log(self, work: Work) -> None:
        """Raises OSError while waiting for room makes sense; lost log lines are reported at the step's end."""
        if not work.unwritten:
            return
        try:
            while work.unwritten:
                kept = self._resources.step_logs.append(work.attempt, work.unwritten)
                work.unwritten = work.unwritten[kept:]
                self._resources.announcements.grow(work.active.run.id)
            work.short_since = None
        except OSError as error:
            if is_shortage(error) and self.is_patient(work):
                raise
            work.unwritten = b""
            work.log_trouble = work.log_trouble or (error.strerror or str(error))
            log.error("a step's log could not be kept", extra={"attempt": work.attempt, "error": str(error)})

    def publish(self, work: Work, outcome: StepOutcome) -> None:
        """Makes the rest of the log and the output files durable; posts Published when done."""
        self._pool.submit(partial(self._publish, work, outcome))

    def _publish(self, work: Work, outcome: StepOutcome) -> None:
        if work.leaves:
            self._look_behind(work, outcome)
            return
        self._keep_log(work)
        contents, drafts = dict[str, Content](), tuple[TableDraft, ...]()
        work.outcome = outcome
        try:
            contents, drafts = job_values.keep(work, self._resources, outcome, self.folder(work))
            outcome = with_tables(outcome, drafts)
        except Exception as error:  # the pool's arm: a step whose end nobody hears of holds its slot for ever
            is_passing = is_shortage(error) or isinstance(error, Unavailable)
            if is_passing and self.is_patient(work):
                raise OSError(errno.EAGAIN, "later") from error
            outcome = self._failed(work, "an output could not be kept", error)
        self._loop.post(Published(work, with_lost_log(work, outcome), contents, drafts))

    def _look_behind(self, work: Work, outcome: StepOutcome) -> None:
        """The step is done; what it started may be not. It is ended with the step's own process."""
        left = work.worker.left_behind()
        with suppress(OSError):  # it ends when its process is given back, too
            work.worker.kill(grace_seconds=0)  # now: what is kept must not change meanwhile
        if left:
            work.unwritten += f"({told(left)})\n".encode("utf-8", "replace")
            outcome = with_left(outcome, left)
        work.leaves = False
        self.publish(work, outcome)

    def _failed(self, work: Work, what: str, error: Exception) -> StepOutcome:
        """A Failed outcome for the error, in the user's words; call it in the except block."""
        if isinstance(error, ProcessionError):
            return StepOutcome(status=StepStatus.FAILED, message=error.message)
        log.exception(what, extra={"attempt": work.attempt})
        # An OSError names a path of this machine: show only its reason.
        why = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else "; see the server's log"
        return StepOutcome(status=StepStatus.FAILED, message=f"{what}{why}")

    def free(self, work: Work) -> None:
        """Returns the process to the pool; another run may use it now."""
        work.move(Stage.FREED)
        self._meter.forget(work)
        self._resources.isolation.release(work.worker)

    def clear(self, work: Work) -> None:
        """Removes the folder: at once if empty, else in the pool."""
        folder = self.folder(work)
        try:
            os.rmdir(folder)  # noqa: PTH106 - once a step: making a Path costs more than the call
        except FileNotFoundError:
            return
        except OSError:
            self._pool.submit(partial(self._remove, folder, self._resources.clock.monotonic()))

    def _remove(self, folder: str, since: float) -> None:
        try:
            removal.remove(folder)
        except OSError as error:
            # What the step left running may make another file before it is gone.
            seconds_max = self._resources.settings.patience_seconds if is_shortage(error) else REMOVE_SECONDS_MAX
            if self._resources.clock.monotonic() - since < seconds_max:
                self._come_again(partial(self._remove, folder, since))
                return
            log.error("a step's folder could not be removed", extra={"folder": folder, "error": str(error)})

    def kill(self, work: Work, grace_seconds: float | None = None) -> None:
        """Ends the process and all its descendants; posts Killed when they are gone."""
        work.move(Stage.KILLING)
        grace_seconds = self._resources.settings.grace_seconds if grace_seconds is None else grace_seconds
        self._pool.submit(partial(self._kill, work, grace_seconds))

    def _kill(self, work: Work, grace_seconds: float) -> None:
        try:
            receipt = work.worker.kill(grace_seconds=grace_seconds)
        except Exception as error:  # the pool's arm: a slot whose process is not given back is lost
            if is_shortage(error):
                raise
            log.exception("a step's process could not be ended", extra={"attempt": work.attempt})
            receipt = _unseen(work.worker.mark.pid)
        if receipt.survivors:
            log.error("processes survived", extra={"attempt": work.attempt, "pids": receipt.survivors})
        late = self._late_outcome(work)
        if work.unwritten:
            self._come_again(partial(self._keep_log, work))
        self._loop.post(Killed(work, receipt, late))

    def _late_outcome(self, work: Work) -> StepOutcome | None:
        """The outcome it reported while being killed; earlier output belongs to its log."""
        late: StepOutcome | None = None
        try:
            for message in work.worker.receive():
                match message:
                    case LogText(text=text):
                        work.unwritten += text.encode("utf-8", "replace")
                    case Done(outcome=outcome):
                        late = outcome
        except Exception:  # the pool's arm, as above
            log.exception("a step's process could not be listened to", extra={"attempt": work.attempt})
        return late


def _unseen(pid: int) -> KillReceipt:
    return KillReceipt(pid=pid, processes=1, signals=(), method="failed", duration_ms=0, survivors=(pid,))


def receipt_detail(receipt: KillReceipt) -> dict[str, object]:
    """The receipt in the form of a history row."""
    fields = asdict(receipt)
    return {
        "pid": fields["pid"],
        "processes": fields["processes"],
        "signals": list(fields["signals"]),
        "method": fields["method"],
        "durationInMilliseconds": fields["duration_ms"],
        "survivors": list(fields["survivors"]),
    }
