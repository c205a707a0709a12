"""The port between the engine and the processes in which steps run.

The engine acquires a worker, commits the attempt's row with the worker's pid, and only then sends the job: the job is
the "go" (ARCHITECTURE.md, invariant 2). A worker says what it does in messages; when it says Done, or its pipe ends, it
is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from procession.actions.contract import ConnectionInput, InputValue, OutputTarget, StepOutcome
from procession.actions.run_facts import RunFacts
from procession.walls import Wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of an attempt; cpu_seconds None: only the step's time limit."""

    memory_bytes_max: int = 4 * 2**30
    file_bytes_max: int = 8 * 2**30
    open_files_max: int = 1024
    processes_max: int = 256
    cpu_seconds_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt at one step, everything resolved; crosses the pipe whole."""

    action: str
    settings: Mapping[str, Any]
    values: Mapping[str, InputValue]  # "step.property" -> value at the moment the step began
    types: Mapping[str, str]  # of the same properties
    targets: Mapping[str, OutputTarget]
    folder: str  # the attempt's own empty folder, made by the engine
    step_key: str
    idempotency_key: str
    limits: Limits
    connection: ConnectionInput | None = None
    journal: tuple[str, ...] = ()  # what earlier tries recorded
    about: RunFacts | None = None
    previews: bool = False  # only what it would do outside is asked for (Action.preview)
    number: int = 1  # the how-many-th of its process, which sets it


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    fraction: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogText:
    text: str  # may hold several lines; ends with a newline unless the worker was cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`leaves`: processes that the step started may still run; its own waits until it is released."""

    outcome: StepOutcome
    leaves: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """The process ended without an outcome; `reason` in the user's words ("used more than 4 GB of memory").

    Not `is_gone`: it said what no step says. Nothing more of it is believed, and it must be killed.
    """

    reason: str
    is_gone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An entry for the step's journal: the process waits until it is acknowledged by its number, from 1."""

    number: int
    entry: str


Message = Heartbeat | Progress | LogText | Record | Done | Died


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A process that a step has left behind, and the files that it has open for writing."""

    name: str
    writes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReceipt:
    """Proof that a worker and all its descendants are gone, shown in a run's history."""

    pid: int
    processes: int  # how many were found, the worker included
    signals: tuple[str, ...]  # ("TERM",) or ("TERM", "KILL") or ("KILL",)
    method: str  # "pid namespace" or "process tree"; "unseen.." claims nothing of the others
    duration_ms: int
    survivors: tuple[int, ...]  # always (); a pid here is reported as an error


class ProcessMark(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a process after a crash of the server, never mistaking another for it."""

    pid: int
    started_ticks: int  # field 22 of /proc/PID/stat
    boot_id: str


class Worker(Protocol):
    """One process, ready; belongs to whoever acquired it until it is released or killed."""

    @property
    def mark(self) -> ProcessMark: ...

    def fileno(self) -> int:
        """Readable when a message has arrived or the process is gone; for a selector."""

    def send(self, job: Job) -> None:
        """Go. Never blocks for longer than the pipe takes the job; a dead worker shows in receive().

        Raises OSError where there is no memory for it: nothing was sent, and it may be again.
        """

    def acknowledge(self, number: int) -> None:
        """Lets the process go on: what it recorded under this number is on disk. Raises as send() does."""

    def receive(self) -> list[Message]:
        """The messages that have arrived; never waits. Done or Died comes last, once at most. Raises as send() does."""

    def left_behind(self) -> list[Left]:
        """After Done that `leaves`: who still runs. Blocks for a moment; raises OSError for a shortage."""

    def kill(self, *, grace_seconds: float) -> KillReceipt:
        """TERM to the whole tree, at most the grace period later KILL, until all are gone. Blocks: call in a thread.

        Raises OSError where nobody can be looked for: KILL is sent all the same, and another call sees who is gone.
        """


class Isolation(Protocol):
    def start(self) -> None: ...

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        """A ready worker, at once, or None when none is ready yet (then fileno() becomes readable later).

        `network` is for user code that asks for it, `reaching` for a built-in action that reaches outside.
        """

    def fileno(self) -> int:
        """Readable when a worker has become ready; call collect() then."""

    def collect(self) -> None:
        """Collects the workers that the fork server announced."""

    @property
    def is_short(self) -> bool:
        """Whether something could not be done for want of descriptors, memory or processes: try_again() in a moment."""

    def try_again(self) -> None: ...

    def release(self, worker: Worker) -> None:
        """Ends the attempt: kills a process for one attempt with its descendants, returns a warm one."""

    def rest(self) -> None:
        """Call it when all that could go on does, after acquire() and release(): it orders what is missing."""

    def reap(self, mark: ProcessMark) -> KillReceipt | None:
        """End what is left of an attempt of a server that crashed; None when nothing was left."""

    def walls(self) -> tuple[Wall, ...]:
        """What stands between a step and the rest of this machine, for `doctor` and the start-up line."""

    def close(self) -> None:
        """Ends every process that was started, within the grace period."""
