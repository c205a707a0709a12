"""The processes of the steps under way: letting them go, hearing what they say, ending them.

Everything here runs in the loop's thread but the leaves that block (publishing files, killing), which run in a pool and
come back as events, whatever happens to them.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from procession.actions.contract import FileOutput
from procession.actions.contract import Outcome as StepOutcome
from procession.engine.board import Work
from procession.engine.events import Event, Killed, Published
from procession.engine.isolation.contract import Died, Done, Job, KillReceipt, LogText, Progress
from procession.engine.options import Tools
from procession.engine.stages import Stage
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.lifecycle import StepStatus

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Said:
    """What a process said since it was last listened to, its log apart; `outcome` when it is over."""

    progress: Progress | None = None
    outcome: StepOutcome | None = None
    trouble: str = ""  # why this process cannot be listened to any more


class Attempts:
    """`post` brings an event to the loop, from any thread."""

    def __init__(self, tools: Tools, post: Callable[[Event], None]) -> None:
        self._tools = tools
        self._post = post
        self._pool = ThreadPoolExecutor(max_workers=tools.settings.workers_max + 4, thread_name_prefix="attempt")

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def let_go(self, work: Work) -> StepOutcome | None:
        """Its row is committed: give the process its job. Gives how the attempt has ended where that cannot be."""
        work.move(Stage.RUNNING)
        try:
            self._send(work)
        except ProcessionError as error:
            return StepOutcome(status=StepStatus.FAILED, message=error.message)
        except Exception as error:  # the engine's arm: a step that never begins would be Running for ever
            log.exception("a step could not begin", extra={"attempt": work.attempt})
            return StepOutcome(status=StepStatus.FAILED, message=f"the step could not begin: {error}")
        return None

    def _send(self, work: Work) -> None:
        board, folder = work.board, self.folder(work)
        action = self._tools.actions.get(work.step.action)
        if action is not None and action.runs_user_code:
            # Theirs must be there before the sandbox closes; built-in actions make one when they need it.
            folder.mkdir(parents=True, exist_ok=True)
        work.worker.send(
            Job(
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
            for message in work.worker.receive():
                match message:
                    case LogText(text=text):
                        self._keep_log(work, text)
                    case Progress():
                        said.progress = message
                    case Done(outcome=outcome):
                        said.outcome = _with_lost_log(work, outcome)
                    case Died(reason=reason, is_gone=False):
                        said.trouble = reason
                    case Died(reason=reason):
                        said.outcome = StepOutcome(status=StepStatus.FAILED, message=reason)
        except Exception:  # the engine's arm: whatever one process says, the engine listens to the others
            log.exception("what a step's process said could not be taken in", extra={"attempt": work.attempt})
            said.trouble = "what the step's process said could not be taken in; see the server's log"
        return said

    def _keep_log(self, work: Work, text: str) -> None:
        """A log that cannot be kept, on a full disk say, does not end its step; the step's end tells of it."""
        try:
            self._tools.logs.append(work.attempt, text.encode("utf-8", "replace"))
        except OSError as error:
            work.log_trouble = work.log_trouble or (error.strerror or str(error))
            log.error("a step's log could not be kept", extra={"attempt": work.attempt, "error": str(error)})

    def publish(self, work: Work, outcome: StepOutcome) -> None:
        """Make the files of the outcome durable; Published comes when that is done."""
        self._pool.submit(self._publish, work, outcome)

    def _publish(self, work: Work, outcome: StepOutcome) -> None:
        contents: dict[str, Content] = {}
        folder = self.folder(work)
        try:
            for reference, file in files_of(outcome).items():
                contents[reference] = self._tools.blobs.take(Path(file.path), inside=folder)
        except (ProcessionError, OSError) as error:
            reason = error.message if isinstance(error, ProcessionError) else f"an output could not be kept: {error}"
            outcome = StepOutcome(status=StepStatus.FAILED, message=reason)
        except Exception:  # the pool's arm: a step whose end nobody hears of holds its slot for ever
            log.exception("an output could not be kept", extra={"attempt": work.attempt})
            outcome = StepOutcome(status=StepStatus.FAILED, message="an output could not be kept; see the server's log")
        self._post(Published(work, outcome, contents))

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
            self._pool.submit(shutil.rmtree, folder, True)

    def kill(self, work: Work) -> None:
        """End the process and all its descendants; Killed comes when they are gone."""
        work.move(Stage.KILLING)
        self._pool.submit(self._kill, work)

    def _kill(self, work: Work) -> None:
        late: StepOutcome | None = None
        # Until its end is seen, the process counts as a survivor.
        receipt = _unseen(work.worker.mark.pid)
        try:
            receipt = work.worker.kill(grace_seconds=self._tools.settings.grace_seconds)
            late = next((message.outcome for message in work.worker.receive() if isinstance(message, Done)), None)
        except Exception:  # the pool's arm: a slot whose process is not given back is lost
            log.exception("a step's process could not be ended", extra={"attempt": work.attempt})
        finally:
            if receipt.survivors:
                log.error("processes survived", extra={"attempt": work.attempt, "pids": receipt.survivors})
            self._post(Killed(work, receipt, late))


def files_of(outcome: StepOutcome) -> Mapping[str, FileOutput]:
    """What has to be made durable before the outcome is recorded."""
    if outcome.status is StepStatus.FAILED:
        return {}
    return {name: value for name, value in outcome.outputs.items() if isinstance(value, FileOutput)}


def _with_lost_log(work: Work, outcome: StepOutcome) -> StepOutcome:
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
