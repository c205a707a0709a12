"""A real MariaDB for the tests of databases: Debian's, on a socket, reached by the relay that cuts lines."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pytest

from procession.actions.contract import ConnectionInput
from tests.actions.postgres import PASSWORD, USER, Relay, certificate, end, pump
from tests.support import wait_until

SERVER = shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
# Where it is missing (`apt-get install mariadb-server-core`), what needs it is left out.
needed = pytest.mark.skipif(SERVER is None, reason="no MariaDB server here")
LEDGER = """
CREATE TABLE ledger (entry int PRIMARY KEY, account varchar(8), amount decimal(12,2), booked_on date);
INSERT INTO ledger VALUES (1, '0400', 1200.50, '2026-01-05'), (2, '0410', -1200.50, '2026-01-05'),
    (3, '0400', 0.01, '2026-01-31'), (4, '0400', 7, '2026-02-01');
"""
# What makes a folder of data; its files are called mariadb_ from version 11 on.
_SCRIPTS = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")


@dataclass(slots=True, kw_only=True)
class PlainRelay(Relay):
    """One that lets the server speak first. `answer` makes another piece of what the server sends: an evil server."""

    answer: Callable[[bytes], bytes] = bytes

    def _pass(self, plain: socket.socket) -> None:
        with suppress(OSError), plain as client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self.target))
            back = threading.Thread(target=pump, args=(server, client, self.answer), daemon=True)
            back.start()
            try:
                self._forward(client, server)
            finally:
                end(server)
            back.join()


@dataclass(slots=True, kw_only=True)
class Mariadb:
    """A server with a user of ours that needs a password; root needs none."""

    socket_path: Path
    authority: Path  # its certificate, for localhost, is signed by itself
    relays: list[Relay] = field(default_factory=list)
    databases: int = 0

    def run(self, script: str, database: str | None = None) -> list[Any]:
        """Statements of root, split at semicolons at the end of a line; gives the rows of the last."""
        rows: list[Any] = []
        with (
            pymysql.connect(  # TLS, which it would try, reads all authorities first
                unix_socket=str(self.socket_path), user="root", database=database, autocommit=True, ssl_disabled=True
            ) as admin,
            admin.cursor() as cursor,
        ):
            for statement in filter(str.strip, f"{script}\n".split(";\n")):
                cursor.execute(statement)
                rows = list(cursor.fetchall())
        return rows

    def fresh(self, script: str = "") -> str:
        """A database of its own for a test, in which our user may do all."""
        self.databases += 1
        name = f"d{self.databases}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4;\nGRANT ALL ON {name}.* TO {USER}@'%'")
        if script:
            self.run(script, name)
        return name


@contextmanager
def running() -> Iterator[Mariadb]:
    assert SERVER is not None
    folder = Path(tempfile.mkdtemp(prefix="maria"))
    own = [SERVER, "--no-defaults", "--user=root", f"--datadir={folder}", "--innodb-log-file-size=4M"]
    scripts = "".join(next(Path("/usr/share").glob(f"m*/m*_{name}")).read_text() for name in _SCRIPTS)
    created = f"CREATE DATABASE mysql;\nUSE mysql;\n{scripts}"
    done = subprocess.run([*own, "--bootstrap"], input=created.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2_000:]
    path, authority = folder / "s", certificate(folder, "localhost")[0]
    tls = [f"--ssl-cert={authority}", f"--ssl-key={folder / 'key.pem'}"]
    # What is tried is what happens when a line or a process ends, never the machine.
    process = subprocess.Popen(
        [
            *own,
            *tls,
            f"--socket={path}",
            "--skip-networking",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--debug-no-sync",
            "--skip-name-resolve",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    made = Mariadb(socket_path=path, authority=authority)
    try:
        # The driver leaves a socket open where it finds none to speak to.
        wait_until(path.exists, deadline_seconds=60)
        wait_until(lambda: _answers(made), deadline_seconds=60)
        made.run(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
        yield made
        for relay in made.relays:
            relay.end()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(made: Mariadb) -> bool:
    with suppress(pymysql.Error):
        return made.run("SELECT 1") == [(1,)]
    return False


def connection(mariadb: Mariadb, database: str, **given: Any) -> ConnectionInput:
    """A connection by a relay of its own. `hook` and `answer` are the relay's; all others are options."""
    relay = PlainRelay(target=mariadb.socket_path, hook=given.pop("hook", None), answer=given.pop("answer", bytes))
    relay.begin(mariadb.relays)
    secrets = {"password": given.pop("password", PASSWORD)}
    options = {"dialect": "mariadb", "host": "127.0.0.1", "port": relay.port, "database": database, "user": USER}
    options |= {"tls": "off"} | given
    return ConnectionInput(name="erp", kind="database", options=options, secrets=secrets, private_hosts=True)
