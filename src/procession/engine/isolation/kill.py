"""Ends a worker with all its descendants, and gives a receipt."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from procession.engine.isolation import processes
from procession.engine.isolation.contract import KillReceipt, ProcessMark

NAMESPACE, TREE = "pid namespace", "process tree"
BY_HANDLE = "by its handle"  # the kernel, or its keeper, ends the others with it
UNSEEN = "unseen: its keeper ended first"  # and with it who knew the others
_GONE_SECONDS_MAX = 5.0  # after KILL; only a process stuck in the kernel takes longer, and is reported
_NUDGE_SECONDS = 0.2  # after which the worker, and nobody else, is sent a second TERM
_PASS_MS = 3  # between two looks at a process tree


@dataclass(slots=True, kw_only=True)
class _Tree:
    """The processes under one keeper; `seen` collects pid -> started ticks of every one that was ever found."""

    mark: ProcessMark
    handle: int  # the keeper's pidfd
    namespace: str | None  # None: no namespace of its own
    seen: dict[int, int] = field(default_factory=dict)

    def look(self) -> list[int]:
        """Who is there now, the keeper not counted: it is ours, and only watches."""
        found = processes.members(self.namespace) if self.namespace else processes.descendants(self.mark.pid)
        alive = []
        for pid in found:
            ticks = processes.started_ticks(pid)
            if ticks is not None and pid != self.mark.pid and processes.is_running(pid, ticks):
                # The latest counts: a number may have belonged to an earlier process.
                self.seen[pid] = ticks
                alive.append(pid)
        return alive

    def left(self) -> tuple[int, ...]:
        everyone = {self.mark.pid: self.mark.started_ticks, **self.seen}
        return tuple(pid for pid, ticks in everyone.items() if processes.is_running(pid, ticks))


def end(mark: ProcessMark, *, grace_seconds: float) -> KillReceipt | None:
    """TERM to all, wait at most the grace period, KILL, wait until all are gone. None when nothing was there.

    Raises OSError where it cannot look who is there; then nothing is known of the end.
    """
    started = time.monotonic()
    if mark.boot_id != processes.boot_id():
        return None
    handle = processes.open_handle(mark.pid, mark.started_ticks)
    if handle is None:
        return None
    try:
        own = processes.namespace("self")
        theirs = processes.namespace(mark.pid)
        tree = _Tree(mark=mark, handle=handle, namespace=theirs if theirs != own else None)
        if not processes.is_running(mark.pid, mark.started_ticks):
            return None
        signals = _end(tree, grace_seconds)
    finally:
        os.close(handle)
    return KillReceipt(
        pid=mark.pid,
        processes=len(tree.seen),
        signals=signals,
        method=NAMESPACE if tree.namespace else TREE,
        duration_ms=round((time.monotonic() - started) * 1000),
        survivors=tree.left(),
    )


def nobody(mark: ProcessMark, *, was_ended: bool, is_sure: bool) -> KillReceipt:
    """The receipt where end() found nothing; `was_ended`: because its keeper had been sent KILL before.

    Not `is_sure`: the keeper of a process tree was killed, and did not say that it had ended the others.
    """
    method = BY_HANDLE if was_ended else "already gone"
    return KillReceipt(
        pid=mark.pid,
        processes=int(was_ended),
        signals=("KILL",) if was_ended else (),
        method=method if is_sure else UNSEEN,
        duration_ms=0,
        survivors=(),
    )


def _end(tree: _Tree, grace_seconds: float) -> tuple[str, ...]:
    found = tree.look()
    if grace_seconds > 0:
        # The keeper first: it learns that the tree may end in its own time, not with the worker.
        processes.send_signal(tree.handle, signal.SIGTERM)
        _signal(tree, found, signal.SIGTERM)
        nudge_seconds = min(_NUDGE_SECONDS, grace_seconds)
        if not _has_ended(tree.handle, nudge_seconds):
            # Python hears of a signal that comes just before a sleep when the sleep is over, or by another one.
            _signal(tree, set(found) & set(processes.children(tree.mark.pid)), signal.SIGTERM)
        if _has_ended(tree.handle, grace_seconds - nudge_seconds) and not tree.left():
            return ("TERM",)
        tree.look()
    if tree.namespace:
        processes.send_signal(tree.handle, signal.SIGKILL)
        _has_ended(tree.handle, _GONE_SECONDS_MAX)
    else:
        _kill_all(tree)
    return ("TERM", "KILL") if grace_seconds > 0 else ("KILL",)


def _kill_all(tree: _Tree) -> None:
    """Kill until nobody is left: a fork between two looks only costs another pass. The keeper ends by itself then."""
    end_at = time.monotonic() + _GONE_SECONDS_MAX
    processes.end_keeper(tree.handle, signal.SIGHUP)
    while time.monotonic() < end_at:
        found = {*tree.look(), *tree.left()} - {tree.mark.pid}
        _signal(tree, found, signal.SIGKILL)
        if not found and _has_ended(tree.handle, _PASS_MS / 1000):
            return
        _has_ended(tree.handle, _PASS_MS / 1000)
        if not tree.left():
            return
    processes.send_signal(tree.handle, signal.SIGKILL)


def _signal(tree: _Tree, pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        handle = processes.open_handle(pid, tree.seen.get(pid, -1))
        if handle is not None:
            try:
                processes.send_signal(handle, number)
            finally:
                os.close(handle)


def _has_ended(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(1, seconds * 1000)))
