"""What actions that reach outside are tried with: real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.actions.contract import Action, ConnectionInput
from tests.actions import postgres as servers
from tests.actions import transfer_sites
from tests.actions.postgres import Postgres
from tests.actions.reaching import http_server
from tests.actions.reaching.http_server import HttpServer
from tests.actions.transfer_sites import Site


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with http_server.running() as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # One for all tests of a process: it takes two seconds to start.
    with servers.running() as made:
        yield made


@pytest.fixture
def bank_site(tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.sftp(tmp_path) as made:
        yield made


@pytest.fixture
def reached(action: Action, request: pytest.FixtureRequest) -> ConnectionInput | None:
    """The connection that the action's examples go by; None for one that reaches nothing."""
    if "http" in action.connection_kinds:
        made: HttpServer = request.getfixturevalue("http")
        made.answers = http_server.bank()
        return made.connection()
    if "database" in action.connection_kinds:
        database: Postgres = request.getfixturevalue("postgres")
        return servers.connection(database, database.fresh(servers.LEDGER))
    if "sftp" in action.connection_kinds:
        site: Site = request.getfixturevalue("bank_site")
        site.put("out/CAMT_2026-01_1.xml", b"<Document/>")
        site.folder("in")
        return site.connection
    return None
