"""Servers and workers that a peer starts: children of its driver, ended by their own pid."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

READY_SECONDS_MAX = 60.0
END_SECONDS_MAX = 5.0


class Children:
    """In the order of their start; ended the other way round."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, **options: Any) -> None:
        with log.open("ab") as out:
            self._processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, **options)
            )

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    def until(self, is_ready: Callable[[], object]) -> None:
        """Asks until it says yes; a child that ended meanwhile will never be ready."""
        end_at = time.monotonic() + READY_SECONDS_MAX
        while not is_ready():
            ended = [process.args for process in self._processes if process.poll() is not None]
            assert not ended, f"ended at its start: {ended}"
            assert time.monotonic() < end_at, "not ready in time"
            time.sleep(0.05)

    def end(self) -> None:
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS_MAX)
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
