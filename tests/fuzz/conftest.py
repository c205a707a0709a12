"""The world to fuzz, and how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.conftest import table_workers
from tests.fuzz.world import World, world

__all__ = ["table_workers"]  # a fixture, for pytest to find

# Of an operation, in the phases that generate them at random; `make fuzz EXAMPLES=500` at length.
EXAMPLES, EXAMPLES_THOROUGH = 4, 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--examples", type=int, help="how many requests an operation gets at random")


@pytest.fixture
def examples(request: pytest.FixtureRequest, is_thorough: bool) -> int:
    asked = request.config.getoption("--examples", default=None)
    return int(asked or (EXAMPLES_THOROUGH if is_thorough else EXAMPLES))


@pytest.fixture
def prepared(tmp_path: Path, clock: ManualClock, table_workers: TableWorkers) -> Iterator[World]:
    with world(tmp_path, clock, table_workers) as made:
        yield made
