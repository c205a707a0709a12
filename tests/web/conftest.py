"""The fixtures of this door's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from procession.clock import ManualClock
from tests.api.conftest import home, table_workers
from tests.api.house import House, house
from tests.web.site import Site

__all__ = ["home", "table_workers"]  # fixtures, for pytest to find


@pytest.fixture
def site(home: House) -> Site:
    """The owner's browser, signed in."""
    return Site(house=home).sign_in()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a file that change nothing."""
    with house(tmp_path_factory.mktemp("shared"), ManualClock()) as made:
        yield made
