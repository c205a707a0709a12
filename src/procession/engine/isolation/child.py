"""The worker: waits for a job, runs its action, reports its end. Runs only below a keeper."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import msgspec

from procession.actions import blackout
from procession.actions.contract import Action, FileOutput, StepOutcome
from procession.actions.problems import Problem
from procession.engine.isolation import (
    codec,
    frames,
    leftovers,
    limits,
    private_root,
    program,
    rehearsal,
    sandbox,
)
from procession.engine.isolation.channel import Channel
from procession.engine.isolation.context import Pulse, StepContext
from procession.engine.isolation.contract import Done, Heartbeat, Job
from procession.model.lifecycle import StepStatus

_JOBS_BETWEEN_COLLECTIONS = 50
NOT_APART = (
    "scripts do not run on this server: its machine cannot keep them apart from the server's own files and processes"
    " (missing: {}); its operator can allow them all the same (PROCESSION_ISOLATION=weak)"
)
# Not 1,000: programs that watch memory themselves go by it too, and would end a small step before anything large.
_OOM_SCORE = "300"
# A third of the weight of the server, which others wait for; where nobody wants the processor it changes nothing.
_NICE = 5
_EXIT_AFTER_TERM = 128 + signal.SIGTERM
_OPEN = blackout.Blackout(None)  # nothing to black out
_held = threading.local()  # the signals that a thread held back before it began to fork


class _Terminated(SystemExit):
    """TERM arrived: raised in the action, so that its `finally` blocks run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """Everything a worker has, except its job."""

    channel: Channel
    registry: Mapping[str, Action]
    cell: sandbox.Cell
    user_code: bool
    pid: int


def work(place: WorkerContext, *, log: int) -> None:
    """Do one job (user code) or job after job, until the server closes the channel. Never returns."""
    code = 1
    try:
        _settle_in(log)
        if place.user_code:
            _work_once(place)
        elif place.cell.reaching:
            _reach_once(place)
        else:
            _work_on(place)
        code = 0
    except EOFError:
        code = 0
    except _Terminated:
        code = _EXIT_AFTER_TERM
    except SystemExit as error:
        code = _exit_code(error)
    except BaseException:  # the last line of a process: nothing may get past it
        traceback.print_exc()
    finally:
        # Past every exit hook and every thread that user code left behind, in a forked copy of this process too.
        os._exit(code)


def _settle_in(log: int) -> None:
    _be_first_to_go()
    signal.signal(signal.SIGTERM, _terminate)
    os.register_at_fork(before=_hold_terminate, after_in_parent=_let_terminate_come, after_in_child=_die_of_terminate)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    # New ones, by line: what was printed before a crash must be in the log.
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]  # libraries go back to these


def _be_first_to_go() -> None:
    """Where the machine runs out of memory, its kernel ends steps before the server, and the largest of all first."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def _hold_terminate() -> None:
    # Python forgets in the new process what came before its first line: a parent would wait for it for ever.
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_terminate_come() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _die_of_terminate() -> None:
    # Its parent, such as a pool, waits for what it has ended: an exception might get lost there.
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_terminate_come()


def _terminate(number: int, frame: FrameType | None) -> None:
    # A second one (kill.py) ends no cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated(_EXIT_AFTER_TERM)


def _work_once(place: WorkerContext) -> None:
    # All that needs no job is done while nobody waits for it, the copying of the pages that a job writes to included.
    rules = sandbox.prepare(place.cell)
    rehearsal.rehearse(place.registry)
    if place.cell.has_own_mounts:
        program.rehearse(private_root.SHARED_MEMORY)
    sys.path += place.cell.settings.library_paths
    job = codec.decode_job(place.channel.receive())
    pulse = Pulse(place.channel)
    sandbox.enter(place.cell, rules, job)
    os.nice(_NICE)
    outcome = _perform(place, pulse, job)
    has_files = any(isinstance(value, FileOutput) for value in outcome.outputs.values())
    done = Done(outcome=outcome, leaves=leftovers.may_be(has_files=has_files))
    _finish(place, frames.Finished(done=done, job=job.number, reusable=False))
    if done.leaves:
        place.channel.receive()  # they end with this process: the server looks at them first


def _reach_once(place: WorkerContext) -> None:
    """One job of a built-in action, which has the network and may have been given secrets."""
    payload = place.channel.receive()
    job = codec.decode_job(payload)
    blackout.wipe(payload)
    guard = blackout.Blackout(job.connection)
    pulse = Pulse(place.channel)
    sandbox.enter_reaching(place.cell, job)
    os.nice(_NICE)
    with guard.over_log(1, 2):
        try:
            outcome = guard.outcome(_perform(place, pulse, job, guard))
        except SystemExit:
            raise
        except BaseException:  # told here: past the guard, its words would be told as they are
            traceback.print_exc()
            raise SystemExit(1) from None
        finally:
            _flush_log()
    _finish(place, frames.Finished(done=Done(outcome=outcome), job=job.number, reusable=False))


def _work_on(place: WorkerContext) -> None:
    sandbox.enter_warm(place.cell)
    pulse = Pulse(place.channel)
    jobs, limited = 0, None
    while True:
        _await_job(place)
        job = codec.decode_job(place.channel.receive())
        # Ten system calls of a job that does nothing. Time of the processor is counted from each job's beginning.
        if job.limits == limited and limited.cpu_seconds_max is None:
            limits.apply_memory(job.limits, for_good=False)
        else:
            limits.apply(job.limits, for_good=False)
            limited = job.limits
        done = Done(outcome=_perform(place, pulse, job))
        _finish(place, frames.Finished(done=done, job=job.number, reusable=not limits.is_worn(job.limits)))
        jobs += 1
        if jobs % _JOBS_BETWEEN_COLLECTIONS == 0:
            gc.collect()


def _await_job(place: WorkerContext) -> None:
    """Wait; a heartbeat without a job tells the server that this worker has long had nothing to do."""
    poll = select.poll()
    poll.register(place.channel.fileno(), select.POLLIN)
    while not poll.poll(place.cell.settings.idle_seconds * 1000):
        place.channel.send(frames.encode(Heartbeat()))


def _perform(place: WorkerContext, pulse: Pulse, job: Job, guard: blackout.Blackout = _OPEN) -> StepOutcome:
    pulse.begin()
    try:
        outcome = _run(place, pulse, job, guard)
    except MemoryError:
        outcome = StepOutcome(status=StepStatus.FAILED, message=limits.memory_reason(job.limits))
    except Exception as error:  # an action's bug must fail only its step
        traceback.print_exc()
        # Not the whole of an OSError: it names a path of this machine. The traceback above does, for whoever runs it.
        words = (error.strerror or error) if isinstance(error, OSError) else error
        message = f"the action {job.action} failed unexpectedly: {type(error).__name__}: {words}"
        outcome = StepOutcome(status=StepStatus.FAILED, message=message)
    finally:
        pulse.end()
    return outcome


def _run(place: WorkerContext, pulse: Pulse, job: Job, guard: blackout.Blackout) -> StepOutcome:
    action = place.registry.get(job.action)
    if action is None:
        return StepOutcome(status=StepStatus.FAILED, message=f"there is no action {job.action}")
    try:
        settings = msgspec.convert(job.settings, action.settings)
    except msgspec.ValidationError as error:
        return StepOutcome(status=StepStatus.FAILED, message=f"the settings of {job.action} are wrong: {error}")
    folder = Path(job.folder)
    if action.runs_user_code and place.cell.missing and not place.cell.settings.weak:
        return StepOutcome(status=StepStatus.FAILED, message=NOT_APART.format(", ".join(place.cell.missing)))
    has_folder = action.runs_user_code or place.cell.reaching
    if has_folder:
        _move_into(job.folder)
    context = StepContext(
        job=job,
        settings=settings,
        place=folder,
        channel=place.channel,
        pulse=pulse,
        pid=place.pid,
        has_network=place.cell.has_network,
        is_there=has_folder,
        blackout=guard,
    )
    if job.previews:
        if action.preview is None:
            return StepOutcome(status=StepStatus.FAILED, message=f"{job.action} cannot say what it would do")
        try:
            return StepOutcome(status=StepStatus.SUCCESS, message=action.preview(context))
        # What could not be sent would fail the step as well.
        except Problem as problem:
            return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    return action.run(context)


def _finish(place: WorkerContext, finished: frames.Finished) -> None:
    if os.getpid() != place.pid:
        # A copy that user code forked and that came to the end of the script: not the step.
        os._exit(int(finished.done.outcome.status is StepStatus.FAILED))
    _flush_log()
    try:
        frame = frames.encode(finished)
    except codec.Malformed as error:
        failed = StepOutcome(status=StepStatus.FAILED, message=error.message)
        frame = frames.encode(replace(finished, done=Done(outcome=failed)))
    place.channel.send(frame)


def _flush_log() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # user code may have closed or replaced it
            stream.flush()


def _move_into(folder: str) -> None:
    os.chdir(folder)
    os.environ["HOME"] = os.environ["TMPDIR"] = folder
    # The user lent to a step is in no list of users: libraries that want its name look here first.
    os.environ["USER"] = os.environ["LOGNAME"] = "step"
    if (tempfile := sys.modules.get("tempfile")) is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]  # its first answer was another job's folder


def _exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1
