"""W6: cancels of a step that ignores TERM and has forked into sessions of its own; no process may be left."""

from __future__ import annotations

import os
import select
from functools import partial
from pathlib import Path
from time import monotonic

from bench.figures import Figure, Report, seconds
from bench.server import Client, process_text, python_step, serving

CANCELS, CANCELS_FULL = 20, 200
GRACE_SECONDS = 0.5
PROCESSES = 3  # the script, its child and its grandchild
LOOK_SECONDS_MAX = 30.0
LOOK_SECONDS = 0.002

# The name in /proc counts the processes from outside, without asking Procession; forks inherit it.
CODE = """
import ctypes, os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    os.fork()
while True:
    time.sleep(60)
"""


def measure(*, full: bool) -> Report:
    """Seen from outside: processes of that name in /proc after the cancel, and how long the last one lived."""
    name = f"w6-{os.getpid()}"
    answers, over, receipts = list[float](), list[float](), list[float]()
    with serving(grace_seconds=GRACE_SECONDS) as server:
        client = server.client()
        code = CODE.format(name=name)
        process = client.publish(process_text("W6", 1, lambda number: python_step(number, code)))
        for _ in range(CANCELS_FULL if full else CANCELS):
            run = client.create(process, start=True)
            wait_for(name, PROCESSES)
            began = monotonic()
            answers.append(seconds(partial(client.ask, "POST", f"processruns/{run}/cancel")) * 1000)
            wait_for(name, 0)
            over.append(monotonic() - began - GRACE_SECONDS)
            receipts.append(float(_receipt_processes(client, run)))
        left = float(len(_named(name)))
    return Report(
        work="W6",
        title=f"cancel of a step that ignores TERM, forks and calls setsid; grace {GRACE_SECONDS:g} s",
        figures=(
            Figure(name="processes left, counted in /proc", unit="", values=(left,), at_most=0),
            Figure(
                name="last process gone, beyond the grace period",
                unit="s",
                values=tuple(over),
                at_most=1.0,
                percentile=99,
            ),
            Figure(name="answer to POST cancel", unit="ms", values=tuple(answers)),
            Figure(name="processes ended, by the receipt in the history", unit="", values=tuple(receipts)),
        ),
        remarks=("the floor is the grace period itself: these processes never end by themselves",),
    )


def _named(name: str) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - thousands of times
        if entry.isdigit():
            try:
                if Path(f"/proc/{entry}/comm").read_text().strip() == name and not _is_zombie(entry):
                    found.append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def _is_zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"


def wait_for(name: str, count: int) -> None:
    """Look, again and again: nobody but the kernel can be asked for processes that belong to nobody."""
    end_at = monotonic() + LOOK_SECONDS_MAX
    while len(_named(name)) != count:
        assert monotonic() < end_at, f"{len(_named(name))} processes instead of {count}"
        select.select([], [], [], LOOK_SECONDS)


def _receipt_processes(client: Client, run: str) -> int:
    """What the receipt of the kill says; it must name no survivor."""
    status = client.status(run)
    while True:
        events = client.ask("GET", f"processruns/{run}/history")["events"]
        killed = [event["detail"] for event in events if event["kind"] == "killed"]
        if killed:
            assert killed[0]["survivors"] == [], killed
            return int(killed[0]["processes"])
        status = client.status(run, since=status["revision"])
