"""The real application for the tests of the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.house import House, house, table_processes


@pytest.fixture(scope="session")
def table_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    """One set for all tests."""
    with table_processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock, table_workers: TableWorkers) -> Iterator[House]:
    with house(tmp_path, clock, table_workers) as made:
        yield made
