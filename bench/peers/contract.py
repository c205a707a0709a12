"""What each system does for the comparison. Its module runs in the environment of the peers, never in ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

STEPS = 5  # of a run, one after the other
LANES = 16  # as many runs, and as many workers, at once
WAIT_SECONDS_MAX = 60.0


class Work(StrEnum):
    """What a run does."""

    STEPS = "steps"  # its steps do nothing
    FIRST = "first"  # one step, whose first statement tells the time to a file
    RESIST = "resist"  # one step that ignores TERM and has a child that does


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What must be said beside a system's figures."""

    packages: tuple[str, ...]  # whose versions are told
    durability: str
    isolation: str
    cancel: str
    remark: str = ""


class Peer(Protocol):
    """A system with its servers and workers, started on an empty folder."""

    nature: Nature

    def start(self, place: Path) -> None:
        """Returns when a run can be submitted. What it starts listens on loopback or on sockets in that folder."""

    def roots(self) -> Sequence[int]:
        """The processes that are the system: whoever counts its memory adds all below them."""

    def submit(self, work: Work, text: str = "") -> Any:
        """A run; `text` is for its step. Returns when the run is stored. Called from many threads."""

    def wait(self, run: Any) -> None:
        """Until the run has succeeded; within WAIT_SECONDS_MAX."""

    def cancel(self, run: Any) -> None:
        """The most that it offers against a step under way."""

    def stop(self) -> None:
        """Ends what it started, also when its start failed half way."""
