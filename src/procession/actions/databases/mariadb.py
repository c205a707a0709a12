"""MariaDB, by PyMySQL: a session whose texts mean one thing on every server, and its errors in words.

A server that is no MariaDB is refused before any proof is sent: none was tried, and MySQL has no INSERT ... RETURNING.
"""

from __future__ import annotations

import re
import ssl
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import SSCursor

from procession.actions.blackout import Blackout
from procession.actions.contract import ConnectionInput
from procession.actions.databases import places
from procession.actions.problems import Problem
from procession.actions.reaching import addresses
from procession.model.connections import DatabaseOptions

# RETURNING came with 10.5. Its greeting begins with 5.5.5-, which clients of old wanted to read.
_VERSION = re.compile(r"(?:5\.5\.5-)?(\d+)\.(\d+)[.\d]*-MariaDB", re.IGNORECASE)
_OLDEST = (10, 5)
# The one proof that never sends the password. All others are for a server that has proved its name.
_PROOF = "mysql_native_password"
_PROOFS = frozenset({_PROOF, "caching_sha2_password", "sha256_password", "mysql_clear_password", "dialog"})
_ANSWER_SECONDS = 30  # beyond those of the statement: for the answer that says that it was ended
# What a broken or an evil server makes of the driver, besides its own errors.
_BROKEN = (RuntimeError, struct.error, IndexError, AssertionError, ValueError, AttributeError, TypeError)
_MODE = (
    # Nothing is cut or rounded in silence, a group has one value of each column, and 0 is no order for a new number.
    "STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
    "NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
)
_SESSION = (
    "SET SESSION sql_mode = '{mode}', time_zone = '+00:00', lc_messages = 'en_US',"
    " foreign_key_checks = 1, unique_checks = 1, check_constraint_checks = 1,"
    # Every warning is kept, since one of them may say that a value was cut.
    " autocommit = 1, sql_notes = 1, max_error_count = 65535,"
    " sql_safe_updates = 0, sql_big_selects = 1, sql_auto_is_null = 0,"
    " sql_select_limit = 18446744073709551615, max_statement_time = {seconds}, net_write_timeout = {seconds},"
    " net_read_timeout = {seconds}, lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"
)
_TIMED_OUT, _READ_ONLY, _NO_ANSWER = 1969, 1792, frozenset({2006, 2013, 0, 1927, 1053})
# What it says of a connection that did not come about, by number: its words name host, user and database.
_REFUSALS = {
    1045: "it refuses the user or the password",
    1698: "it refuses the user or the password",
    1044: "its user may not use the database",
    1049: "it has no such database",
    1040: "it has no room for another connection",
    1203: "it has no room for another connection",
    1129: "it lets nobody in from here any more, after too many attempts that failed",
    1130: "it lets nobody in from here",
    3159: "it lets nobody in without TLS",
    2026: 'it speaks no TLS; the connection may say tls: "off" where it is on one machine',
}
_IN_TLS = {
    "certificate verify failed: Hostname mismatch": "its certificate is for another host",
    "certificate verify failed: IP address mismatch": "its certificate is for another host",
    "certificate verify failed": "nobody we trust has signed its certificate",
}
_LINE = re.compile(r" at line (\d+)$")


class MariadbSession(Connection):  # type: ignore[misc]
    """Cells come as texts, or as bytes where they are bytes. It never reads a file for the server (LOCAL INFILE)."""

    is_verified = False
    _result: Any  # of the last statement, the driver's own

    def _request_authentication(self) -> None:
        """Between the greeting and the proof. Raises Problem."""
        found = _VERSION.match(self.server_version)
        if found is None or (int(found[1]), int(found[2])) < _OLDEST:
            told = self.server_version[:40] if self.server_version.isprintable() else "?"
            raise Problem(
                f"it is no MariaDB of {'.'.join(map(str, _OLDEST))} or later, but {told}: nothing else was tried"
            )
        self._refuse_proof(self._auth_plugin_name)
        super()._request_authentication()

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, handler: Any = None) -> Any:
        """When the server wants another proof than the first."""
        self._refuse_proof(plugin_name.decode("ascii", "replace"))
        return super()._process_auth(plugin_name, auth_packet, handler)

    def _refuse_proof(self, plugin: str) -> None:
        if plugin not in _PROOFS:
            raise Problem("it asks for a proof of who we are that is not known here")
        if plugin != _PROOF and not self.is_verified:
            raise Problem("it asks for the password in clear, which is sent over tls: verify only")

    def give(self, seconds: int) -> None:
        """How long an answer may take from now on."""
        self._read_timeout = self._write_timeout = seconds

    def drop(self) -> None:
        """Ends the line. Rows that nobody has read would all be read first, by the driver's own way to close."""
        if self._result is not None:
            self._result.unbuffered_active = False
            self._result = None
        self._force_close()

    def ask(self, sql: str) -> SSCursor:
        """Sends a statement of our own; `text` makes what stands in it safe."""
        cursor = SSCursor(self)
        cursor.execute(sql)
        return cursor

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All of a short answer."""
        cursor = self.ask(sql)
        return [] if cursor.description is None else list(cursor.fetchall())


def text(value: str) -> str:
    """A value for a statement: by its bytes, so that no sign in it is ever read as SQL, whatever the server's mode."""
    return f"_utf8mb4 X'{value.encode().hex()}'"


def name(*parts: str) -> str:
    """A name for a statement."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def connect(connection: ConnectionInput, *, timeout_seconds: int) -> MariadbSession:
    """A session in UTC, without a transaction. Raises Problem."""
    options = DatabaseOptions(**connection.options)
    found = places.addresses(connection, options)
    session = MariadbSession(
        # The name stands in the certificate; the address is one that was checked.
        host=found[0].host,
        port=options.port,
        user=options.user,
        # As bytes: of a text the driver would take Latin-1.
        password=connection.secrets.get("password", "").encode(),
        database=options.database,
        charset="utf8mb4",
        conv={},
        autocommit=None,  # as we set it ourselves: the driver has no way to, where nothing is converted
        local_infile=False,
        program_name="procession",
        read_timeout=places.CONNECT_SECONDS,
        write_timeout=places.CONNECT_SECONDS,
        defer_connect=True,
        **_tls(connection, options.tls),
    )
    session.is_verified = options.tls == "verify"
    try:
        with in_words():
            session.connect(addresses.connect(found, seconds_max=places.CONNECT_SECONDS * len(found)))
            session.ask("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            session.ask(_SESSION.format(mode=_MODE, seconds=timeout_seconds))
    except Problem as problem:
        raise Problem(f"{connection.called}: {problem}") from None
    except OSError as error:
        why = "nothing listens at its port" if isinstance(error, ConnectionRefusedError) else "it did not answer"
        raise Problem(f"{connection.called}: {why}") from None
    except pymysql.Error as error:
        raise Problem(f"{connection.called}: {_refusal(error)}") from None
    session.give(timeout_seconds + _ANSWER_SECONDS)
    return session


def _tls(connection: ConnectionInput, tls: str) -> dict[str, Any]:
    if tls == "off":
        return {"ssl_disabled": True}
    try:
        context = ssl.create_default_context(cafile=places.roots() if tls == "verify" else None)
    except OSError:
        said = "there are no certificates of authorities here to check its own with"
        raise Problem(f"{connection.called}: {said}") from None
    if tls == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return {"ssl": context}


@contextmanager
def in_words() -> Iterator[None]:
    """What a broken or an evil server says, which the driver cannot read, is a Problem."""
    try:
        yield
    except UnicodeDecodeError:
        raise Problem("it holds a text that is not of the characters that its column says") from None
    except _BROKEN as error:
        asks = "LOAD_LOCAL" in str(error)
        raise Problem(
            "it asks for a file of this machine, and gets none" if asks else "it does not speak as MariaDB does"
        ) from None


def _refusal(error: pymysql.Error) -> str:
    number, said = code(error), str(error)
    for part, words in _IN_TLS.items():
        if part in said:
            return words
    if "timed out" in said:
        return f"it did not answer within {places.CONNECT_SECONDS} s"
    return _REFUSALS.get(number, "it could not be reached")


def code(error: pymysql.Error) -> int:
    """The number of the error; 0 for one of the driver's own."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def is_lost(error: pymysql.Error) -> bool:
    """Whether no answer came, so that nobody knows what became of what was sent."""
    return code(error) in _NO_ANSWER


def told(error: pymysql.Error, connection: ConnectionInput) -> str:
    """The database's own words, on one line, without secrets."""
    if is_lost(error):
        return "the connection to it was lost"
    if code(error) == _TIMED_OUT:
        return "a statement took longer than `timeout` and was ended"
    # Before it is cut: of a secret at the end the first half would stay.
    return clean(str(error.args[1]) if len(error.args) > 1 else str(error), connection)


def clean(said: str, connection: ConnectionInput) -> str:
    return " ".join(Blackout(connection).text(said).split())[:1_000]


def complaint(error: pymysql.Error, connection: ConnectionInput) -> str:
    """The same of a user's statement, with its line."""
    said = told(error, connection)
    if code(error) == _TIMED_OUT:
        return "the statement took longer than `timeout` and was ended"
    if code(error) == _READ_ONLY:
        return f"the statement changes something, and may only read: {said}"
    found = _LINE.search(said)
    return f"sql, line {found[1]}: {said[: found.start()]}" if found else said


def listed(names: Sequence[str]) -> str:
    """Names for a statement."""
    return ", ".join(map(name, names))
