"""The fixtures of this door's tests."""

from __future__ import annotations

import pytest

from tests.api.conftest import home, table_workers
from tests.api.house import House
from tests.web.site import Site

__all__ = ["home", "table_workers"]  # fixtures, for pytest to find


@pytest.fixture
def site(home: House) -> Site:
    """The owner's browser, signed in."""
    return Site(house=home).sign_in()
