"""What actions that reach outside are tried with: real servers on loopback, one of each kind for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from procession.actions.contract import Action, ConnectionInput
from tests.actions import postgres as servers
from tests.actions.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with servers.running() as made:
        yield made


@pytest.fixture
def reached(action: Action, request: pytest.FixtureRequest) -> ConnectionInput | None:
    """The connection that the action's examples go by; None for one that reaches nothing."""
    if "database" in action.connection_kinds:
        made: Postgres = request.getfixturevalue("postgres")
        return servers.connection(made, made.fresh(servers.LEDGER))
    return None
