"""The processes of the steps under way: letting them go, hearing what they say, ending them.

Everything here runs in the loop's thread but the leaves that block (publishing files, killing), which run in a pool and
come back as events, whatever happens to them. A shortage ends no step: what it hinders is tried again, for as long as
the settings have patience; an end that nobody could see is looked for until it is seen.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from procession.actions.contract import FileOutput
from procession.actions.contract import Outcome as StepOutcome
from procession.engine.board import Work
from procession.engine.events import JobDue, Killed, Published
from procession.engine.isolation.contract import Died, Done, KillReceipt, LogText, Progress
from procession.engine.isolation.contract import Job as StepJob
from procession.engine.loop import Loop
from procession.engine.options import Tools, log_path
from procession.engine.pool import Job, Pool
from procession.engine.stages import Stage
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.lifecycle import StepStatus
from procession.shortages import is_shortage

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Said:
    """What a process said since it was last listened to, its log apart; `outcome` when it is over."""

    progress: Progress | None = None
    outcome: StepOutcome | None = None
    is_short: bool = False  # it must be listened to again, but not at once
    trouble: str = ""  # why this process cannot be listened to any more


class Attempts:
    def __init__(self, tools: Tools, loop: Loop) -> None:
        self._tools = tools
        self._loop = loop
        self._pool = Pool(tools.settings.workers_max + 4, again=self._come_again)
        self.submit = self._pool.submit

    def close(self) -> None:
        self._pool.close()

    def _come_again(self, job: Job) -> None:
        self._loop.post_later(JobDue(job))

    def is_patient(self, work: Work) -> bool:
        """Whether it is worth waiting for the end of a shortage."""
        moment = self._tools.clock.monotonic()
        if work.short_since is None:
            work.short_since = moment
        return moment - work.short_since < self._tools.settings.patience_seconds

    def let_go(self, work: Work) -> StepOutcome | None:
        """Its row is committed: give the process its job. Gives how the step ended, where it could not begin.

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
        return None

    def _send(self, work: Work) -> None:
        board, folder = work.board, self.folder(work)
        action = self._tools.actions.get(work.step.action)
        if action is not None and action.runs_user_code:
            # Theirs must be there before the sandbox closes; built-in actions make one when they need it.
            folder.mkdir(parents=True, exist_ok=True)
        work.worker.send(
            StepJob(
                action=work.step.action,
                settings=work.step.settings,
                values=board.inputs(work.key, self._tools.blobs),
                types=board.types(work.key),
                targets=board.targets(work.key),
                folder=str(folder),
                step_key=work.key,
                idempotency_key=f"{board.run.id}/{board.step_ids[work.key]}/{board.run.attempt}",
                limits=self._tools.settings.limits,
            )
        )

    def folder(self, work: Work) -> Path:
        return self._tools.work / str(work.attempt)

    def hear(self, work: Work) -> Said:
        """Take in what the process has said; its log is kept at once. Whatever it says, this returns."""
        said = Said()
        try:
            self._keep_log(work)  # while there is no room for it, the process must wait with more
            for message in work.worker.receive():
                match message:
                    case LogText(text=text):
                        work.unwritten += text.encode("utf-8", "replace")
                    case Progress():
                        said.progress = message
                    case Done(outcome=outcome):
                        said.outcome = outcome
                    case Died(reason=reason, is_gone=False):
                        said.trouble = reason
                    case Died(reason=reason):
                        said.outcome = StepOutcome(status=StepStatus.FAILED, message=reason)
            self._keep_log(work)
        except Exception as error:  # the engine's arm: whatever one process says, the engine listens to the others
            said.is_short = is_shortage(error)
            if not said.is_short:
                log.exception("what a step's process said could not be taken in", extra={"attempt": work.attempt})
                said.trouble = "what the step's process said could not be taken in; see the server's log"
        return said

    def _keep_log(self, work: Work) -> None:
        """Raises OSError while it is worth waiting for room; what cannot be kept at all is told at the step's end."""
        if not work.unwritten:
            return
        try:
            self._write_log(work)
            work.short_since = None
        except OSError as error:
            if is_shortage(error) and self.is_patient(work):
                raise
            work.unwritten = b""
            work.log_trouble = work.log_trouble or (error.strerror or str(error))
            log.error("a step's log could not be kept", extra={"attempt": work.attempt, "error": str(error)})

    def _write_log(self, work: Work) -> None:
        path = log_path(self._tools.logs, work.attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            while work.unwritten:
                work.unwritten = work.unwritten[os.write(handle, work.unwritten) :]
        finally:
            os.close(handle)

    def publish(self, work: Work, outcome: StepOutcome) -> None:
        """Make the rest of its log, and the files of the outcome, durable; Published comes when that is done."""
        self._pool.submit(partial(self._publish, work, outcome))

    def _publish(self, work: Work, outcome: StepOutcome) -> None:
        self._keep_log(work)
        contents: dict[str, Content] = {}
        try:
            for reference, file in files_of(outcome).items():
                contents[reference] = self._tools.blobs.take(Path(file.path), inside=self.folder(work))
        except Exception as error:  # the pool's arm: a step whose end nobody hears of holds its slot for ever
            if is_shortage(error) and self.is_patient(work):
                raise
            outcome = self._failed(work, "an output could not be kept", error)
        self._loop.post(Published(work, with_lost_log(work, outcome), contents))

    def _failed(self, work: Work, what: str, error: Exception) -> StepOutcome:
        """The step has failed because of the error, in the user's words; call it where the error was caught."""
        if isinstance(error, ProcessionError):
            return StepOutcome(status=StepStatus.FAILED, message=error.message)
        log.exception(what, extra={"attempt": work.attempt})
        # Not the whole of an OSError: it names a path of this machine.
        why = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else "; see the server's log"
        return StepOutcome(status=StepStatus.FAILED, message=f"{what}{why}")

    def free(self, work: Work) -> None:
        """Give the process back: from here on it may be at work for another run."""
        work.move(Stage.FREED)
        self._tools.isolation.release(work.worker)

    def clear(self, work: Work) -> None:
        """The folder goes: at once when it is empty, else in the pool."""
        folder = self.folder(work)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            until = self._tools.clock.monotonic() + self._tools.settings.patience_seconds
            self._pool.submit(partial(self._remove, folder, until))

    def _remove(self, folder: Path, until: float) -> None:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if is_shortage(error) and self._tools.clock.monotonic() < until:
                raise
            shutil.rmtree(folder, ignore_errors=True)

    def kill(self, work: Work) -> None:
        """End the process and all its descendants; Killed comes when they are gone."""
        work.move(Stage.KILLING)
        self._pool.submit(partial(self._kill, work))

    def _kill(self, work: Work) -> None:
        try:
            receipt = work.worker.kill(grace_seconds=self._tools.settings.grace_seconds)
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
        """What it said about its end while it was being killed; what it printed before is of its log."""
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


def files_of(outcome: StepOutcome) -> Mapping[str, FileOutput]:
    """What has to be made durable before the outcome is recorded."""
    if outcome.status is StepStatus.FAILED:
        return {}
    return {name: value for name, value in outcome.outputs.items() if isinstance(value, FileOutput)}


def with_lost_log(work: Work, outcome: StepOutcome) -> StepOutcome:
    """An attempt whose log is not whole says so, and is no plain success."""
    if not work.log_trouble:
        return outcome
    status = StepStatus.WARNING if outcome.status is StepStatus.SUCCESS else outcome.status
    lost = f"part of its log could not be kept: {work.log_trouble}"
    return replace(outcome, status=status, message=f"{outcome.message}; {lost}" if outcome.message else lost)


def _unseen(pid: int) -> KillReceipt:
    return KillReceipt(pid=pid, processes=1, signals=(), method="failed", duration_ms=0, survivors=(pid,))


def receipt_detail(receipt: KillReceipt) -> dict[str, object]:
    """A receipt as the history keeps it."""
    fields = asdict(receipt)
    return {
        "pid": fields["pid"],
        "processes": fields["processes"],
        "signals": list(fields["signals"]),
        "method": fields["method"],
        "durationInMilliseconds": fields["duration_ms"],
        "survivors": list(fields["survivors"]),
    }
