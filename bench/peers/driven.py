"""A peer behind its driver: orders go to its input, answers come from its output."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.contract import Nature
from bench.peers.sides import with_descendants
from procession.engine.isolation import processes

ANSWER_SECONDS_MAX = 150.0
END_SECONDS_MAX = 20.0
ROOT = Path(__file__).resolve().parents[2]


class PeerFailed(Exception):
    """A peer did not do what it was asked; says what it said."""


class Driven:
    """The system that a driver drives."""

    def __init__(self, python: str, driven_by: str, place: Path) -> None:
        self._place = place
        with (place / "driver.log").open("ab") as log:
            self._process = subprocess.Popen(
                [python, "-m", "bench.peers.driver", driven_by, str(place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
            )
        self._seen: dict[int, int] = {}
        try:
            started = self._ask("start")
        except PeerFailed:
            self.close()
            raise
        self._roots = list(started["pids"])
        self.nature = Nature(**{**started["nature"], "packages": tuple(started["nature"]["packages"])})
        self.versions: Sequence[str] = started["versions"]

    def pids(self) -> set[int]:
        return with_descendants(self._roots)

    def rate(self, *, lanes: int, seconds: float) -> float:
        return float(self._ask("rate", lanes=lanes, seconds=seconds)["steps"])

    def firsts(self, *, count: int, seconds: float) -> list[float]:
        return list(self._ask("firsts", count=count, seconds=seconds)["ms"])

    def resist(self, names: str) -> None:
        self._ask("resist", names=names)

    def close(self) -> None:
        """What its driver leaves behind is killed one by one; a process that got the same id since is not."""
        self._look()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._look()
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        for pid, ticks in self._seen.items():
            if processes.is_running(pid, ticks) and (handle := processes.open_handle(pid, ticks)) is not None:
                processes.send_signal(handle, signal.SIGKILL)
                os.close(handle)
        shutil.rmtree(self._place, ignore_errors=True)

    def _look(self) -> None:
        for pid in with_descendants([self._process.pid]):
            if (ticks := processes.started_ticks(pid)) is not None:
                self._seen[pid] = ticks

    def _ask(self, order: str, **values: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": order, **values}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise PeerFailed(f"{order}: its driver has ended: {self._last_words()}") from error
        poll = select.poll()  # select() refuses descriptors beyond 1,023
        poll.register(self._process.stdout, select.POLLIN)
        ready = poll.poll(ANSWER_SECONDS_MAX * 1000)
        self._look()
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise PeerFailed(f"{order}: no answer: {self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise PeerFailed(f"{order}: {answer['error']} ({self._last_words()})")
        return answer

    def _last_words(self) -> str:
        """The last line of each log."""
        logs = {log.name: log.read_text(errors="replace").split("\n") for log in sorted(self._place.glob("*.log"))}
        said = {name: [line for line in lines if line.strip()] for name, lines in logs.items()}
        return "; ".join(f"{name}: {lines[-1].strip()}" for name, lines in said.items() if lines)
