"""The real application for the tests of the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers, settings
from tests.api.house import House, house


@pytest.fixture(scope="session")
def table_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    """Real processes for table jobs, one set for all tests; they start with the first job."""
    place = tmp_path_factory.getbasetemp()
    bounds = {"readable_paths": (str(place), "/sys/fs/cgroup"), "writable_paths": (str(place),)}
    made = TableWorkers(place / "tables", settings(**bounds))
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock, table_workers: TableWorkers) -> Iterator[House]:
    with house(tmp_path, clock, table_workers) as made:
        yield made
