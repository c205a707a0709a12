"""transfer_files as steps of runs: in the process that reaches outside, by stored connections; no secret is left."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncssh
import pytest
from msgspec.structs import replace

from procession.engine.isolation.options import IsolationSettings
from procession.model.connections import ConnectionKind
from procession.model.errors import Invalid
from procession.model.lifecycle import StepStatus
from procession.operations import connections
from procession.operations.connections import NewConnection
from procession.store import connections as store
from procession.store import history
from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.actions.transfer_sites import AZURE, PASSWORD
from tests.engine.conftest import OPEN
from tests.engine.world import World

# As on a server with Landlock: what the process may open is its folder, its inputs and the folder of its connection.
ISOLATION: IsolationSettings = replace(OPEN, landlock=True)
PROCESS = """
process: Bank
groups:
  - group: Data
    steps:
      - data: Files
        key: files
        properties:
          - {name: Statement, key: statement, type: File, flow: OUTPUT}
          - {name: List, key: list, type: File, flow: OUTPUT}
  - group: Work
    steps:
      - action: transfer_files
        name: Fetch
        with: {connection: bank, do: get, path: out, pattern: "CAMT*.xml", settle_seconds: 0,
               outputs: {file: "${files.statement}", list: "${files.list}"}}
      - {action: transfer_files, name: Put away, key: away,
         with: {connection: bank, do: move, path: out, to: done, listed: "${files.list}"}}
      - {action: transfer_files, name: Send, key: send,
         with: {connection: bank, do: put, path: in, files: ["${files.statement}"]}}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("transfers"), isolation=ISOLATION)
    made.engine.start()
    yield made
    made.close()


def connect(world: World, site: Site, *, name: str = "bank") -> None:
    """The connection of this name, to another side than before."""
    given = site.connection
    wanted = NewConnection(
        name=name,
        kind=ConnectionKind(given.kind),
        options=given.options,
        private_hosts=given.private_hosts,
        secrets=given.secrets,
        by_operator=True,
    )

    def operation(tx):
        before = store.by_name(tx, name)
        if before is not None:
            renamed = replace(wanted, name=f"{name} {before.id}", kind=before.kind, options=before.options, secrets={})
            connections.change(world.act(tx), before.id, renamed)
        return connections.add(world.act(tx), wanted)

    world.db.write(operation)


@pytest.mark.parametrize("kind", ["sftp", "s3", AZURE, "folder"])
def test_a_statement_is_fetched_put_away_and_sent_on(world: World, kind: str, tmp_path: Path) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        site.put("out/CAMT_1.xml", b"<Document/>")
        site.folder("done", "in")
        connect(world, site)

        run = world.begin(PROCESS)
        world.wait(run)

        steps = {key: world.step(run, key) for key in ("fetch", "away", "send")}
        assert {key: (step.status, step.message) for key, step in steps.items()} == {
            "fetch": (StepStatus.SUCCESS, 'fetched 1 file from "bank", out'),
            "away": (StepStatus.SUCCESS, 'moved 1 file in "bank", out'),
            "send": (StepStatus.SUCCESS, 'left 1 file at "bank", in'),
        }
        assert (site.names("out"), site.names("done"), site.names("in")) == ([], ["CAMT_1.xml"], ["CAMT_1.xml"])
    with world.db.read() as tx:
        assert len(store.uses(tx, connections.find_by_name(tx, "bank").id, most=10)) == 3


class Talking(asyncssh.SSHServer):
    """A server that repeats the password in its refusal, as badly written ones do."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        raise asyncssh.PermissionDenied(f"wrong password {password}")


def test_a_secret_is_in_nothing_that_a_run_leaves_behind(world: World, tmp_path: Path) -> None:
    """The canary: in every file of the home, in the database as it is and as it is told, in logs and messages."""
    with transfer_sites.sftp(tmp_path, server=Talking) as site:
        connect(world, site)
        run = world.begin(PROCESS)
        world.wait(run)

    step = world.step(run, "fetch")
    assert step.status is StepStatus.FAILED
    with world.db.read() as tx:
        told = [str(row) for row in history.of_run(tx, run)]
    seen = "\n".join([step.message, *told]).encode()
    for path in world.home.rglob("*"):
        if path.is_file():
            seen += path.read_bytes()
    shapes = (PASSWORD, quote(PASSWORD), base64.b64encode(PASSWORD.encode()).decode().rstrip("="))
    assert not [shape for shape in shapes if shape.encode() in seen]


@pytest.mark.parametrize("kind", ["s3", AZURE, "folder"])
def test_a_delivery_in_doubt_is_sent_again_when_it_is_released_by_name(world: World, kind: str, tmp_path: Path) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        site.put("out/CAMT_1.xml", b"<Document/>")
        site.folder("done", "in")
        connect(world, site)
        run = world.begin(PROCESS)
        world.wait(run)
        step = world.step(run, "send").id
        # As after a crash between the two: it was begun, nobody knows what came of it, and nothing is there.
        site.remove("in/CAMT_1.xml")
        world.db.write(
            lambda tx: (
                tx.run("UPDATE step_attempt SET status = 'Failed' WHERE step_id = ?", step.number)
                + tx.run("DELETE FROM journal_entry WHERE entry LIKE 'left %'")
            )
        )
        world.restart(run, "send")
        world.wait(run)
        assert "restart this step and release it by its name" in world.step(run, "send").message

        with pytest.raises(Invalid, match=r'whether .*"Send".* has happened is not known; release it by name'):
            world.restart(run, "send")
        world.restart(run, "send", frozenset({"send"}))
        world.wait(run)

        assert world.step(run, "send").message == 'left 1 file at "bank", in'
        assert site.names("in") == ["CAMT_1.xml"]
        # Released once, and not for good: it is told as any other that has gone well.
        world.restart(run, "send")
        world.wait(run)
