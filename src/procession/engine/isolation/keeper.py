"""The parent of one worker and of everything it leaves behind: process 1 of its PID namespace, or a subreaper.

It runs nothing itself. It collects the dead, tells the server how the worker ended, and ends the rest with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FrameType

from procession.actions.contract import Action
from procession.engine.isolation import cgroups, channel, child, frames, linux, namespaces, processes, sandbox
from procession.shortages import is_shortage

_AGAIN_SECONDS = 0.1  # before what the machine was too short of is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a keeper is made with; `namespace` as in Hello, `user` and `group` those outside."""

    end: socket.socket
    log: int
    namespace: str
    user: int
    group: int
    registry: Mapping[str, Action]
    cell: sandbox.Cell
    user_code: bool


@dataclass(slots=True, kw_only=True)
class _Wishes:
    """TERM came: the tree may end in its own time, the server's grace period, rather than with the worker."""

    is_patient: bool = False


def keep(birth: Birth) -> None:
    """Fork the worker, watch it, end. Never returns; called in a fresh fork."""
    try:
        _close_others(birth)
        wishes = _prepare(birth)
        group = cgroups.of(
            birth.cell.settings, used_once=birth.user_code or birth.cell.reaching
        )  # before its root is another
        birth = replace(birth, cell=_furnish(birth.cell))
        worker = _fork()
        if worker == 0:
            cgroups.enter(group)
            _become_worker(birth)
        os.close(birth.log)
        _let_go(birth.cell)
        farewell = replace(_watch(worker, wishes), is_over_memory=cgroups.was_over_memory(group))
        _end_rest()
        with contextlib.suppress(OSError):  # the server has released it already
            channel.Channel(birth.end).send_farewell(frames.encode(farewell))
    finally:
        os._exit(0)


def _close_others(birth: Birth) -> None:
    """What the fork server has open, its libraries too, is nothing to a step: it might meet another's step there."""
    if birth.user_code or birth.cell.reaching:
        linux.close_others([0, 1, 2, birth.end.fileno(), birth.log, *(place.handle for place in birth.cell.system)])


def _furnish(cell: sandbox.Cell) -> sandbox.Cell:
    while True:
        try:
            return sandbox.furnish(cell)
        except OSError as error:
            if not is_shortage(error):
                raise
            _rest()


def _fork() -> int:
    """A job may wait already: its step must not fail because there is no room for a process at this moment."""
    while True:
        try:
            return os.fork()
        except OSError as error:
            if not is_shortage(error):
                raise
            _rest()


def _rest() -> None:
    select.select([], [], [], _AGAIN_SECONDS)


def _prepare(birth: Birth) -> _Wishes:
    wishes = _Wishes()
    # A group and a session of its own: Ctrl-C at the server's terminal is not meant for steps.
    os.setsid()
    namespaces.settle(birth.namespace, user=birth.user, group=birth.group)
    if not birth.namespace:
        linux.adopt_orphans()
    # Process 1 takes its namespace with it; elsewhere it must still end its tree, and does so on HUP.
    linux.die_with_parent(signal.SIGKILL if birth.namespace else signal.SIGHUP)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def be_patient(number: int, frame: FrameType | None) -> None:
        wishes.is_patient = True

    signal.signal(signal.SIGTERM, be_patient)
    signal.signal(signal.SIGHUP, _end_at_once)
    return wishes


def _become_worker(birth: Birth) -> None:
    linux.die_with_parent(signal.SIGKILL)
    place = child.WorkerContext(
        channel=channel.Channel(birth.end),
        registry=birth.registry,
        cell=birth.cell,
        user_code=birth.user_code,
        pid=os.getpid(),
    )
    child.work(place, log=birth.log)


def _watch(worker: int, wishes: _Wishes) -> frames.Exited:
    """Collect the dead until the worker is among them and, if there is patience, everybody else too."""
    farewell = frames.Exited(status=0, cpu_seconds=0)
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return farewell
        if pid == worker:
            farewell = frames.Exited(status=status, cpu_seconds=usage.ru_utime + usage.ru_stime)
            if not wishes.is_patient:
                return farewell


def _end_rest() -> None:
    """Kill whoever is left. In a namespace one call reaches all; a tree is walked until it is empty."""
    if os.getpid() == 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return
    _end_descendants()


def _end_descendants() -> None:
    while found := _descendants():
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _collect_dead()


def _descendants() -> list[int]:
    """Who they are must be known: whoever is not found is not ended."""
    while True:
        try:
            return processes.descendants(os.getpid())
        except OSError:
            _rest()


def _collect_dead() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _end_at_once(number: int, frame: FrameType | None) -> None:
    _end_rest()
    os._exit(0)


def _let_go(cell: sandbox.Cell) -> None:
    for place in cell.system:
        os.close(place.handle)
