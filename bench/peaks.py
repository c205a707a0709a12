"""The most memory that any process below another one has had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from procession.engine.isolation import processes

PERIOD_SECONDS = 0.02


@dataclass(slots=True)
class Peak:
    mb: float = 0.0

    def look(self, root: int) -> None:
        """The kernel keeps the most of each process, so what happened between two looks is seen too."""
        self.mb = max([self.mb, *map(_most_mb, processes.descendants(root))])


@contextmanager
def of_children(root: int) -> Iterator[Peak]:
    peak, is_over = Peak(), threading.Event()

    def watch() -> None:
        while not is_over.wait(PERIOD_SECONDS):
            peak.look(root)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()
        peak.look(root)


def _most_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return 0.0
    found = status.partition("VmHWM:")[2].split()
    return int(found[0]) / 1024 if found else 0.0  # one that is about to end has no memory
