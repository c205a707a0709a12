"""How shortages end that last: a step waits as long as the settings have patience, a start for ever."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.engine.isolation import processes
from procession.engine.options import EngineSettings
from procession.model.lifecycle import Outcome
from tests.engine import steps
from tests.engine.world import World
from tests.shortage.injecting import Call, Injector, Order, install
from tests.shortage.scenarios import Place, is_cancelled, takes_every_slot
from tests.shortage.test_sweep import EVERYWHERE, ISOLATION, SETTINGS
from tests.support import wait_until

ALWAYS = 10**6
BEGIN = Call("os.mkdir", "engine/attempts.py:_send")
LOG = Call("os.write", "store/step_log_folder.py:append")
OUTPUT = Call("io.open to write", "store/folder.py:__init__")


@pytest.fixture
def injector(monkeypatch: pytest.MonkeyPatch) -> Injector:
    made = Injector()
    install(monkeypatch, made)
    return made


@pytest.fixture
def build(tmp_path: Path, injector: Injector) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        changed = EngineSettings(workers_max=3, grace_seconds=0.1, short_seconds=0.02, **settings)
        worlds.append(World(tmp_path, settings=changed, isolation=ISOLATION))
        worlds[-1].engine.start()
        return worlds[-1]

    yield make
    injector.end()
    for world in worlds:
        world.close()


def writer() -> str:
    code = "print('hello')\noutputs.file('f').write_text('x')"
    file = steps.data("d", steps.item("f", "File", "OUTPUT"))
    return steps.process(file, steps.python("a", code, outputs={"f": "${d.f}"}))


@pytest.mark.parametrize(
    ("call", "outcome", "message"),
    [
        (BEGIN, Outcome.FAILED, "the step could not begin: No space left on device"),
        (LOG, Outcome.WARNING, "part of its log could not be kept: No space left on device"),
        (OUTPUT, Outcome.FAILED, "an output could not be kept: No space left on device"),
    ],
    ids=["begin", "log", "output"],
)
def test_a_step_that_has_waited_too_long_ends_with_the_reason(
    build: Callable[..., World], injector: Injector, call: Call, outcome: Outcome, message: str
) -> None:
    world = build(patience_seconds=0.2)
    injector.give(Order(call, errno.ENOSPC, ALWAYS))

    run = world.begin(writer())

    assert world.wait(run).outcome is outcome
    assert world.step(run, "a").message == message
    injector.end()
    takes_every_slot(Place(world, world.home))


@pytest.mark.parametrize("call", [BEGIN, LOG, OUTPUT], ids=["begin", "log", "output"])
def test_a_run_that_waits_for_room_can_be_cancelled(
    build: Callable[..., World], injector: Injector, call: Call
) -> None:
    world = build()
    injector.give(Order(call, errno.ENOSPC, ALWAYS))
    run = world.begin(writer())
    wait_until(lambda: injector.failed > 2)

    world.cancel(run)

    injector.end()
    takes_every_slot(Place(world, world.home))
    wait_until(lambda: not any((world.home / "work").iterdir()))
    with world.db.read() as tx:
        assert tx.all("SELECT 1 FROM step_attempt WHERE is_gone = 0") == []


@pytest.mark.parametrize("code", EVERYWHERE)
def test_an_engine_that_starts_in_a_shortage_works_when_it_is_over(
    tmp_path: Path, injector: Injector, code: int
) -> None:
    world = World(tmp_path, settings=SETTINGS, isolation=ISOLATION)
    injector.give(Order(None, code, 4))

    world.engine.start()

    takes_every_slot(Place(world, tmp_path))
    is_cancelled(Place(world, tmp_path))
    injector.end()
    world.close()


SCAN = Call("sqlite.read", "store/queueing.py:running")
SCANS = 12


def test_scans_that_failed_leave_one_scan_at_a_time(build: Callable[..., World], injector: Injector) -> None:
    build(scan_seconds=0.05)
    injector.give(Order(SCAN, sqlite3.SQLITE_IOERR_READ, SCANS))
    wait_until(lambda: injector.failed == SCANS)

    injector.forget()
    began = time.monotonic()
    wait_until(lambda: injector.calls[SCAN] >= SCANS)

    assert time.monotonic() - began > 0.05 * (SCANS - 2)


REGISTRY = """
import os
from procession import actions
def registry():
    if os.path.exists({flag!r}):
        raise OSError(12, "Cannot allocate memory")
    return actions.registry()
"""


def test_fork_servers_that_cannot_start_are_started_again_until_they_can(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    (tmp_path / "short_registry.py").write_text(REGISTRY.format(flag=str(flag)))
    isolation = msgspec.structs.replace(
        ISOLATION, registry="short_registry:registry", import_paths=(*ISOLATION.import_paths, str(tmp_path))
    )
    others = set(processes.children(os.getpid()))
    world = World(tmp_path, settings=SETTINGS, isolation=isolation)
    world.engine.start()
    place = Place(world, tmp_path)
    takes_every_slot(place)
    flag.touch()

    for _ in range(4):
        found = wait_until(lambda: set(processes.children(os.getpid())) - others)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda found=found: not found & set(processes.children(os.getpid())))  # type: ignore[misc]
    run = world.begin(steps.process(steps.python("a")))
    flag.unlink()

    place.wait(run)
    takes_every_slot(place)
    world.close()
