"""Ends a process at the N-th point of its work, as kill -9 does: what the crash suites have in common."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

CRASHED = 137


class Countdown:
    """A crash point that ends the process like kill -9 does, the N-th time it is passed; else it counts.

    For `linger_seconds` before the end nothing more reaches the disk, and what was answered too early reaches a client.
    """

    def __init__(self, last: int | None, *, linger_seconds: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._last = last
        self._linger_seconds = linger_seconds
        self.passed: list[str] = []

    def __call__(self, point: str) -> None:
        with self._lock:
            self.passed.append(point)
            if len(self.passed) == self._last:
                threading.Event().wait(self._linger_seconds)
                os._exit(CRASHED)


def in_a_child(home: Path, work: Callable[[], object]) -> int:
    """Fork: a child that starts an interpreter anew would cost half a second. Gives its pid."""
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Later Pythons warn of threads, such as those of tests before; the child makes its own and uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        output = os.open(home / "child.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work()
        code = 0
    except BaseException:
        (home / "error").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def finish(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def at_once(homes: Mapping[int, Path], work: Callable[[Path, int], object]) -> dict[int, int]:
    """The work for each home, by its point, each in a child; gives how they ended."""
    pids = {point: in_a_child(home, partial(work, home, point)) for point, home in homes.items()}
    return {point: finish(pid) for point, pid in pids.items()}


def why(home: Path) -> str:
    """What a child that ended otherwise has said."""
    return "".join(path.read_text()[-3000:] for path in (home / "error", home / "child.log") if path.exists())


LANES = 4  # homes at once: most of a turn is waiting
STRIDE = 9  # in `make test`: odd, so that before and after a commit take turns
POINTS_MAX = 200


def at_every_point(
    folder: Path,
    perform: Callable[[Path, int], object],
    recover: Callable[[Path], object],
    check: Callable[[Path, str], None],
    *,
    stride: int,
) -> int:
    """Stops `perform` at each `stride`th of its points, in a copy of folder/model, and goes on; returns how many it met.

    `recover` is a new process on what was left; `check` looks at what came of it, and is told which point it was.
    """
    gc.freeze()
    next_point, crashes, is_complete = 1, 0, False
    while not is_complete:
        homes = {point: folder / str(point) for point in range(next_point, next_point + LANES * stride, stride)}
        for home in homes.values():
            shutil.copytree(folder / "model", home)
        ends = at_once(homes, perform)
        assert set(ends.values()) <= {0, CRASHED}, [why(home) for home in homes.values()]
        again = at_once(homes, lambda home, point: recover(home))
        for point, home in homes.items():
            assert again[point] == 0, f"point {point}: {why(home)}"
            check(home, f"point {point}")
        crashes += sum(end == CRASHED for end in ends.values())
        is_complete = ends[max(ends)] == 0
        next_point += LANES * stride
        assert next_point < POINTS_MAX
    return crashes
