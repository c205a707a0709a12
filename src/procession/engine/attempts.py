"""The processes of the steps under way: letting them go, hearing what they say, ending them.

Everything here runs in the engine's thread but the leaves that block (publishing files, killing), which run in a pool
and come back through `post`.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from procession.actions.contract import FileOutput
from procession.actions.contract import Outcome as StepOutcome
from procession.engine.board import Board, Work
from procession.engine.decisions import Result
from procession.engine.isolation.contract import Died, Done, Job, KillReceipt, LogText, Progress
from procession.engine.options import Tools, log_path
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.lifecycle import StepStatus

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Settled = Callable[[Board, Work, Result], None]


class Attempts:
    """`post` brings a call into the engine's thread; `settled` is told every end, once."""

    def __init__(self, tools: Tools, pool: ThreadPoolExecutor, *, post: Post, settled: Settled) -> None:
        self._tools = tools
        self._pool = pool
        self._post = post
        self._settled = settled
        self.progressed: Callable[[Board, Work, Progress], None] = lambda board, work, progress: None
        self.broken: Callable[[Board, Work], None] = lambda board, work: None

    def let_go(self, board: Board, work: Work) -> None:
        """Its row is committed: give the process its job."""
        assert work.attempt is not None
        folder = self.folder(work)
        action = self._tools.actions.get(work.step.action)
        if action is not None and action.runs_user_code:
            # Theirs must be there before the sandbox closes; built-in actions make one when they need it.
            folder.mkdir(parents=True, exist_ok=True)
        job = Job(
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
        try:
            work.worker.send(job)
        except ProcessionError as refused:
            self._end(board, work, StepOutcome(status=StepStatus.FAILED, message=refused.message))

    def folder(self, work: Work) -> Path:
        return self._tools.work / str(work.attempt)

    def hear(self, board: Board, work: Work) -> None:
        """Take in what the process has said. What goes wrong over it ends this attempt, and nothing else."""
        try:
            self._take_in(board, work)
        except Exception:  # the executor's arm: whatever one process says, the engine listens to the others
            log.exception("what a step's process said could not be taken in", extra={"attempt": work.attempt})
            self.broken(board, work)

    def _take_in(self, board: Board, work: Work) -> None:
        for message in work.worker.receive():
            match message:
                case LogText(text=text):
                    self._write_log(work, text)
                case Progress():
                    self.progressed(board, work, message)
                case Done(outcome=outcome):
                    self._end(board, work, outcome)
                case Died(reason=reason):
                    self._end(board, work, StepOutcome(status=StepStatus.FAILED, message=reason))

    def _write_log(self, work: Work, text: str) -> None:
        assert work.attempt is not None
        path = log_path(self._tools.logs, work.attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)

    def _end(self, board: Board, work: Work, outcome: StepOutcome) -> None:
        if work.is_over or work.is_killed:
            return
        work.is_over = True
        files = {name: value for name, value in outcome.outputs.items() if isinstance(value, FileOutput)}
        if files and outcome.status is not StepStatus.FAILED:
            self._pool.submit(self._publish, board, work, outcome, files)
        else:
            self._settle(board, work, outcome, {})

    def _publish(self, board: Board, work: Work, outcome: StepOutcome, files: Mapping[str, FileOutput]) -> None:
        """In the pool: every file becomes durable before the row that names it."""
        contents: dict[str, Content] = {}
        folder = self.folder(work)
        try:
            for reference, file in files.items():
                contents[reference] = self._tools.blobs.take(Path(file.path), inside=folder)
        except (ProcessionError, OSError) as error:
            reason = error.message if isinstance(error, ProcessionError) else f"an output could not be kept: {error}"
            outcome = StepOutcome(status=StepStatus.FAILED, message=reason)
        except Exception:  # the executor's arm: a step whose end nobody hears of holds its slot for ever
            log.exception("an output could not be kept", extra={"attempt": work.attempt})
            outcome = StepOutcome(status=StepStatus.FAILED, message="an output could not be kept; see the server's log")
        self._post(lambda: self._settle(board, work, outcome, contents))

    def _settle(self, board: Board, work: Work, outcome: StepOutcome, contents: Mapping[str, Content]) -> None:
        if work.is_killed:
            # The run was dropped while the files were published: a late result.
            self._settled(board, work, Result(outcome=outcome, contents=contents, seconds=0.0))
            return
        seconds = max(self._tools.clock.monotonic() - work.began, 0.0)
        self.free(work)
        self.clear(work)
        self._settled(board, work, Result(outcome=outcome, contents=contents, seconds=seconds))

    def free(self, work: Work) -> None:
        """Give the process back, once: a second time it may be at work for another run."""
        if not work.is_freed:
            work.is_freed = True
            self._tools.isolation.release(work.worker)

    def clear(self, work: Work) -> None:
        """The folder goes: at once when it is empty, else in the pool."""
        if work.attempt is None:
            return
        folder = self.folder(work)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            self._pool.submit(shutil.rmtree, folder, True)

    def kill(self, work: Work, ended: Callable[[KillReceipt, StepOutcome | None], None]) -> None:
        """End the process and all its descendants; `ended` gets the receipt and, if there is one, a late outcome."""
        work.is_killed = True
        self._pool.submit(self._kill, work, ended)

    def _kill(self, work: Work, ended: Callable[[KillReceipt, StepOutcome | None], None]) -> None:
        late: StepOutcome | None = None
        # Until its end is seen, the process counts as a survivor.
        receipt = _unseen(work.worker.mark.pid)
        try:
            receipt = work.worker.kill(grace_seconds=self._tools.settings.grace_seconds)
            late = next((message.outcome for message in work.worker.receive() if isinstance(message, Done)), None)
        except Exception:  # the executor's arm: a slot whose process is not given back is lost
            log.exception("a step's process could not be ended", extra={"attempt": work.attempt})
        finally:
            if receipt.survivors:
                log.error("processes survived", extra={"attempt": work.attempt, "pids": receipt.survivors})
            self._post(lambda: self._killed(work, receipt, late, ended))

    def _killed(
        self,
        work: Work,
        receipt: KillReceipt,
        late: StepOutcome | None,
        ended: Callable[[KillReceipt, StepOutcome | None], None],
    ) -> None:
        self.free(work)
        self.clear(work)
        ended(receipt, late)


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
