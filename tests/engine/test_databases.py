"""Steps that read and write a database as they do on a server: in a process with the network, and no secret told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from procession.model.connections import ConnectionKind
from procession.model.lifecycle import StepStatus
from procession.operations import connections
from procession.operations.connections import NewConnection
from tests.actions import postgres as servers
from tests.actions.postgres import PASSWORD, Postgres
from tests.engine.conftest import OPEN
from tests.engine.world import World

PROCESS = """
process: Through a database
groups:
  - group: All
    steps:
      - data: Values
        properties: [{name: Rows, type: File}]
      - action: read_database
        name: Read
        with:
          connection: erp
          sql: SELECT entry + 10 AS entry, account, amount FROM ledger WHERE entry < 4
          output: {to: "${values.rows}", as: rows.csv}
      - action: write_database
        name: Write
        with:
          connection: erp
          source: "${values.rows}"
          into: ledger
          mode: append
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with servers.running() as made:
        yield made


def test_a_step_reads_and_the_next_one_writes(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.fresh(servers.LEDGER)
    _, context = servers.certificate(tmp_path, "localhost")
    given = servers.connection(postgres, database, context=context, tls="require")
    (tmp_path / "home").mkdir()
    world = World(tmp_path / "home", isolation=replace(OPEN, landlock=True))
    wanted = NewConnection(
        name="erp",
        kind=ConnectionKind.DATABASE,
        options=given.options,
        private_hosts=True,
        secrets=given.secrets,
    )
    world.db.write(lambda tx: connections.add(world.act(tx), wanted))
    world.engine.start()
    try:
        run = world.begin(PROCESS)
        world.wait(run)

        read, written = world.step(run, "read"), world.step(run, "write")
        assert (read.status, read.message) == (StepStatus.SUCCESS, '3 rows from the connection "erp"')
        assert written.message == '3 rows written to ledger of the connection "erp"'
        with postgres.admin(database) as admin:
            assert admin.execute("SELECT sum(amount)::text FROM ledger WHERE entry > 10").fetchone() == ("0.01",)
    finally:
        world.close()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").rglob("*") if file.is_file())
    assert PASSWORD.encode() not in kept
