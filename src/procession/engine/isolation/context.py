"""The Context of an attempt (actions/contract.py): what the action sees, and its messages to the server."""

from __future__ import annotations

import _thread
import contextlib
import os
import threading
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from procession.actions.blackout import Blackout
from procession.actions.contract import ConnectionInput, InputValue, OutputTarget
from procession.actions.run_facts import RunFacts
from procession.engine.isolation import codec, frames, program
from procession.engine.isolation.channel import Channel
from procession.engine.isolation.contract import Heartbeat, Job, Progress, Record
from procession.model.journals import RECORD_CHARS_MAX, RECORDS_BYTES_MAX, RECORDS_MAX

BEAT_SECONDS = 1.0
_REHEARSED = program.Program(folder="", file="", modules=2**31, pid=0)
_PROGRESS_SECONDS_MIN = 0.05  # between two progress messages: a loop may report every row


class Pulse:
    """A thread that sends a heartbeat every second while a job runs, and the progress that was held back.

    Between jobs it sleeps for good; a job that follows within the second finds it awake and costs nothing.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._changed = threading.Condition()
        self._has_thread = False
        self._is_parked = False
        self._job_number = 0
        self._is_busy = False
        self.held_back: Progress | None = None

    def begin(self) -> None:
        """A job has begun."""
        self.held_back = None
        self._job_number += 1
        self._is_busy = True
        if not self._has_thread:
            self._has_thread = True
            # Not threading.Thread: its start() waits until the thread runs, a millisecond of a short step.
            _thread.start_new_thread(self._run, ())
        elif self._is_parked:
            with self._changed:
                self._changed.notify()

    def end(self) -> None:
        """The job is over; nothing more is sent for it."""
        self._is_busy = False

    def _run(self) -> None:
        with self._changed:
            while True:
                number = self._job_number
                self._changed.wait(BEAT_SECONDS)
                if not self._is_busy:
                    self._park()
                elif number == self._job_number:
                    self._beat()

    def _park(self) -> None:
        self._is_parked = True
        # A job that began before the flag was set did not notify.
        while not self._is_busy:
            self._changed.wait()
        self._is_parked = False

    def _beat(self) -> None:
        held_back, self.held_back = self.held_back, None
        try:
            self._channel.send(frames.encode(held_back or Heartbeat()))
        except OSError:
            os._exit(1)  # nobody is there to hear the outcome either


@dataclass(slots=True, kw_only=True)
class StepContext:
    """One attempt's Context; `settings` are the action's own, converted and checked."""

    job: Job
    settings: Any
    place: Path
    channel: Channel
    pulse: Pulse
    pid: int  # 0 in a rehearsal
    has_network: bool = False
    is_there: bool = False  # the folder: the engine makes that of user code
    blackout: Blackout = field(default_factory=partial(Blackout, None))
    _reported_at: float = field(default=0.0)
    _recording: threading.Lock = field(default_factory=threading.Lock)
    _recorded: int = field(default=0)
    _room_bytes: int = field(default=-1)  # not yet counted
    _program: program.Program = field(default=_REHEARSED)

    @property
    def folder(self) -> Path:
        """Created on first use: most built-in steps need none, and it costs a third of a millisecond."""
        if not self.is_there:
            self.place.mkdir(parents=True, exist_ok=True)
        return self.place

    @property
    def step_key(self) -> str:
        return self.job.step_key

    @property
    def idempotency_key(self) -> str:
        return self.job.idempotency_key

    @property
    def about(self) -> RunFacts | None:
        return self.job.about

    @property
    def memory_bytes_max(self) -> int:
        return self.job.limits.memory_bytes_max

    def value(self, reference: str) -> InputValue:
        return self.job.values[reference]

    def type_of(self, reference: str) -> str:
        return self.job.types[reference]

    def target(self, reference: str) -> OutputTarget:
        return self.job.targets[reference]

    @property
    def connection(self) -> ConnectionInput | None:
        return self.job.connection

    @property
    def journal(self) -> tuple[str, ...]:
        return self.job.journal

    def record(self, entry: str) -> None:
        if os.getpid() != self.pid:
            raise RuntimeError("only the step's own process records")
        with self._recording:
            # The journal is kept in the database, as long as the run, and copied by backups.
            entry = self.blackout.text(entry)
            self._require_room(entry)
            self._recorded += 1
            try:
                self.channel.send(frames.encode(Record(number=self._recorded, entry=entry)))
                answer = codec.decode_acknowledgement(self.channel.receive())
            except (OSError, EOFError) as error:
                # Nobody knows whether it is on disk: nothing more may happen. No "except Exception" of an action or a
                # library holds this up.
                raise SystemExit(1) from error
            assert answer == self._recorded, "the server acknowledges what was recorded"

    def _require_room(self, entry: str) -> None:
        if not 0 < len(entry) <= RECORD_CHARS_MAX or not entry.isprintable():
            raise ValueError(f"an entry of a journal is one line of 1 to {RECORD_CHARS_MAX} characters")
        if self._room_bytes < 0:
            self._room_bytes = RECORDS_BYTES_MAX - sum(len(one.encode()) for one in self.job.journal)
        self._room_bytes -= len(entry.encode())
        if self._recorded + len(self.job.journal) >= RECORDS_MAX or self._room_bytes < 0:
            raise ValueError("the step has recorded more than a step may")

    def log(self, text: str) -> None:
        # Past sys.stdout: an action may have put this very function behind it.
        left = (text if text.endswith("\n") else text + "\n").encode("utf-8", "replace")
        with contextlib.suppress(OSError):  # user code has closed it
            while left:
                left = left[os.write(1, left) :]

    def progress(self, fraction: float, message: str = "") -> None:
        # a fork made by user code must not speak for the step
        if os.getpid() != self.pid:
            return
        text = self.blackout.text(
            str(message).encode("utf-8", "replace").decode()
        )  # half a pair of UTF-16 cannot travel
        progress = Progress(fraction=min(1.0, max(0.0, float(fraction))), message=text)
        now = time.monotonic()
        if now - self._reported_at < _PROGRESS_SECONDS_MIN:
            self.pulse.held_back = progress
            return
        self._reported_at = now
        self.pulse.held_back = None
        self.channel.send(frames.encode(progress))

    @property
    def is_copy(self) -> bool:
        return self.pid not in {0, os.getpid()}

    def begin_program(self, code: str) -> str:
        if self.pid:
            self._program = program.begin(self.job.folder, self.step_key, code)
        return self._program.file

    def end_program(self) -> None:
        if self.pid:
            program.end()

    def close_files(self, names: MutableMapping[str, Any]) -> str:
        return program.close_files(self._program, names) if self.pid else ""
