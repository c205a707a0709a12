"""What actions that reach outside are tried with: real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import Action, ConnectionInput
from tests.actions import mariadb as mariadbs
from tests.actions import postgres as servers
from tests.actions import transfer_sites
from tests.actions.mariadb import Mariadb
from tests.actions.postgres import Postgres
from tests.actions.reaching import http_server
from tests.actions.reaching.http_server import HttpServer
from tests.actions.site import Site
from tests.mail_server import MailServer, served


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with http_server.running() as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # One for all tests of a process: it takes two seconds to start.
    with servers.running() as made:
        yield made


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    with mariadbs.running() as made:
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
    if "smtp" in action.connection_kinds:
        return smtp_connection(request.getfixturevalue("mail_server").port)
    return None


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    yield from served(None)


def smtp_connection(port: int, **options: Any) -> ConnectionInput:
    """To a mail server on loopback, without TLS unless it is asked for."""
    password = options.pop("password", "")
    given = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "Close <close@example.com>", **options}
    secrets = {"password": password} if password else {}
    return ConnectionInput(name="mail", kind="smtp", options=given, secrets=secrets, private_hosts=True)
