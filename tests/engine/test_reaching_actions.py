"""The actions that reach outside as a server runs them: in their own processes, behind Landlock, with a journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from procession.actions.contract import ConnectionInput
from procession.engine.step_connections import ConnectionUse
from procession.model.connections import ConnectionKind
from procession.model.lifecycle import StepStatus
from procession.operations import connections
from procession.operations.connections import NewConnection
from procession.store import connections as connection_store
from procession.store import history
from procession.store.database import Transaction
from tests.actions.conftest import smtp_connection
from tests.actions.reaching import http_server
from tests.actions.reaching.http_server import HttpServer, Said, as_json
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process
from tests.engine.world import World
from tests.mail_server import MailServer, served

TOKEN = "canary-t0ken/+="


@dataclass
class Known:
    """The port of the engine, with the connections of a test."""

    found: dict[str, ConnectionInput] = field(default_factory=dict)

    def open(self, use: ConnectionUse) -> ConnectionInput:
        return self.found[use.name]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("reaching")
    made = World(home, isolation=replace(OPEN, landlock=True), connections=Known())
    made.engine.start()
    yield made
    made.close()


@pytest.fixture
def http(world: World) -> Iterator[HttpServer]:
    with http_server.running() as made:
        know(world, "bank", made.connection(proof="bearer", token=TOKEN))
        yield made


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    yield from served(None)


def know(world: World, name: str, connection: ConnectionInput) -> None:
    assert isinstance(world.connections, Known)
    world.connections.found[name] = connection
    # By name only: what a step is given is what the port of the test says.
    kind = ConnectionKind(connection.kind)
    wanted = NewConnection(name=name, kind=kind, options=connection.options, private_hosts=True)

    def operation(tx: Transaction) -> None:
        if connection_store.by_name(tx, name) is None:
            connections.add(world.act(tx), wanted)

    world.db.write(operation)


def step(kind: str, settings: dict[str, Any], **more: Any) -> StepText:
    return {"action": kind, "name": "act", "key": "act", "with": settings, **more}


PAY = step(
    "call_http",
    {
        "connection": "bank",
        "method": "POST",
        "path": "/pay/{iban}",
        "json": {"amount": "{amount}"},
        "each": {"source": {"file": "${d.rows}", "columns": {"iban": {"type": "Text"}, "amount": {"type": "Money"}}}},
        "outputs": {"rows": "${d.answers}", "picked": {"id": "/id"}},
    },
)
PAYING = process(data("d", item("rows", "File", "INPUT"), item("answers", "File", "OUTPUT")), PAY)


def given(folder: Path) -> Path:
    rows = folder / "rows.csv"
    rows.write_text("iban,amount\nDE1,1.10\nDE2,2.20\nDE3,3.30\n")
    return rows


def test_rows_are_read_sent_and_answered_in_a_process_that_sees_little(
    world: World, http: HttpServer, tmp_path: Path
) -> None:
    http.answers = lambda asked: as_json({"id": asked.path[-3:]}, 201)
    run = world.create(world.apply(PAYING)).id
    world.upload(run, "d.rows", given(tmp_path))

    world.start(run)
    world.wait(run)

    found = world.step(run, "act")
    assert (found.status, found.message) == (StepStatus.SUCCESS, "3 of 3 rows answered as expected")
    assert world.value(run, "d.answers") == b"row,status,words,id\n1,201,,DE1\n2,201,,DE2\n3,201,,DE3\n"
    assert [asked.headers["authorization"] for asked in http.asked] == [f"Bearer {TOKEN}"] * 3


def test_a_release_sends_only_the_rows_that_were_not_sent(world: World, http: HttpServer, tmp_path: Path) -> None:
    http.answers = lambda asked: Said(422) if asked.path == "/pay/DE2" else as_json({"id": asked.path[-3:]}, 201)
    run = world.create(world.apply(PAYING)).id
    world.upload(run, "d.rows", given(tmp_path))
    world.start(run)
    world.wait(run)
    assert world.step(run, "act").status is StepStatus.FAILED
    http.answers = lambda asked: as_json({"id": asked.path[-3:]}, 201)

    world.restart(run, "act", release=frozenset({"act"}))
    world.wait(run)

    assert world.step(run, "act").message == "3 of 3 rows answered as expected, 1 of them by an earlier try"
    assert [asked.path for asked in http.asked] == ["/pay/DE1", "/pay/DE2", "/pay/DE2", "/pay/DE3"]
    keys = [asked.headers["idempotency-key"] for asked in http.asked]
    assert len(set(keys)) == 4, "what was refused is another request in another attempt of the run"


def test_a_server_that_tells_the_secret_back_tells_it_to_nobody(world: World, http: HttpServer) -> None:
    http.answers = lambda asked: as_json({"you": asked.headers["authorization"]}, 418)
    run = world.begin(process(step("call_http", {"connection": "bank"})))

    world.wait(run)

    assert "[secret]" in world.step(run, "act").message
    for path in world.home.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def test_the_effect_of_the_method_is_written_into_the_process(world: World, http: HttpServer) -> None:
    http.answers = lambda asked: Said(500)
    run = world.begin(
        process(step("call_http", {"connection": "bank", "method": "POST"}, retry={"times": 2, "wait": "1s"}))
    )

    world.wait(run)

    with world.db.read() as tx:
        tries = history.attempts_of_step(tx, world.step(run, "act").id)
        journal = tx.all("SELECT entry FROM journal_entry WHERE attempt_id = ?", tries[-1].id)
    assert (len(tries), len(http.asked)) == (1, 1), "a POST is once, and its retry is none"
    assert [json.loads(entry)[0] for (entry,) in journal] == ["try"]


MAILING = process(
    data("d", item("rows", "File", "INPUT")),
    step(
        "send_email",
        {
            "connection": "mail",
            "subject": "Invoice {iban}",
            "body": "{amount}",
            "each": {
                "source": {"file": "${d.rows}", "columns": {"iban": {"type": "Text"}, "amount": {"type": "Money"}}},
                "to": "iban",
            },
        },
    ),
)


def test_mails_go_out_from_a_process_that_sees_little_and_a_release_goes_on(
    world: World, tmp_path: Path, mail_server: MailServer
) -> None:
    know(world, "mail", smtp_connection(mail_server.port))
    rows = tmp_path / "rows.csv"
    rows.write_text("iban,amount\na@x.org,1.10\nb@x.org,2.20\nc@x.org,3.30\n")
    mail_server.says_to = {"b@x.org": "451 later"}
    run = world.create(world.apply(MAILING)).id
    world.upload(run, "d.rows", rows)
    world.start(run)
    world.wait(run)
    assert world.step(run, "act").message == "row 2: 127.0.0.1 does not take it: 451 later (1 of 3 mails sent)"
    mail_server.says_to = {}

    world.restart(run, "act", release=frozenset({"act"}))
    world.wait(run)

    assert world.step(run, "act").message == "3 of 3 mails sent, 1 of them by an earlier try"
    assert mail_server.receivers == [["a@x.org"], ["b@x.org"], ["c@x.org"]]


def test_a_large_file_becomes_a_link_to_the_run(world: World, tmp_path: Path, mail_server: MailServer) -> None:
    know(world, "mail", smtp_connection(mail_server.port))
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(1_100_000))
    settings = {
        "connection": "mail",
        "to": ["a@x.org"],
        "subject": "S",
        "body": "B",
        "attach": ["${d.f}"],
        "attach_max_mb": 1,
    }
    run = world.create(world.apply(process(data("d", item("f", "File", "INPUT")), step("send_email", settings)))).id
    world.upload(run, "d.f", large)

    world.start(run)
    world.wait(run)

    assert world.step(run, "act").status is StepStatus.WARNING
    assert f"It is here: {run}" in mail_server.texts()[0]
