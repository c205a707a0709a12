"""Worlds for the engine's tests: one for all whose runs do not disturb each other, one of their own for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.clock import Clock, SystemClock
from procession.engine.isolation.options import IsolationSettings
from procession.engine.options import EngineSettings
from tests.engine.world import World
from tests.fork_servers import forked

# Steps of these tests leave marks in files outside their folder.
OPEN = IsolationSettings(landlock=False, user_ids=None, weak=True, user_ready=2, warm_ready=1, preload=())

ENGINES = ("local",)


@pytest.fixture(scope="module", autouse=True)
def servers_are_forked() -> Iterator[None]:
    with forked():
        yield


def make(home: Path, isolation: IsolationSettings = OPEN, *, clock: Clock | None = None, **settings: Any) -> World:
    engine = EngineSettings(**{"grace_seconds": 0.3, **settings})
    return World(home, settings=engine, isolation=isolation, clock=clock or SystemClock())


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One engine for a whole module."""
    world = make(tmp_path_factory.mktemp("shared"))
    world.engine.start()
    yield world
    world.close()


@pytest.fixture(params=ENGINES)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds on one home that end with the test; their engines do not run yet."""
    worlds: list[World] = []

    def made(**settings: Any) -> World:
        worlds.append(make(tmp_path, **settings))
        return worlds[-1]

    yield made
    for world in worlds:
        world.close()
