"""The fixtures of this door's tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from tests.api.conftest import home, table_workers
from tests.api.house import House, house
from tests.web.inputs_site import BANK, InputForm, apply
from tests.web.site import Site

__all__ = ["home", "table_workers"]  # fixtures, for pytest to find
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
def site(home: House) -> Site:
    """The owner's browser, signed in."""
    return Site(house=home).sign_in()


@pytest.fixture(scope="module")
def inputs_house(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> Iterator[House]:
    """One for all tests of a file, each of which has a process of its own."""
    with house(tmp_path_factory.mktemp("inputs"), ManualClock(NOW), table_workers) as made:
        yield made


@pytest.fixture
def form(inputs_house: House) -> InputForm:
    """Of a process that asks for everything."""
    inputs_house.told.clear()
    number = len(inputs_house.get("processes"))
    name = f"Bank reconciliation {number}"
    process = apply(inputs_house, BANK, name=name)
    return InputForm(site=Site(house=inputs_house).sign_in(), process=process, name=name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a file that change nothing."""
    with house(tmp_path_factory.mktemp("shared"), ManualClock()) as made:
        yield made
