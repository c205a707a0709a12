"""Every shortage at every call of the engine: each run ends rightly when it is over, and nothing is lost (R12).

The calls are those that the scenarios make, noted in a run without shortages. Each then fails in every way that it may
fail, once and for a while, in one and the same server: what one shortage leaves behind, the next would meet.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from procession.engine.isolation import processes
from procession.engine.isolation.options import IsolationSettings
from procession.engine.options import EngineSettings
from procession.store import sqlite_commits
from tests.engine import outside
from tests.engine.world import World
from tests.shortage.injecting import FAILURES, Call, Injector, Order, install
from tests.shortage.scenarios import SCENARIOS, WORKERS, Place, takes_every_slot
from tests.support import wait_until

ISOLATION = IsolationSettings(
    landlock=False,
    user_ids=None,
    weak=True,
    user_ready=2,
    warm_ready=1,
    workers_max=WORKERS,
    preload=(),
    **outside.ISOLATION,
)
SETTINGS = EngineSettings(workers_max=WORKERS, grace_seconds=0.1, scan_seconds=0.5, short_seconds=0.02)
A_WHILE = 4  # failures in a row
LONG = 12
POINTS_IN_QUICK = 24
EVERYWHERE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EIO, sqlite3.SQLITE_FULL)
SETTLE_SECONDS = 10.0

Scenario = Callable[[Place], None]


class Machine:
    """A world whose engine's calls can fail, and what it holds while it rests."""

    def __init__(self, folder: Path, injector: Injector) -> None:
        self.injector = injector
        self.world = World(
            folder,
            settings=SETTINGS,
            isolation=ISOLATION,
            more_actions=outside.ACTIONS,
            connections=outside.Connections(outside.make_folder(folder)),
        )
        self.place = Place(self.world, folder)
        self.world.engine.start()
        for scenario in SCENARIOS:
            scenario(self.place)
        self.settle()
        self._handles, self._processes = handles(), running()

    def settle(self) -> None:
        wait_until(lambda: not any((self.world.home / "work").iterdir()), SETTLE_SECONDS)

    def calls_of(self, scenario: Scenario) -> dict[Call, int]:
        self.injector.forget()
        scenario(self.place)
        self.settle()
        return dict(self.injector.calls)

    def suffer(self, scenario: Scenario, order: Order) -> int:
        """Gives how often something failed."""
        self.injector.give(order)
        try:
            scenario(self.place)
            self.settle()
        finally:
            self.injector.end()
        takes_every_slot(self.place)
        wait_until(self._is_at_rest, SETTLE_SECONDS)
        assert not self.world.fatal
        return self.injector.failed

    def _is_at_rest(self) -> bool:
        return handles() <= self._handles and running() <= self._processes


def handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def running() -> int:
    return len(processes.descendants(os.getpid()))


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Machine]]:
    """Makes one machine after the other; the one before is closed."""
    injector = Injector()
    install(monkeypatch, injector)
    monkeypatch.setattr(sqlite_commits, "REST_SECONDS", SETTINGS.short_seconds)
    made: list[Machine] = []

    def make() -> Machine:
        _close(made)
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Machine(folder, injector))
        return made[-1]

    yield make
    _close(made)


def _close(machines: list[Machine]) -> None:
    for machine in machines[-1:]:
        machine.injector.end()
        machine.world.close()


def test_any_shortage_at_any_call_of_the_engine_ends_no_run_wrongly_and_loses_no_slot(
    build: Callable[[], Machine], is_thorough: bool
) -> None:
    machine, violations, failed = build(), list[str](), 0
    points = _points(machine)
    stride = 1 if is_thorough else max(len(points) // POINTS_IN_QUICK, 1)
    for scenario, order in points[::stride]:
        try:
            failed += machine.suffer(scenario, order) > 0
        except AssertionError as error:
            violations.append(f"{order}, {scenario.__name__}: {error}")
            machine = build()
    tried = len(points[::stride])
    print(
        f"{len(points)} points, {tried} tried, at {failed} something failed, {len(violations)} violations",
        *violations,
        sep="\n",
    )
    assert violations == []
    assert len(points) > 200
    assert failed > tried // 2


def _points(machine: Machine) -> list[tuple[Scenario, Order]]:
    """Each call once, in the first scenario that makes it; in an order that is the same in every run."""
    found: dict[Call, Scenario] = {}
    for scenario in SCENARIOS:
        for call in machine.calls_of(scenario):
            found.setdefault(call, scenario)
    return [
        (scenario, Order(call, code, times))
        for call, scenario in sorted(found.items(), key=lambda item: item[0])
        for code in FAILURES[call.name]
        for times in (1, A_WHILE)
    ]


@pytest.mark.parametrize("code", EVERYWHERE, ids=lambda code: errno.errorcode.get(code, "") if code > 13 else str(code))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.thorough
def test_a_shortage_of_everything_ends_no_run_wrongly(
    build: Callable[[], Machine], scenario: Scenario, code: int
) -> None:
    build().suffer(scenario, Order(None, code, LONG))
