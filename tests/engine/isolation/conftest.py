"""The fixtures of the isolation tests."""

import pytest

from tests.engine.isolation.house import house, own_house, shared, shared_trees

__all__ = ["house", "own_house", "shared", "shared_trees"]


@pytest.fixture(scope="module", autouse=True)
def servers_are_forked() -> None:
    """Here they are started as a server starts them."""
