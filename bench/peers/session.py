"""The peers of one run of the bench: installs each, holds its contest, and keeps what the table is made of."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from bench.figures import Report
from bench.peers import contest, environment
from bench.peers.contest import Measured
from bench.peers.driven import Driven, PeerFailed
from bench.peers.environment import NotInstalled
from bench.peers.sides import Ours
from bench.peers.systems import SYSTEMS, System

PREFIX = "peers"
NAMES = tuple(f"{PREFIX}/{name}" for name in SYSTEMS)


class Session:
    """`folder` keeps the environment of the peers, and holds what they store while they run."""

    def __init__(self, folder: Path, systems: Mapping[str, System] = SYSTEMS) -> None:
        self._folder = folder.resolve()
        self._systems = systems
        self._pairs: list[tuple[Measured, Measured]] = []

    def measure(self, work: str, *, full: bool) -> Report:
        """A peer that does not install or start, or fails at work, is reported with the reason."""
        system = self._systems[work.removeprefix(f"{PREFIX}/")]
        try:
            python = environment.python(self._folder)
            environment.install(python, system.packages)
            opened = partial(_opened, python, system, self._folder)
            pair = contest.hold(Ours, system.title, opened, rounds=contest.ROUNDS * (2 if full else 1))
        except (NotInstalled, PeerFailed) as error:
            return Report(work=work, title=f"{system.title}: NOT measured", figures=(), remarks=(str(error),))
        self._pairs.append(pair)
        return contest.report(*pair)

    def table(self) -> str:
        return contest.table(self._pairs) if self._pairs else ""


def expanded(works: Iterable[str]) -> list[str]:
    """`peers` stands for all of them."""
    return [name for work in works for name in (NAMES if work == PREFIX else (work,))]


def _opened(python: str, system: System, folder: Path) -> Driven:
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    place.chmod(0o755)  # PostgreSQL runs as another user
    return Driven(python, system.driven_by, place)
