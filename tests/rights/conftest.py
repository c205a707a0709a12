"""One world for all tests of this folder: nothing that they ask can change it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.conftest import table_workers
from tests.rights.world import World, world

__all__ = ["table_workers"]  # a fixture, for pytest to find


@pytest.fixture(scope="session")
def everybody(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> Iterator[World]:
    clock = ManualClock(datetime(2026, 11, 30, 9, 0, tzinfo=UTC))
    with world(tmp_path_factory.mktemp("rights"), table_workers, clock) as made:
        yield made
