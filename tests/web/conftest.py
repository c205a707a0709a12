"""The fixtures of the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.house import House, house, table_processes


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    with house(tmp_path, clock) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a file that change nothing."""
    with house(tmp_path_factory.mktemp("shared"), ManualClock()) as made:
        yield made


@pytest.fixture(scope="session")
def table_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    """One set for all tests."""
    with table_processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def rows_home(tmp_path: Path, clock: ManualClock, table_workers: TableWorkers) -> Iterator[House]:
    """With the processes that work on rows."""
    with house(tmp_path, clock, table_workers) as made:
        yield made
